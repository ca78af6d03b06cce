/*
 * metrics - GET /metrics, in Prometheus text format 0.0.4
 *
 * Counters count since this process began: what a file's receipt says is added when it has ended.  A tenant is a label, a file's name never
 * is.  Beyond METRICS_TENANTS the rest is summed up under tenant="_other", which no tenant can be called.
 * Source: prometheus.io/docs/instrumenting/exposition_formats, .../practices/naming.
 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include "watcher/base/strbuf.h"

#define METRICS_TENANTS 200

struct ingestd;

void metrics_write(struct ingestd *d, struct strbuf *out);

#endif

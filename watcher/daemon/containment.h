/*
 * containment - what keeps a worker that was taken over from everything else: what it may reach, and what status says
 *
 *	containment_reach(d, x, &reach, &f)      before a worker is chosen for the file
 *	containment_add_json(d, out)             for status
 *
 * A worker reaches the sinks of its tenant's jobs and of the file: folders of the embedded store, made here, and the ports of servers.
 * Failure: FAULT_SYSTEM, a folder that cannot be made.
 */
#ifndef DAEMON_CONTAINMENT_H
#define DAEMON_CONTAINMENT_H

#include "watcher/schedule/reach.h"

struct ingestd;
struct file;

int containment_reach(struct ingestd *d, const struct file *x, struct reach *r, struct fault *f) MUST_CHECK;
void containment_add_json(const struct ingestd *d, struct strbuf *out);

#endif

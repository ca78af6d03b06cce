/*
 * descriptors - how many files the daemon may have open, and for how many tenants they are enough
 *
 *	descriptors_raise()                    at the start: the soft limit becomes the hard one
 *	descriptors_enough(tenants, &f)        for so many tenants?
 *
 * A tenant takes up to TENANT_DESCRIPTORS.  DESCRIPTORS_KEPT are for what all need: journal, workers and what they are given, who asks
 * over HTTP.  So too many tenants cost those that came last, each told by name, and never the daemon.
 */
#ifndef DAEMON_DESCRIPTORS_H
#define DAEMON_DESCRIPTORS_H

#include "watcher/base/fault.h"

#define TENANT_DESCRIPTORS 10
#define DESCRIPTORS_KEPT 192

void descriptors_raise(void);
/* SYSTEM: they are not; the sentence has the limit and the remedy. */
int descriptors_enough(size_t tenants, struct fault *f) MUST_CHECK;

#endif

/*
 * descriptors - how many files the daemon may have open, and how many tenants share them
 *
 *	descriptors_raise()                    at the start: the soft limit becomes the hard one
 *	descriptors_tenants()                  so many tenants may have their files open at a time
 *	descriptors_enough(&f)                 can a tenant be served at all?
 *
 * A tenant that waits has none.  While something is done for it it has TENANT_DESCRIPTORS: folders, log; the tenants that were served last
 * keep theirs (base/lru.h), the others' are opened when they are needed.  DESCRIPTORS_KEPT are for what all need: journal, claims of a
 * batch, workers and what they are given, who asks over HTTP.
 */
#ifndef DAEMON_DESCRIPTORS_H
#define DAEMON_DESCRIPTORS_H

#include "watcher/base/fault.h"

#define TENANT_DESCRIPTORS 10
#define DESCRIPTORS_KEPT 320
#define TENANTS_OPEN_MAX 256 /* more would gain nothing: opening them again is some ten microseconds */
#define TENANTS_OPEN_MIN 4   /* as many as one piece of work may touch */

void descriptors_raise(void);
/* TENANTS_OPEN_MIN to TENANTS_OPEN_MAX. */
size_t descriptors_tenants(void);
/* SYSTEM: not even TENANTS_OPEN_MIN; the sentence has the limit and the remedy. */
int descriptors_enough(struct fault *f) MUST_CHECK;

#endif

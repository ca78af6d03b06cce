/*
 * recovery - what spool/recover finds becomes files of this daemon again
 *
 *	recovery_all(d, &f)             at start, before anything is watched: every tenant that has a folder in profiles/, then the runs
 *	recovery_open(d, t, &f)         a tenant that appears later: its folders, and what an earlier life left in them
 *
 * Files wait (parked) until their tenant's profile was looked at, but for those that only need placing.
 */
#ifndef DAEMON_RECOVERY_H
#define DAEMON_RECOVERY_H

#include "watcher/base/fault.h"

struct ingestd;
struct tenant;

int recovery_all(struct ingestd *d, struct fault *f) MUST_CHECK;
int recovery_open(struct ingestd *d, struct tenant *t, struct fault *f) MUST_CHECK;

#endif

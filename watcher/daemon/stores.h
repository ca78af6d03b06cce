/*
 * stores - the folders of the embedded store, one a tenant, and whose they are
 *
 *	stores_make(d, sink, "alice", &path, &f)      made where it is not there; given to the workers' user where they have their own
 *
 * The workers' user owns the folder and what is in it; the daemon's group may look into it (2770), since `journal check` counts there.
 * A store of a time before is given over whole.  Failure: FAULT_SYSTEM; also when a folder above keeps the workers' user out.
 * Ownership: *path is malloc'ed.
 */
#ifndef DAEMON_STORES_H
#define DAEMON_STORES_H

#include "watcher/base/fault.h"

struct ingestd;
struct sink_config;

int stores_make(const struct ingestd *d, const struct sink_config *s, const char *tenant, char **path,
		struct fault *f) MUST_CHECK;

#endif

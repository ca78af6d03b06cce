/*
 * manifests - the manifest of a run: taken out of in/ as a file, read by a worker, kept in work/ while its run is under way
 *
 *	manifests_start_run(profile, "x.manifest.json")     by its name: a run's, or the sidecar of x?
 *	manifests_route(d, x)                               claimed, woken or found at start: to a worker, for its list
 *	manifests_listed(d, x, m), manifests_read(d, x, m)  some names; its job: the run is made, or goes on
 *	manifests_wait(d, x, "b.csv: ...")                  WAITING, with what its run waits for
 *	manifests_end(d, x, state, reason)                  its run is over: done/ or failed/
 *
 * The id of the run is the arrival id of its manifest, and its files are the arrivals with that run; so the journal needs no list of them:
 * after a restart the manifest is read again.  It has the contract's word: a NAME.manifest.json whose NAME a manifest job takes, or no
 * other job, starts a run; any other one is the sidecar of NAME.
 * Failure: what is wrong with a manifest fails it, DATA; its files were not touched then.
 */
#ifndef DAEMON_MANIFESTS_H
#define DAEMON_MANIFESTS_H

#include "watcher/daemon/file.h"
#include "watcher/spool/runs.h"

#define MANIFESTS_MAX 100 /* of a tenant in work/: further ones wait in in/ */

bool manifests_start_run(const struct profile *p, const char *name);
/* Of NAME: is NAME.manifest.json a run's? */
bool manifests_own(const struct profile *p, const char *file);
bool manifest_is(const struct file *x);
void manifests_route(struct ingestd *d, struct file *x);
void manifests_listed(struct ingestd *d, struct file *x, const struct message *m);
void manifests_read(struct ingestd *d, struct file *x, const struct message *m);
void manifests_wait(struct ingestd *d, struct file *x, const char *reason);
void manifests_end(struct ingestd *d, struct file *x, enum run_state state, const char *reason);

#endif

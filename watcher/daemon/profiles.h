/*
 * profiles - the folder profiles/: who is a tenant, and which version of whom is in force
 *
 *	profiles_names(dir, fn, NULL, ctx, &f)  every tenant's folder there is; a second function for folders without a profile.json
 *	profiles_start(d, &f)                   first look, watches; later looks by themselves
 *	profiles_look(d, true)                  SIGHUP, reload: everything is looked at again
 *
 * A look loads what has changed (model/profile.h), asks `ingest-worker --check` about each filter, and puts the new version in force when
 * all said yes.  What is refused leaves the version in force as it is, and the log says file, path and reason; warnings of filters that can
 * be used are logged once for each version of a job.  Tenants come and go with
 * their folders.  inotify is a hint (200 ms of quiet, then a look); a look each rescan_seconds is the truth.
 */
#ifndef DAEMON_PROFILES_H
#define DAEMON_PROFILES_H

#include "watcher/base/fault.h"

struct ingestd;
struct tenant;

typedef void profiles_name(void *ctx, const char *tenant);

int profiles_names(const char *dir, profiles_name *fn, profiles_name *without, void *ctx, struct fault *f) MUST_CHECK;
int profiles_start(struct ingestd *d, struct fault *f) MUST_CHECK;
void profiles_stop(struct ingestd *d);
void profiles_look(struct ingestd *d, bool all);
/* What a check said of a filter that can be used, into the logs. */
void profiles_say_warnings(struct ingestd *d, struct tenant *t, const char *lines);

#endif

/*
 * local - a job version from the files of the configuration, as the daemon would make it
 *
 *	local_version(config or NULL, "alice", "vmtable", &text, &errors)
 *
 *	local_profiles(config or NULL, &folder, &f)       where the tenants' folders are, keys among them; malloc'ed
 *
 * For the verbs of the command line; the service gets its versions from the daemon.  Errors come as lines, every one.
 */
#ifndef WORKER_LOCAL_H
#define WORKER_LOCAL_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"

int local_version(const char *config, const char *tenant, const char *job, struct strbuf *text,
		  struct strbuf *errors) MUST_CHECK;
int local_profiles(const char *config, char **out, struct fault *f) MUST_CHECK;

#endif

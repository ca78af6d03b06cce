/*
 * job_edit - PUT and DELETE of a job over the HTTP API
 *
 *	job_edit_put(d, args, out, f)            args.tenant, job, body
 *	job_edit_make(d, &edit_of, args, f)      the same with a name and an answer of one's own (the seed's)
 *	job_edit_delete(d, args, out, f)
 *
 * The text is read and judged as the profiles' own files are; its filter is compiled in a child (check.h).  When all is well it is put into
 * profiles/T/jobs as one atomic replacement, the folder is looked at, and the answer waits until the version is in force.
 * Whatever is wrong leaves things as they were: 422 with every error.
 * Failure: 404 no such tenant or job, 409 (a run is under way, another edit is, the tenant's files are refused as they are), 503.
 */
#ifndef DAEMON_JOB_EDIT_H
#define DAEMON_JOB_EDIT_H

#include "watcher/admin/admin.h"

struct ingestd;

struct job_edit_of {
	const char *tenant, *job;
	struct span text;
	bool seed; /* the seed's answer; another specification under a name that is taken is refused */
};

unsigned job_edit_put(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned job_edit_make(struct ingestd *d, const struct job_edit_of *of, const struct admin_args *args, struct fault *f);
unsigned job_edit_delete(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);

#endif

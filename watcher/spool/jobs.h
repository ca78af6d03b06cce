/*
 * jobs - what the outbox last said of each job, so that it says it once
 *
 *	jobs_put(j, "alice", "rows", body, &f)       in force as body says; nothing happens when that is known
 *	jobs_each(j, "alice", fn, ctx, &f)           the jobs known of a tenant; NULL: of all
 *	jobs_remove(j, "alice", "rows", &f)          it is gone
 *
 * body: members of a JSON object without its braces and without times.  The record in the outbox (kind "job", key TENANT/JOB) is
 * id, tenant, job, state (in force, removed), body's members and times.changed; a removed one has the body it had.
 * Writes are part of the open transaction; failures as in journal.h.
 */
#ifndef SPOOL_JOBS_H
#define SPOOL_JOBS_H

#include "watcher/spool/journal.h"

typedef void jobs_fn(void *ctx, const char *tenant, const char *job);

int jobs_put(struct journal *j, const char *tenant, const char *job, const char *body,
	     struct fault *f) MUST_CHECK;
int jobs_remove(struct journal *j, const char *tenant, const char *job, struct fault *f) MUST_CHECK;
int jobs_each(struct journal *j, const char *tenant, jobs_fn *fn, void *ctx, struct fault *f) MUST_CHECK;

#endif

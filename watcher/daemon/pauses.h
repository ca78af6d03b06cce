/*
 * pauses - what somebody has paused, with the reason, kept over restarts: tenants, jobs, sinks, and everything (drain)
 *
 *	pauses_start(d, &f)                          those of the journal
 *	pauses_set(d, PAUSE_JOB, "alice/t", "why", &f)     in force and durable; one that is there gets the new reason
 *	pauses_end(d, PAUSE_JOB, "alice/t", &f)      1 what waited for it goes on, 0 it was not paused
 *	pauses_why(d, "alice", "t", "local")         NULL: nothing; else the sentence; each may be NULL
 *	pauses_wait(d, x, &f)                        is x to wait?  f says why
 *
 * What is paused begins nothing: a tenant's or job's files stay in in/, those that were taken wait, runs are not started; a sink's files
 * are taken and wait.  What a worker has is finished.  Drained is all that at once: nothing is taken or given to a worker.
 *
 * Failure: a journal that cannot be written leaves things as they are.
 */
#ifndef DAEMON_PAUSES_H
#define DAEMON_PAUSES_H

#include "watcher/base/map.h"
#include "watcher/base/strbuf.h"
#include "watcher/daemon/file.h"

enum pause_kind { PAUSE_TENANT, PAUSE_JOB, PAUSE_SINK, PAUSE_ALL };

struct pauses {
	struct map by_key; /* struct pause */
	bool said_drained;
};

int pauses_start(struct ingestd *d, struct fault *f) MUST_CHECK;
void pauses_release(struct ingestd *d);
int pauses_set(struct ingestd *d, enum pause_kind kind, const char *name, const char *reason, struct fault *f) MUST_CHECK;
int pauses_end(struct ingestd *d, enum pause_kind kind, const char *name, struct fault *f) MUST_CHECK;
const char *pauses_why(const struct ingestd *d, const char *tenant, const char *job, const char *sink);
/* Of this one alone. */
const char *pauses_of(const struct ingestd *d, enum pause_kind kind, const char *name);
const char *pauses_of_job(const struct ingestd *d, const char *tenant, const char *job);
bool pauses_wait(const struct ingestd *d, const struct file *x, struct fault *f);
/* The tenant is no more: nor is what was paused of it. */
int pauses_forget(struct ingestd *d, const char *tenant, struct fault *f) MUST_CHECK;
/* Drained, and nothing is in work any more; said once in the log. */
bool pauses_drained(struct ingestd *d);
void pauses_add_json(const struct ingestd *d, struct strbuf *out);

#endif

/*
 * views - what the admin API answers: the daemon's state as JSON, made from memory and the journal at once
 */
#ifndef DAEMON_VIEWS_H
#define DAEMON_VIEWS_H

#include "watcher/admin/admin.h"
#include "watcher/daemon/wish.h"

struct ingestd;
struct tenant;
struct run;

/* ctx: struct ingestd.  Returns the HTTP status. */
unsigned views_call(void *ctx, enum admin_route route, const struct admin_args *args, struct strbuf *out,
		    struct fault *f);

void views_said(void *ctx, const char *source, const char *why);

struct tenant;
struct backlog {
	size_t queued, running, waiting;
	int64_t oldest_ms;
	const char *reason; /* of the one that waits */
};
/* Of a tenant's living files; NULL: of all. */
void views_backlog(struct ingestd *d, const struct tenant *t, struct backlog *out);

/* views_jobs.c */
struct tenant;
struct job;
void views_add_job(struct ingestd *d, const struct tenant *t, const struct job *j, struct strbuf *out);
unsigned views_jobs(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_job(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_start(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_stop(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);

/* views_usage.c */
unsigned views_usage(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);

/* views_pauses.c */
unsigned views_pause_tenant(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_resume_tenant(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_pause_job(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_resume_job(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_pause_sink(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_resume_sink(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_drain(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_drain_end(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);

/* views_queue.c */
unsigned views_queue(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_queue_trace(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);

/* views_files.c */
#define VIEWS_LIMITS "limit must be a number from 1 to 1000"
/* ?limit=, 100 without one; false: it is no number that a page can have. */
bool views_limit(const struct admin_args *args, size_t *out);
/* Whose records: the token's own, else ?tenant=, NULL: everybody's; false: it asks of another's. */
bool views_tenant(const struct admin_args *args, const char **out);
unsigned views_files(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_wish(struct ingestd *d, enum wish w, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_file(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
/* explain.c: how much lies in in/ for ten minutes and is not taken, and which files (status). */
void views_add_lying(struct ingestd *d, const struct tenant *t, struct strbuf *out);
/* A living one is told from memory: whether a worker has it is known there alone. */
const struct file_row *views_freshest(struct ingestd *d, const struct file_row *r);
unsigned views_explain(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_runs(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
/* On arrival a run is one file and has its id: 1, 0 there is none, -1. */
int views_arrival_run(struct ingestd *d, const char *id, struct run *out, struct fault *f);
unsigned views_run(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);

#endif

/*
 * runs - one start of a job each (profiles.md, Triggers and runs)
 *
 *	struct run r;
 *	run_init(&r); ulid_make(now, r.id); file_row_set(&r.tenant, ...) ...
 *	runs_insert(j, &r, &f)                        state created
 *	runs_set_state(j, &r, RUN_STARTING, &f)       saves everything and the state
 *	run_release(&r)
 *
 * A new run and each change of its state put its record into the outbox in the same transaction.
 * Durable after journal_commit; failures as in journal.h.  Which files: arrivals with that run
 * (journal_list, tally).
 */
#ifndef SPOOL_RUNS_H
#define SPOOL_RUNS_H

#include "watcher/spool/journal.h"
#include "watcher/model/job.h"

struct run {
	char id[ULID_TEXT];
	char *tenant;
	char *job;
	enum job_trigger trigger;
	enum run_state state;
	char *reason;        /* "Total file size exceeds limit", "1 of 3 files failed", ... */
	char *left_out_json; /* an array of {file, reason}: what a start left in in/; NULL = none */
	uint64_t files;      /* taken */
	uint64_t done;       /* done or duplicate */
	uint64_t failed;
	uint64_t held;
	uint64_t bytes;
	struct {
		int64_t created, started, finished;
	} times;
};

void run_init(struct run *r);
void run_release(struct run *r);
/*
 * The record of a run:
 * {"id","tenant","job","trigger","state","reason","files","done","failed","held","bytes",
 *  "left_out","times","history"}: history is a list of {"state","at"}
 */
void run_add_json(struct strbuf *sb, const struct run *r);

/* The run of a file that was taken on arrival: it has the file's id.  out is run_init'ed. */
void run_of_arrival(const struct file_row *row, struct run *out);

int runs_insert(struct journal *j, const struct run *r, struct fault *f) MUST_CHECK;
int runs_save(struct journal *j, const struct run *r, struct fault *f) MUST_CHECK;
int runs_set_state(struct journal *j, struct run *r, enum run_state to, struct fault *f) MUST_CHECK;
int runs_by_id(struct journal *j, const char *id, struct run *out,
	       struct fault *f) MUST_CHECK; /* 1, 0, -1 */

typedef bool runs_fn(void *ctx, const struct run *r);
/* Newest first; tenant, job NULL = all; limit 0 = 100. */
int runs_list(struct journal *j, const char *tenant, const char *job, size_t limit, runs_fn *fn,
	      void *ctx, struct fault *f) MUST_CHECK;
/* created, starting, running: at start, oldest first. */
int runs_alive(struct journal *j, runs_fn *fn, void *ctx, struct fault *f) MUST_CHECK;

#endif

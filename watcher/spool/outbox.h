/*
 * outbox - records on their way to the recorder
 *
 * journal_set_state, runs_insert, runs_set_state, jobs_put and usage_tell append; the daemon hands rows to the recorder from a
 * number on and acknowledges up to one.  A row acknowledged is gone; numbers are never used twice.
 * A row that the recorder's store refuses is kept apart (outbox_refused) until a later row of the same
 * key is acknowledged, or outbox_again puts it at the end.  Without a recorder
 * (journal_options) the newest OUTBOX_KEEP rows are kept and nothing waits: the records themselves
 * stay in the journal (view files).
 */
#ifndef SPOOL_OUTBOX_H
#define SPOOL_OUTBOX_H

#include "watcher/model/recording.h"
#include "watcher/spool/journal.h"

#define OUTBOX_KEEP 1000

struct outbox_row {
	int64_t seq;
	const char *kind; /* "file", "run", "job", "usage" */
	const char *key;  /* A, run id, TENANT/JOB, TENANT/DAY */
	struct span body; /* the record, one JSON object */
};

/* kind a literal; part of the open transaction. */
int outbox_append(struct journal *j, const char *kind, const char *key, struct span body,
		  struct fault *f) MUST_CHECK;
/* Rows after seq, in order, at most limit (0 = 100); fn returns false to stop. */
int outbox_read(struct journal *j, int64_t after, size_t limit,
		bool (*fn)(void *ctx, const struct outbox_row *row), void *ctx,
		struct fault *f) MUST_CHECK;
int outbox_ack(struct journal *j, int64_t upto, struct fault *f) MUST_CHECK;
/* The recorder is through with every row up to `upto`: these were refused, the others written. */
int outbox_done(struct journal *j, int64_t upto, const struct recording_refusal *refused, size_t count,
		struct fault *f) MUST_CHECK;
/* Every refused row goes to the end of the outbox, to be tried again. */
int outbox_again(struct journal *j, struct fault *f) MUST_CHECK;

struct outbox_state {
	uint64_t rows;
	int64_t oldest_ms; /* 0: none */
	uint64_t refused;
};

int outbox_state(struct journal *j, struct outbox_state *out, struct fault *f) MUST_CHECK;
/* Those that are kept apart, newest first, at most `limit`; fn returns false to stop. */
int outbox_refused(struct journal *j, size_t limit,
		   bool (*fn)(void *ctx, const char *kind, const char *key, const char *reason, int64_t refused_ms),
		   void *ctx, struct fault *f) MUST_CHECK;
int outbox_count(struct journal *j, uint64_t *out, struct fault *f) MUST_CHECK;
/* Rows appended since the journal was opened: has something come? */
uint64_t outbox_appended(const struct journal *j);

#endif

/*
 * outbox - records on their way to the recorder
 *
 * journal_set_state and runs_set_state append; the recorder reads from a number on and acknowledges
 * up to one.  A row acknowledged is gone; numbers are never used twice.  Without a recorder
 * (journal_options) the newest OUTBOX_KEEP rows are kept and nothing waits: the records themselves
 * stay in the journal (view files).
 */
#ifndef SPOOL_OUTBOX_H
#define SPOOL_OUTBOX_H

#include "watcher/spool/journal.h"

#define OUTBOX_KEEP 1000

struct outbox_row {
	int64_t seq;
	const char *kind; /* "file", "run" */
	const char *key;  /* A, run id */
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
int outbox_count(struct journal *j, uint64_t *out, struct fault *f) MUST_CHECK;

#endif

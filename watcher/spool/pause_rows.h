/*
 * pause_rows - what somebody has paused: a tenant, a job, a sink, or everything
 *
 *	pause_rows_put(j, &row, &f)             in the place of one of the same kind and name
 *	pause_rows_drop(j, "job", "alice/t", &f)
 *	pause_rows_each(j, fn, ctx, &f)         at a start
 *
 * Failures as in journal.h.
 */
#ifndef SPOOL_PAUSE_ROWS_H
#define SPOOL_PAUSE_ROWS_H

#include "watcher/spool/journal.h"

struct pause_row {
	const char *kind, *name, *reason;
	int64_t since_ms;
};

int pause_rows_put(struct journal *j, const struct pause_row *p, struct fault *f) MUST_CHECK;
int pause_rows_drop(struct journal *j, const char *kind, const char *name, struct fault *f) MUST_CHECK;
int pause_rows_each(struct journal *j, void (*fn)(void *ctx, const struct pause_row *p), void *ctx, struct fault *f) MUST_CHECK;

#endif

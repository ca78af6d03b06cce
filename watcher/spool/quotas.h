/*
 * quotas - what the journal knows of daily quotas: which files count for a day, and which a quota holds
 *
 *	quotas_used(j, "alice", "2026-11-26", &sum, &f)       files and bytes of rows with that quota_day
 *	quotas_planned(j, "alice", &ms, &sum, &f)             the last time at which held ones are let go, and how many then; 0: none
 *	quotas_held(j, "alice", &from, due_ms, 64, fn, ctx, &f)   those in held/, in the order in which they are let go
 *
 * The rows themselves are the books of a quota: nothing else could disagree with them after a crash.
 */
#ifndef SPOOL_QUOTAS_H
#define SPOOL_QUOTAS_H

#include "watcher/spool/journal.h"

struct quota_sum {
	uint64_t files, bytes;
};

int quotas_used(struct journal *j, const char *tenant, const char *day, struct quota_sum *out, struct fault *f) MUST_CHECK;
int quotas_planned(struct journal *j, const char *tenant, int64_t *until_ms, struct quota_sum *out, struct fault *f) MUST_CHECK;
/* Where a look is: behind that one. */
struct quota_place {
	int64_t until_ms; /* -1: at the begin */
	char arrival[ULID_TEXT];
};

/*
 * By the time that they are promised, then by arrival; those that are promised nothing first.  due_ms: only what is promised, by then;
 * INT64_MAX: all of them.
 */
int quotas_held(struct journal *j, const char *tenant, const struct quota_place *from, int64_t due_ms, size_t limit,
		journal_row_fn *fn, void *ctx, struct fault *f) MUST_CHECK;

#endif

/*
 * quotas - what the journal knows of daily quotas: which files count for a day, and which a quota holds
 *
 *	quotas_used(j, "alice", "2026-11-26", &sum, &f)       files and bytes of rows with that quota_day
 *	quotas_planned(j, "alice", &ms, &sum, &f)             the last time at which held ones are let go, and how many then; 0: none
 *	quotas_held(j, "alice", after, due_ms, 64, fn, ctx, &f)       those in held/, oldest arrival first
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
/* after: an arrival, "" from the first.  due_ms: those to be let go by then; INT64_MAX: and those that are promised nothing. */
int quotas_held(struct journal *j, const char *tenant, const char *after, int64_t due_ms, size_t limit, journal_row_fn *fn,
		void *ctx, struct fault *f) MUST_CHECK;

#endif

/*
 * retain - what retention takes away: placed files that are old enough, later their rows in the journal
 *
 *	retain_due(j, tenant, FOLDER_DONE, before_ms, n, fn, ctx, &f)    placed before then, not removed yet; oldest first
 *	retain_remove(folders, &row, &f)      file, receipt and rejects; 1 removed or gone before, 0 not ours, -1
 *	retain_sync(folders, FOLDER_DONE, &f)
 *	row.times.removed = now; journal_save(j, &row, &f)               after the sync, never before
 *	retain_prune(j, before_ms, n, &count, &f)                        rows of files removed before then
 *
 * Killed in between, the next look finds the files gone and says so in the journal.  The table of deliveries is never touched: a
 * pruned file that comes again is a duplicate still, and `why` knows its name.
 *
 * A run that was refused as a whole has a receipt and no file: both its receipt and its row go with retain_refused.
 */
#ifndef SPOOL_RETAIN_H
#define SPOOL_RETAIN_H

#include "watcher/spool/runs.h"

/* fn's calls may write, not query (journal.h). */
int retain_due(struct journal *j, const char *tenant, enum folder folder, int64_t before_ms, size_t limit,
	       journal_row_fn *fn, void *ctx, struct fault *f) MUST_CHECK;
int retain_remove(const struct folders *t, const struct file_row *r, struct fault *f) MUST_CHECK;
int retain_sync(const struct folders *t, enum folder folder, struct fault *f) MUST_CHECK;
/* Of the tenant, at most limit; *count: how many. */
int retain_refused(struct journal *j, const struct folders *t, int64_t before_ms, size_t limit, size_t *count,
		   struct fault *f) MUST_CHECK;
/* Of arrivals, and of runs that ended and that no arrival names any more; at most limit of each. */
int retain_prune(struct journal *j, int64_t before_ms, size_t limit, size_t *count,
		 struct fault *f) MUST_CHECK;

#endif

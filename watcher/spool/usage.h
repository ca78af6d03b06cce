/*
 * usage - what each tenant used on each UTC day: what it is billed by
 *
 *	usage_book(j, &row, at_ms, &f)        the row's share is as the row is now; the difference goes to the day of at_ms
 *	usage_list(j, &filter, fn, ctx, &f)   a line a tenant and day, or a tenant
 *	usage_fill(j, since, now_ms, &f)      a line for each day on which a tenant had files in done/, up to today's
 *	usage_tell(j, &count, &f)             lines that changed go into the outbox, as records
 *	usage_close(j, "alice", now_ms, &f)   a tenant is removed: its files are in done/ no more
 *
 * A file's share is what its record says: one file, its bytes, rows read, rows indexed, bytes sent of a file that is done, CPU seconds.  It
 * is booked in the transaction of the file's end (journal_set_state), so the sums of usage are at any time the sums of the records.  When a
 * file ends again (released, undone, rerun) the difference is booked on the day of that end: days that are over never change, and what was
 * undone is taken off today.  What retention and the journal's pruning remove stays booked.
 * Storage: done_bytes are the bytes that came into done/ on a day less those that left it; their sum up to a day is what lay there at its
 * end, and that is the day's storage in byte-days.
 */
#ifndef SPOOL_USAGE_H
#define SPOOL_USAGE_H

#include "watcher/spool/journal.h"

/* Part of the open transaction; changes r->booked, which the caller saves with the row. */
int usage_book(struct journal *j, struct file_row *r, int64_t at_ms, struct fault *f) MUST_CHECK;

struct usage_filter {
	const char *tenant; /* NULL: all */
	const char *from, *to; /* days, both included */
	bool total; /* a line a tenant: the days together */
};

struct usage {
	const char *tenant;
	const char *day; /* NULL: several */
	struct usage_sums sums;
	int64_t storage_byte_days;
};

/* By tenant and day; valid until it returns. */
typedef void usage_fn(void *ctx, const struct usage *u);
int usage_list(struct journal *j, const struct usage_filter *filter, usage_fn *fn, void *ctx, struct fault *f) MUST_CHECK;
/* Members of an object: tenant, day, files, ... storage_byte_days. */
void usage_add_json(struct strbuf *out, const struct usage *u);

/* since: the last day that was filled, "": the journal's last; at most 400 days. */
int usage_fill(struct journal *j, const char *since, int64_t now_ms, struct fault *f) MUST_CHECK;
/* *count 0: every line was told. */
int usage_tell(struct journal *j, size_t *count, struct fault *f) MUST_CHECK;
/* 1 a line was not told yet, 0, -1. */
int usage_untold(struct journal *j, struct fault *f) MUST_CHECK;
int usage_close(struct journal *j, const char *tenant, int64_t now_ms, struct fault *f) MUST_CHECK;

#endif

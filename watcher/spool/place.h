/*
 * place - out of work/A into done/, failed/ or held/ with receipt and rejects (delivery.md, Order
 * 6-8)
 *
 *	row->outcome is set (INDEXED, or CLAIMED/IDENTIFIED/GATED/UNDOING that ended)
 *	place_choose(t, j, row, &f)           sets row->folder, target, rejects: a name that is free
 *	place_receipt(t, row, &f)             work/A/NAME.receipt.json, durable
 *	journal_set_state(PLACING), journal_commit
 *	r = place_move(t, row, &f)            a receipt if there is none; rejects, receipt, sidecar, then the file; both folders fsynced
 *	journal_set_state(PLACED or HELD), journal_commit
 *	place_clean(t, row, &f)               work/A is removed
 *
 * Both in halves, so that many files share what is made durable (daemon/durables.c): place_receipt_write, _sync,
 * _name and _end; place_rename and place_sync.
 *
 * Each step may be done again after a crash at any point of it: place_move looks at what is where.
 * Files are given to the tenant's group, 0440 (the file) and 0640 (receipt, rejects).  An empty
 * rejects file is removed, not placed. A file that is not there (removed by hand) does not stop its
 * receipt: PLACE_MISSING.
 * Failure: SYSTEM; durable_broken() says whether to exit; otherwise (disk full) the same call is
 * made again later.
 */
#ifndef SPOOL_PLACE_H
#define SPOOL_PLACE_H

#include "watcher/spool/journal.h"

enum place_result {
	PLACE_DONE,
	/* receipt and rejects are placed; the file is in neither folder: say so in the log */
	PLACE_MISSING,
	/* a stranger took the name: place_choose, place_receipt, journal_save, commit, and again */
	PLACE_TAKEN,
	PLACE_FAILED, /* fault set */
};

/*
 * The name is free when neither it nor its .receipt.json, .rejects.csv, .rejects.ndjson is there
 * and no other row is being placed there; else NAME.A is taken, and NAME.A.2 ...
 */
int place_choose(struct folders *t, struct journal *j, struct file_row *r,
		 struct fault *f) MUST_CHECK;
int place_receipt(const struct folders *t, const struct file_row *r, struct fault *f) MUST_CHECK;
enum place_result place_move(const struct folders *t, const struct file_row *r,
			     struct fault *f) MUST_CHECK;
struct durable_batch;
/* A receipt that is written and not yet durable, nor under its name; _end ends it.  b: several at once, or NULL. */
struct place_receipt {
	int dir, fd;
	bool synced; /* else it gets no name */
	bool named;
	char *name;
};
int place_receipt_write(const struct folders *t, const struct file_row *r, struct place_receipt *out, struct fault *f) MUST_CHECK;
int place_receipt_sync(struct place_receipt *p, struct durable_batch *b, struct fault *f) MUST_CHECK;
int place_receipt_name(struct place_receipt *p, struct fault *f) MUST_CHECK;
int place_receipt_end(struct place_receipt *p, struct durable_batch *b, struct fault *f) MUST_CHECK;
/* The folders that a file left and came to; -1: there is none.  Whatever place_rename says, it is to be closed. */
struct place_moved {
	int work, target;
};
enum place_result place_rename(const struct folders *t, const struct file_row *r, struct place_moved *out,
			       struct fault *f) MUST_CHECK;
/* target_too: else the caller has seen to the target's folder, behind the last place_rename into it. */
int place_sync(const struct folders *t, const struct file_row *r, struct place_moved *m, bool target_too,
	       struct durable_batch *b, struct fault *f) MUST_CHECK;
void place_moved_close(struct place_moved *m);
/* What is of no use any more in work/A (1: that is not there), then work/A: _clean does both. */
int place_empty(const struct folders *t, const struct file_row *r, bool *is_empty, struct fault *f) MUST_CHECK;
int place_remove(const struct folders *t, const struct file_row *r, struct fault *f) MUST_CHECK;
int place_clean(const struct folders *t, const struct file_row *r, struct fault *f) MUST_CHECK;

/* failed/JOB.RUN.receipt.json with content, durable; done again: the same file. */
int place_run_receipt(const struct folders *t, const char *job, const char *run,
		      struct span content, struct fault *f) MUST_CHECK;

#endif

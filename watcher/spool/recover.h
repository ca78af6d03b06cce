/*
 * recover - what a dead daemon left behind, found at start
 *
 *	recover(folders, n, j, fn, ctx, &f)      before any tenant is watched, with the lock held
 *
 * First the journal's living rows (oldest first), then the entries of work/ of every tenant given.  fn is called once for each with
 * what is to be done; it may write to the journal (commit after recover returns), and must not query it.  Empty folders of work/
 * without a living row, and leftovers of PLACED and HELD rows, are removed here.
 *
 * Failure: of one entry: fn gets it as RECOVER_ODD with the fault; of the journal, of work/ itself, of any fsync: -1, SYSTEM.
 */
#ifndef SPOOL_RECOVER_H
#define SPOOL_RECOVER_H

#include "watcher/spool/journal.h"

enum recover_action {
	RECOVER_ADOPT,     /* work/A has a proven file and no row: insert one (id, name, size, times are given) */
	RECOVER_GIVEN_BACK, /* the same, but somebody has it open for writing or the like: it is in in/ again under `name`; log */
	RECOVER_WITHDRAWN, /* a row CLAIMED without a file: journal_forget it; log */
	RECOVER_REQUEUE,   /* CLAIMED, IDENTIFIED, GATED, LOADING, UNDOING: to a worker (a LOADING one with its checkpoint) */
	RECOVER_RECEIPT,   /* INDEXED: go on at place_choose and place_receipt */
	RECOVER_PLACE,     /* PLACING: go on at place_move */
	RECOVER_WAIT,      /* WAITING: until row->until_ms */
	RECOVER_FAIL,      /* another size than at the claim (fault DATA): fail it; if leg.sent: hold it in WAITING, it cannot be undone */
	RECOVER_LOST,      /* the file is gone from work/A (fault SYSTEM); nothing sent: fail it; else WAITING, operator told */
	RECOVER_NO_TENANT, /* a living row of a tenant that was not given: leave it */
	RECOVER_ODD,       /* an entry of work/ that is nobody's; left there; log */
};

struct recovered {
	enum recover_action action;
	const char *tenant;
	struct folders *folders;    /* NULL: NO_TENANT */
	const struct file_row *row; /* NULL: ADOPT, GIVEN_BACK, ODD; copy it with file_row_copy */
	/* ADOPT, GIVEN_BACK, ODD */
	const char *arrival; /* the folder's name */
	const char *name;    /* of the file; ODD: what was found, or NULL */
	uint64_t size;
	int64_t mtime_ms;
	int64_t claimed_ms; /* when work/A was made: the id's time */
	const struct fault *fault; /* why; kind NONE when there is nothing to say */
};

typedef int recover_fn(void *ctx, const struct recovered *r, struct fault *f);

/* fn's -1 ends it. */
int recover(struct folders *const *folders, size_t count, struct journal *j, recover_fn *fn, void *ctx,
	    struct fault *f) MUST_CHECK;
const char *recover_action_name(enum recover_action a);

#endif

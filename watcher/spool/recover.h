/*
 * recover - what a dead daemon left behind, found at start
 *
 *	recover(folders, n, j, fn, ctx, &f)      before any tenant is watched, with the lock held
 *
 * First the journal's living rows (oldest first), then the entries of work/ of every tenant given.
 * fn is called once for each with what is to be done; it may write to the journal (commit after
 * recover returns), and must not query it.  Empty folders of work/ without a living row, and
 * leftovers of PLACED and HELD rows, are removed here.
 *
 * Failure: of one entry: fn gets it as RECOVER_ODD with the fault; of the journal, of work/ itself,
 * of any fsync: -1, SYSTEM.
 */
#ifndef SPOOL_RECOVER_H
#define SPOOL_RECOVER_H

#include "watcher/spool/journal.h"

enum recover_action {
	/* work/A has a proven file and no row: insert one (id, name, size, times are given) */
	RECOVER_ADOPT,
	/* the same, but not to be proven (a writer, ...): it is in in/ again under `name`; log */
	RECOVER_GIVEN_BACK,
	/* a row CLAIMED without a file: journal_forget it; log */
	RECOVER_WITHDRAWN,
	/* CLAIMED, IDENTIFIED, GATED, LOADING, UNDOING: to a worker (with its checkpoint) */
	RECOVER_REQUEUE,
	/* INDEXED, REPLACING: go on at what it replaces, or place_choose and place_receipt */
	RECOVER_RECEIPT,
	/* PLACING: go on at place_move */
	RECOVER_PLACE,
	/* RETAKING: go on at retake_move */
	RECOVER_RETAKE,
	/* WAITING: until row->until_ms */
	RECOVER_WAIT,
	/* another size than at the claim (DATA): fail it; leg.sent: WAITING, it cannot be undone */
	RECOVER_FAIL,
	/* the file is gone from work/A (SYSTEM): fail it; leg.sent: WAITING, operator told */
	RECOVER_LOST,
	/*
	 * the file is gone from work/A and its receipt lies in done/, failed/ or held/: it was placed under a
	 * journal that came after this one (a backup was restored); journal_forget_placed it, put the
	 * delivery as `placed` says
	 */
	RECOVER_PLACED_SINCE,
	/* a living row of a tenant that was not given: leave it */
	RECOVER_NO_TENANT,
	/* an entry of work/ that is nobody's; left there; log */
	RECOVER_ODD,
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
	int64_t claimed_ms;        /* when the file came into work/A */
	bool placed_done;	   /* PLACED_SINCE: its rows are in the sink */
	const struct fault *fault; /* why; kind NONE when there is nothing to say */
};

typedef int recover_fn(void *ctx, const struct recovered *r, struct fault *f);

/* fn's -1 ends it. */
int recover(struct folders *const *folders, size_t count, struct journal *j, recover_fn *fn,
	    void *ctx, struct fault *f) MUST_CHECK;
const char *recover_action_name(enum recover_action a);

#endif

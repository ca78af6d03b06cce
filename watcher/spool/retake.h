/*
 * retake - out of done/, failed/ or held/ back into work/A: place in the other direction
 *
 *	journal_set_state(RETAKING), journal_commit
 *	r = retake_move(t, row, &f)           the file, its rejects, its receipt; all folders fsynced
 *	file_row_renew(row), journal_set_state(CLAIMED)        or UNDOING, row kept
 *
 * row->folder, target and rejects say where it lies.  May be done again after a crash at any point
 * of it: what is no more there was moved by the try before.  The file becomes the daemon's alone
 * again (0400).
 * Failure: SYSTEM; durable_broken() says whether to exit; otherwise the same call is made again
 * later.
 */
#ifndef SPOOL_RETAKE_H
#define SPOOL_RETAKE_H

#include "watcher/spool/file_row.h"

enum retake_result {
	RETAKE_DONE,
	/* the file is in neither folder, or what lies there is another one (fault set: which) */
	RETAKE_MISSING,
	RETAKE_FAILED, /* fault set */
};

/* Is the file where it was placed?  DONE; MISSING and FAILED with a fault. */
enum retake_result retake_look(const struct folders *t, const struct file_row *r,
			       struct fault *f) MUST_CHECK;
enum retake_result retake_move(const struct folders *t, const struct file_row *r,
			       struct fault *f) MUST_CHECK;
/* The receipt and rejects of a file that is missing: they follow it into work/A. */
int retake_sides(const struct folders *t, const struct file_row *r, struct fault *f) MUST_CHECK;

#endif

/*
 * wish - what a person wants of one file: undo, retry, release, rerun
 *
 *	wish_apply(d, WISH_UNDO, &row, &f)        0: begun; -1: refused, f (CONFIG) says why and what to do instead
 *
 *	              done                  failed, undone         held                  waiting
 *	undo          rows taken back,      -                      -                     given up: rows taken back,
 *	              to failed/ as undone                                               to failed/ as undone
 *	retry         -                     loaded as a new file   judged anew           tried at once; under another
 *	                                                                                 version it is undone first
 *	release       -                     -                      let through           -
 *	rerun         taken back, loaded    as retry               as retry              taken back, loaded
 *
 * Loading means under the job version in force now.  A duplicate may be retried once the delivery it repeats was undone.  A file that is
 * on its way to its folder is left alone, waiting or not: its end comes first.  But one that waits because what it replaces cannot be
 * taken back is undone or run again as one that is done.  rerun refuses a done file whose job or key is gone: nothing could load it again.
 *
 * A placed file goes RETAKING (committed) -> back into work/A -> CLAIMED, or UNDOING where rows of it are stored.  From then on its
 * delivery is `loading`: whoever sends the same bytes waits for what becomes of it.
 * The file must lie where it was placed; only undo goes without it, where no row was split (its documents' ids are then known).
 */
#ifndef DAEMON_WISH_H
#define DAEMON_WISH_H

#include "watcher/daemon/turn.h"
#include "watcher/spool/journal.h"

enum wish { WISH_UNDO, WISH_RETRY, WISH_RELEASE, WISH_RERUN };

const char *wish_name(enum wish w); /* "undo", ... */
/* stored: the journal's row; a living one is found by its arrival. */
int wish_apply(struct ingestd *d, enum wish w, const struct file_row *stored, struct fault *f) MUST_CHECK;
/* What wish_apply has begun, in a sentence. */
const char *wish_sentence(enum wish w);
/* The undo of a done file by another, `by`, that is stored in its place. */
int wish_replaced(struct ingestd *d, const struct file_row *stored, const char *by, struct fault *f) MUST_CHECK;

/* A quota has room for a held file, or is to judge it anew: taken as if it came now.  The row is the caller's copy. */
int wish_let_go(struct ingestd *d, struct file_row *r, struct fault *f) MUST_CHECK;

file_step step_retake;

#endif

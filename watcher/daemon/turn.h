/*
 * turn - once an iteration of the loop: the journal's commit, then what waited for it
 *
 *	file_set_state(d, x, FILE_GATED);
 *	turn_then(d, x, step_load);          run after the commit, never before
 *	turn_cancel(d, x)                    the worker died meanwhile
 *
 * A turn is: commit; the folders of new claims fsynced (each work/A, then each tenant's work/ and in/ once); then the steps that waited;
 * then what these wrote and moved is made durable, of all files together (durables.h).
 * A step may write again and give the next step: the turn goes on until nothing is pending or its time is used, then the loop polls.
 * The crash points around a commit are the journal's own.  The loop waits nowhere else; worst_us is the longest iteration.
 *
 * Failure: a commit that failed for want of space is tried each second (the journal keeps the writes), and until then no step runs, no
 * claim and no worker begins.  Anything worse is ingestd_fatal.
 */
#ifndef DAEMON_TURN_H
#define DAEMON_TURN_H

#include "watcher/base/fault.h"

struct ingestd;
struct file;

typedef void file_step(struct ingestd *d, struct file *x);

void turn_start(struct ingestd *d);
void turn_stop(struct ingestd *d);
void turn_then(struct ingestd *d, struct file *x, file_step *step);
void turn_cancel(struct ingestd *d, struct file *x);
/* The same, and it is not in the turn any more: it goes away. */
void turn_remove(struct ingestd *d, struct file *x);
/* The commit alone (the claims need it at once).  -1: behind, or fatal. */
int turn_commit(struct ingestd *d, struct fault *f) MUST_CHECK;
/* Turns until nothing is pending, for the end of the program. */
void turn_finish(struct ingestd *d);
/*
 * What a call of spool/ said: true when r >= 0.  Else false; a broken disk or journal has become ingestd_fatal, and the rest is the
 * caller's to make a file wait for.
 */
bool turn_ok(struct ingestd *d, int r, const struct fault *f);

#endif

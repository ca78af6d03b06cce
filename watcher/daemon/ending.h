/*
 * ending - from the last row to done/, failed/ or held/ (delivery.md, Order 5 to 8)
 *
 *	ending_loaded(d, x, &result)          the load pass is over: INDEXED, or its fault's way
 *	ending_after_send(d, x, &fault)       a fault when rows may be in the sink: UNDOING first, or waiting
 *	ending_undone(d, x, &fault)           the rows were taken back, or not
 *	ending_begin(d, x, outcome, &fault)   nothing of it is in the sink: to its folder (fault NULL: duplicate)
 *
 * Steps, each after the commit of the one before: step_receipt (target chosen, receipt written, PLACING) -> step_move
 * (renames) -> step_placed (PLACED or HELD with the outbox row) -> step_clean (work/A removed, the file's end line,
 * forgotten).  What step_receipt and step_move write is made durable behind the turn's steps and before its next commit,
 * for all files at once (durables.h).
 * A full disk makes the file wait and the same step is taken again; a failed fsync ends the daemon.
 */
#ifndef DAEMON_ENDING_H
#define DAEMON_ENDING_H

#include "watcher/daemon/turn.h"
#include "watcher/model/message.h"
#include "watcher/model/outcome.h"

file_step step_receipt;
file_step step_move;
file_step step_clean;

void ending_loaded(struct ingestd *d, struct file *x, const struct message *m);
void ending_after_send(struct ingestd *d, struct file *x, const struct fault *f);
void ending_undone(struct ingestd *d, struct file *x, const struct fault *f);
void ending_begin(struct ingestd *d, struct file *x, enum outcome outcome, const struct fault *f);

#endif

/*
 * back - a claimed file that nobody has read goes back into in/ (stop of a run)
 *
 * Only while its state is CLAIMED and no worker has it.  It gets the owner and group of in/, mode 0660, and its
 * own name (NAME.A if that
 * is taken).  The rename is durable before the journal forgets the row: a crash between leaves a claim without a
 * file, which recovery closes.
 */
#ifndef DAEMON_BACK_H
#define DAEMON_BACK_H

#include "watcher/daemon/file.h"

bool back_possible(const struct file *x);
/* 0: x is gone.  -1: it stays (said in the log). */
int back_give(struct ingestd *d, struct file *x);

#endif

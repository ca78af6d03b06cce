/*
 * passes - what the scheduler asks and what workers say: the callbacks of schedule.h
 *
 * begin: the job message and its descriptors for one file.  message: progress, gated, checkpoint, result into the file's row and its
 * next step.  lost: a worker died with the file.
 *
 * Decisions: a fault of begin goes the way of its kind; a file that a worker still holds is asked for again in 100 ms.  Three deaths in
 * a row at the same checkpoint by SEGV, ABRT, BUS, XCPU or SYS fail the file; every other death is a retry, the first at once.
 */
#ifndef DAEMON_PASSES_H
#define DAEMON_PASSES_H

#include "watcher/schedule/schedule.h"

struct ingestd;

void passes_ops(struct schedule_ops *ops);

#endif

/*
 * group - several small files of one tenant at once, so that what is made durable for them is made durable together
 *
 *	struct group g;  fill it with tasks whose jobs were taken
 *	group_run(&g, cache)
 *
 * All are gated, then all findings are told, so that the daemon answers them in one turn; what it lets through is loaded behind one
 * another in one transaction of the store, and results are told only when that is committed.  When one of them fails, or the commit
 * does, the transaction is rolled back and each is loaded alone, as if it had never been in a group: its fault is its own; but a disk
 * that cannot fsync is all files' end (spool/durable.h).  A file that
 * the gate found to be large or slow is loaded alone from the start, behind the others.
 *
 * A worker that dies takes all of them with it: none is blamed, and each goes alone from then on (daemon/passes.c).
 */
#ifndef WORKER_GROUP_H
#define WORKER_GROUP_H

#include "watcher/worker/task.h"

#define GROUP_MAX 32

struct group {
	struct task *tasks[GROUP_MAX];
	enum step next[GROUP_MAX]; /* STEP_END: it is over */
	size_t count;
};

void group_run(struct group *g, struct compiled_cache *cache);

#endif

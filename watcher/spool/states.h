/*
 * states - the states of an arrival and of a run, and which may follow which
 *
 * One table of edges (states.c); journal_set_state and runs_set_state are the only movers and CHECK
 * against it.
 *
 *	CLAIMED -> IDENTIFIED -> GATED -> LOADING -> INDEXED -> PLACING -> PLACED or HELD
 *	CLAIMED, IDENTIFIED, GATED -> PLACING           failed, held, duplicate: nothing was sent
 *	LOADING, INDEXED -> UNDOING -> PLACING          failed after the first send
 *	UNDOING -> CLAIMED                              to be loaded again under another version
 *	INDEXED -> REPLACING -> PLACING                 until what it replaces is taken back
 *	REPLACING -> UNDOING                            that cannot be, and a person wants this one back
 *	any before PLACED or HELD -> WAITING            a temporary fault; and back where it
 *	                                                came from, or on as that may go
 *	PLACED, HELD -> RETAKING -> CLAIMED             somebody wants it loaded (again)
 *	PLACED -> RETAKING -> UNDOING                   rows of it are in a sink: they go first
 *	RETAKING -> PLACING                             its file is no more where it was placed
 *
 * HELD is PLACED for held/: the file lies there with its receipt.  Both end a life, and both may
 * begin another by RETAKING (undo, retry, release, rerun, replace).
 */
#ifndef SPOOL_STATES_H
#define SPOOL_STATES_H

#include "watcher/base/base.h"

#define FILE_STATES(X) \
	X(CLAIMED, "in work/A, nothing was read") \
	X(IDENTIFIED, "digest and delivery are known, index and version are pinned") \
	X(GATED, "the gate pass is over, nothing was sent") \
	X(LOADING, "rows are being sent") \
	X(INDEXED, "every row is acknowledged, the rejects are durable") \
	X(PLACING, "the target is chosen, the renames may have begun") \
	X(PLACED, "in done/ or failed/ with its receipt") \
	X(UNDOING, "its rows are being taken back") \
	X(WAITING, "a temporary fault: tried again") \
	X(HELD, "in held/ with its receipt") \
	X(RETAKING, "on its way from done/, failed/ or held/ back into work/A") \
	X(REPLACING, "all of it is stored; the delivery it replaces is being taken back")

enum file_state {
#define X(id, sentence) FILE_##id,
	FILE_STATES(X)
#undef X
};
#define FILE_STATE_COUNT 12

#define RUN_STATES(X) \
	X(CREATED, "created") \
	X(STARTING, "starting") \
	X(RUNNING, "running") \
	X(FINISHED, "finished") \
	X(FAILED, "failed") \
	X(STOPPED, "stopped")

enum run_state {
#define X(id, name) RUN_##id,
	RUN_STATES(X)
#undef X
};

const char *file_state_name(enum file_state s); /* "CLAIMED", ... */
bool file_state_parse(const char *name, enum file_state *out);
bool file_edge_legal(enum file_state from, enum file_state to);
/* Not PLACED, not HELD: the file is in work/A. */
bool file_state_alive(enum file_state s);

const char *run_state_name(enum run_state s); /* "created", ... */
bool run_state_parse(const char *name, enum run_state *out);
bool run_edge_legal(enum run_state from, enum run_state to);
bool run_state_over(enum run_state s); /* finished, failed, stopped */

#endif

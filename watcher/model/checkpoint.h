/*
 * checkpoint - how far a leg's rows are acknowledged, as a whole prefix of the file
 *
 * Row next_row begins at decoded byte offset on physical line `line`; the rejects file is durable up to rejects_length and
 * holds exactly the rejects before next_row.  next_row 0: no checkpoint.
 */
#ifndef MODEL_CHECKPOINT_H
#define MODEL_CHECKPOINT_H

#include "watcher/model/counters.h"

struct checkpoint {
	uint64_t next_row;
	uint64_t offset;
	uint64_t line;
	uint64_t rejects_length;
	struct counters counters;
};

/* What a first pass found: every id that the load behind it can give lies within, whatever becomes of the file. */
struct extent {
	uint64_t rows;	/* records; 0: there was none, or its journal did not keep it */
	uint64_t parts; /* documents of the row that has most */
};

#endif

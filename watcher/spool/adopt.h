/*
 * adopt - a file in work/A of which the journal knows nothing
 *
 * The daemon died between the rename of the claim and its commit (or the journal was lost).  The
 * claim is proven again: regular, one link, the daemon's, mode 0400, and nobody has it open for
 * writing (a read lease is granted).  What cannot be proven goes back into in/ under its name
 * (NAME.A if that is taken) and is claimed like any other.  Rejects and receipts of a lost journal
 * are removed: the file begins anew.
 *
 * Called by recover alone.  Sources: fcntl(2), F_SETLEASE.
 */
#ifndef SPOOL_ADOPT_H
#define SPOOL_ADOPT_H

#include "watcher/spool/folders.h"

enum adopt_result {
	ADOPT_EMPTY,      /* there was nothing in it: removed */
	ADOPT_PROVEN,     /* it may have a row */
	ADOPT_GIVEN_BACK, /* in in/ under name; the fault says why */
	ADOPT_ODD,        /* left alone; the fault says why */
};

struct adopted {
	char name[256];
	uint64_t size;
	int64_t mtime_ms;
	int64_t claimed_ms;
};

enum adopt_result adopt(const struct folders *t, const char *arrival, struct adopted *out,
			struct fault *f);

#endif

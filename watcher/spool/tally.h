/*
 * tally - how many files are in which state
 *
 *	tally(j, "alice", NULL, &t, &f)      of a tenant;  NULL, run: of a run, its manifest left out;  NULL, NULL: of all
 *
 * Counted by index, not by row: a million records take some 50 ms; for status, not for every
 * iteration.
 */
#ifndef SPOOL_TALLY_H
#define SPOOL_TALLY_H

#include "watcher/spool/journal.h"

struct tally {
	uint64_t files;
	uint64_t done, failed, held, duplicate, undone, queued, running, waiting;
	uint64_t bytes;    /* of the living ones (a run: of all) */
	int64_t oldest_ms; /* times.arrived of the oldest living one, 0 = none */
};

int tally(struct journal *j, const char *tenant, const char *run, struct tally *out,
	  struct fault *f) MUST_CHECK;

#endif

/*
 * crash - kill this program at a named step, for the crash tests
 *
 *	if (crash_init("ingestd", &f) < 0)       first thing in main, before any thread or child; exit 78 on -1
 *		...
 *	crash_point("claim.renamed");            anywhere; costs one test of a pointer when nothing is armed
 *	crash_points_print(stdout, "ingestd");   for --crash-points
 *
 * INGEST_CRASH_AT=NAME[:N] in the environment arms one point of crash_points.def: the N-th pass (1
 * when absent) raises SIGKILL.
 * A point of another program is accepted and not armed here, so that the daemon's environment can
 * reach its workers.
 * INGEST_CRASH_ONCE=FILE makes the crash happen once over restarts: FILE is made at the crash, and
 * while it exists nothing crashes.
 * Errors: crash_init refuses a name that is not in the table (FAULT_CONFIG, with the nearest name)
 * or an N that is no number.
 */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

#include "watcher/base/fault.h"

struct crash_point {
	const char *program;
	const char *name;
	const char *sentence;
};

extern const struct crash_point *crash_armed; /* NULL: nothing is armed; crash.c's own */

int crash_init(const char *program, struct fault *f) MUST_CHECK;
/* Use crash_point; checks that name is in the table (a CHECK), counts and kills. */
void crash_pass(const char *name);
/* Where the file of INGEST_CRASH_ONCE is to be made, malloc'ed; NULL: nothing is armed. */
char *crash_folder(void);
/* "NAME<tab>SENTENCE", one a line; program NULL: all, with the program first. */
void crash_points_print(FILE *out, const char *program);
/* The table, for tests: *n entries. */
const struct crash_point *crash_points(size_t *n);

#define crash_point(name) \
	do { \
		if (__builtin_expect(crash_armed != NULL, 0)) \
			crash_pass(name); \
	} while (0)

#endif

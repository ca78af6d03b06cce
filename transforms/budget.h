/*
 * budget - what a row and a file may cost: the time of a row, the searches of a file that end at their limit
 *
 *	budget_begin_file(b); budget_begin_row(b)
 *	budget_spent(b)                  cheap enough for every turn of a loop: the row has used up its time
 *	budget_strike(b, pattern, at)    a search ended at its limit of steps or stack
 *	b->strikes >= BUDGET_STRIKES     the file is given up; b->pattern and b->at name the last
 *
 * A search at its limit costs some ten milliseconds.  A row may cost that, a file of such rows would hold a worker for minutes while
 * the neighbours wait.  A row that used up its time counts as ROW_STRIKES of them.
 * The first half of a row's time goes by the wall, the second by the thread's own CPU clock: that clock is a system call, which only
 * slow rows pay for, and a machine that stood still rejects no row.
 */
#ifndef TRANSFORMS_BUDGET_H
#define TRANSFORMS_BUDGET_H

#include "watcher/base/span.h"

#define BUDGET_ROW_MS 2000
#define BUDGET_STRIKES 100
#define BUDGET_PATTERN 80 /* bytes of a pattern that a message shows */

struct budget {
	int64_t row_ms;
	int64_t deadline; /* of the first half */
	int64_t cpu_from; /* the CPU clock when the first half was over; -1: it is not */
	unsigned ticks;
	bool spent;
	size_t strikes;
	char pattern[BUDGET_PATTERN + 4]; /* "": no search, but a row's time */
	size_t at;                        /* its place in the filter's text */
};

void budget_begin_file(struct budget *b);
void budget_begin_row(struct budget *b);
bool budget_spent(struct budget *b);
void budget_strike(struct budget *b, const char *pattern, size_t at);

#endif

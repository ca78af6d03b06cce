/*
 * budget - what a row and a file may cost; see the header
 *
 * Called by plan.c, by regex.c for each search and by loops of filters.
 */
#include "watcher/base/base.h"
#include "transforms/budget.h"
#include "watcher/base/clock.h"
#include <time.h>

#define TICKS 8
#define ROW_STRIKES 20

static int64_t cpu_ms(void)
{
	struct timespec ts;

	CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void budget_begin_file(struct budget *b)
{
	b->strikes = 0;
}

void budget_begin_row(struct budget *b)
{
	b->deadline = clock_mono_ms() + b->row_ms / 2;
	b->cpu_from = -1;
	b->spent = false;
}

bool budget_spent(struct budget *b)
{
	if (b->spent || ++b->ticks % TICKS != 0 || clock_mono_ms() <= b->deadline)
		return b->spent;
	if (b->cpu_from < 0)
		b->cpu_from = cpu_ms();
	b->spent = cpu_ms() - b->cpu_from >= b->row_ms / 2;
	if (b->spent) {
		b->strikes += ROW_STRIKES;
		b->pattern[0] = '\0';
	}
	return b->spent;
}

void budget_strike(struct budget *b, const char *pattern, size_t at)
{
	b->strikes++;
	snprintf(b->pattern, sizeof(b->pattern), "%s", pattern);
	b->at = at;
}

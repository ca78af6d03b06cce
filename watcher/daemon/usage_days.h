/*
 * usage_days - the days of the usage as they begin, and their records
 *
 *	usage_days_start(d, &f)      the journal is open: the days on which no daemon ran are there
 *	usage_days_idle(d)           --once: every line is in the outbox
 *	usage_days_stop(d)
 *
 * With each day of the wall clock every tenant with files in done/ gets its line (spool/usage.h).  With a recorder, lines that
 * have changed go into the outbox every five seconds, and when no file is on its way; with --once then alone.
 * Failure: a journal that cannot answer is asked again a second later.
 */
#ifndef DAEMON_USAGE_DAYS_H
#define DAEMON_USAGE_DAYS_H

#include "watcher/base/clock.h"
#include "watcher/base/fault.h"
#include <ev.h>

struct ingestd;

struct usage_days {
	ev_timer timer;
	char day[CLOCK_DAY]; /* the last one that was begun */
	int64_t told_ms;     /* mono */
};

int usage_days_start(struct ingestd *d, struct fault *f) MUST_CHECK;
bool usage_days_idle(const struct ingestd *d);
void usage_days_stop(struct ingestd *d);

#endif

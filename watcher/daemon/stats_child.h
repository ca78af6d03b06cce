/*
 * stats_child - statistics of the journal, made by a child that only reads it: the loop never waits for a scan of the records
 *
 *	code = stats_print(config, &options)    ingestd --stats: the answer on standard output, and the exit status
 *	return views_stats(d, args, out, &f)    GET /v1/stats: this program again with --stats, its output is the answer
 *	stats_child_release(d)                  the end: children are killed, nobody is answered
 *
 * Two children at a time, the others wait their turn; one has CHILD_SECONDS.  A program of its own and not a fork: SQLite's locks do not
 * survive one.
 */
#ifndef DAEMON_STATS_CHILD_H
#define DAEMON_STATS_CHILD_H

#include "watcher/admin/admin.h"

struct ingestd;
struct stats_ask;
struct options;

struct stats_asks {
	struct stats_ask *first; /* in the order in which they came */
	size_t running;
};

/* tenant NULL: all; the forms of a time are clock_parse's; since NULL: a day before until, until NULL: now. */
int stats_print(const struct config *c, const struct options *o);
unsigned views_stats(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
void stats_child_release(struct ingestd *d);

#endif

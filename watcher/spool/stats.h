/*
 * stats - what became of the files of a time: counts, rates, how long they took, why they failed
 *
 *	struct stats s;
 *	struct stats_query q = {.tenant = "alice", .since_ms = ..., .until_ms = ...};
 *	stats_read(j, &q, &s, &f)       a scan of the records: for a process of its own, never in the daemon's loop
 *	stats_add_json(&sb, &s)         the answer of GET /v1/stats
 *	stats_release(&s)
 *
 * Counted are the files whose end (times.placed) is in [since, until), by what they ended as; one that is on its way
 * again counts when it ends again.  All sums are sums of the records.  Figures of a group: files by state; success_rate
 * (done and duplicate) and failure_rate (failed) of all files; rows, documents, bytes; seconds from the first arrival to
 * the last end, and rows and bytes a second of those; p50, p95 and p99 (nearest rank) of the seconds from arrived to
 * indexed of the files that are done.
 * Groups: total, each tenant, each job, each hour (UTC) in which files ended.  Reasons: the ten most frequent ones of
 * failed and held files.  Runs that ended in that time (of files that are not taken as they arrive), by state, and why
 * they failed: one that breaks a limit fails as a whole and has no files.
 * docs/statistics.md has the same as queries of MongoDB; a test holds both to each other.
 *
 * Failure: as queries of journal.h.  Ownership: the query's tenant is borrowed.
 */
#ifndef SPOOL_STATS_H
#define SPOOL_STATS_H

#include "watcher/base/map.h"
#include "watcher/spool/journal.h"

#define STATS_REASONS 10

struct stats_query {
	const char *tenant; /* NULL: all */
	int64_t since_ms, until_ms;
};

#define STATS_STATES(X) X(done) X(failed) X(held) X(duplicate) X(undone)

struct stats_group {
	uint64_t files;
#define X(state) uint64_t state;
	STATS_STATES(X)
#undef X
	uint64_t bytes, documents;
	uint64_t rows_read, rows_indexed, rows_rejected;
	int64_t first_ms, last_ms; /* arrival, end */
	int64_t *waits;		   /* from arrived to indexed */
	size_t wait_count, wait_cap;
};

struct stats_reason {
	char *text;
	uint64_t count; /* files or runs */
};

struct stats_reasons {
	struct stats_reason list[STATS_REASONS];
	size_t count;
};

#define STATS_RUNS(X) X(finished) X(failed) X(stopped)

struct stats {
	struct stats_query query;
	struct stats_group total;
	struct map tenants; /* name -> struct stats_group */
	struct map jobs;    /* TENANT/JOB, "TENANT/" of files without a job */
	struct map hours;   /* text of its begin */
	struct stats_reasons reasons;
	struct {
#define X(state) uint64_t state;
		STATS_RUNS(X)
#undef X
		struct stats_reasons reasons;
	} runs;
};

int stats_read(struct journal *j, const struct stats_query *q, struct stats *out, struct fault *f) MUST_CHECK;
/* Sorts the waits, which changes nothing that is told. */
void stats_add_json(struct strbuf *sb, struct stats *s);
void stats_release(struct stats *s);

#endif

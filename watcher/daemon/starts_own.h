/*
 * starts_own - a start, and the list of them; shared by starts.c and starts_list.c only
 */
#ifndef DAEMON_STARTS_OWN_H
#define DAEMON_STARTS_OWN_H

#include "watcher/base/map.h"
#include "watcher/base/strbuf.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/starts.h"
#include "watcher/spool/runs.h"

struct candidate {
	char *name;
	uint64_t size;
};

struct start {
	struct start *next;
	struct run run;
	struct tenant *tenant;
	struct candidate *files; /* what it is to take */
	size_t len, cap, at;     /* at: the next to be claimed */
	uint64_t living;	 /* of its files */
	uint64_t bytes_over, rows_over; /* of those that have ended */
	bool settled;		 /* the candidates are chosen and checked */
	bool waits;		 /* something it wants still settles */
	bool stopped;
	struct strbuf left_out; /* array, open */
	size_t left_count;
	struct map asked; /* names that settled at the start; value: non-NULL */
	bool asked_done;
};

void start_free_candidates(struct start *s);
void start_free(struct start *s);
void start_drop(struct ingestd *d, struct start *s);
struct start *start_add(struct ingestd *d, struct tenant *t);
struct start *start_find_job(struct ingestd *d, const char *tenant, const char *job);

#endif

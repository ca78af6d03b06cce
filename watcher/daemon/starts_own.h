/*
 * starts_own - a start, and the list of them; shared by the starts*.c only
 */
#ifndef DAEMON_STARTS_OWN_H
#define DAEMON_STARTS_OWN_H

#include "watcher/base/map.h"
#include "watcher/base/strbuf.h"
#include "watcher/arrival/arrival.h"
#include "watcher/daemon/events.h"
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
	size_t len, cap, at;     /* at: the next to be claimed; of a manifest: the first that is missing */
	uint64_t living;	 /* of its files */
	uint64_t bytes_over, rows_over; /* of those that have ended */
	bool settled;		 /* the candidates are chosen and checked */
	bool waits;		 /* something it wants still settles */
	bool stopped;
	struct strbuf left_out; /* array, open */
	size_t left_count;
	struct map asked; /* names that settled at the start; value: non-NULL */
	bool asked_done;
	/* of a manifest: */
	char **names;	   /* that it lists; NULL: not read yet since the daemon's start */
	size_t name_count;
	struct map taken;  /* of them those in work/; value: non-NULL */
	size_t at_barrier; /* files that wait for the others */
	bool refused;	   /* it fails as a whole: run.reason */
	bool culprit;	   /* one of its files does that */
	bool lying, incomplete; /* it was told that it waits for ten minutes, for a day */
};

void start_free_candidates(struct start *s);
void start_free(struct start *s);
void start_drop(struct ingestd *d, struct start *s);
struct start *start_add(struct ingestd *d, struct tenant *t);
struct start *start_find_run(const struct ingestd *d, const char *run);
void start_free_names(struct start *s);
void start_set_state(struct ingestd *d, struct start *s, enum run_state to);
void start_say(struct ingestd *d, struct start *s, enum event_id id);
/* s is gone after it. */
void start_end(struct ingestd *d, struct start *s);
/* FAILED, before anything was sent; whose files those are is the caller's. */
void start_fail_whole(struct ingestd *d, struct start *s, const char *reason);
/* From now on, while there is one. */
void start_remind(struct ingestd *d);
bool start_settling(const struct arrival_view *v);
bool start_scanning(struct ingestd *d, const struct start *s);
/* It may begin now, or its last file is placed; s may be gone after it. */
void start_look_at_barrier(struct ingestd *d, struct start *s);
void start_look_at_refused(struct ingestd *d, struct start *s);
/* s may be gone after both; true: again soon. */
void start_manual_look(struct ingestd *d, struct start *s);
bool start_manifest_look(struct ingestd *d, struct start *s);
/* Disk, staging, a pause: nothing is taken now. */
bool start_kept_back(const struct ingestd *d, const struct start *s);
struct start *start_find_job(struct ingestd *d, const char *tenant, const char *job);

#endif

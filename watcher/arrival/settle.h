/*
 * settle - one entry per name in in/, and the one function that judges a file
 *
 *	settle_init(&s, max)
 *	settle_touch(&s, name, now)                     a hint or a scan saw it: look at it as soon as possible
 *	while ((e = settle_due(&s, now)) != NULL)
 *		settle_evaluate(&s, e, &env)   e is gone unless it returns SETTLE_KEPT or SETTLE_READY
 *	settle_next(&s)                                 when to call again
 *	settle_release(&s)
 *
 * evaluate: stat -> regular -> one link -> whose is it (env->decide) -> unchanged for settle_ms ->
 * lease and claim (env->take), or for a file that waits for a manual run: lease, given up again.
 * Hints and scans end in the same evaluate; nothing else judges.
 *
 * Ownership: names and reasons are copied, entries are the table's.
 * Units: mono milliseconds for due and changed, wall milliseconds for what people see.
 * Failure: a vanished file is forgotten; a full table drops the hint (s->full; the next scan
 * brings it back).
 */
#ifndef ARRIVAL_SETTLE_H
#define ARRIVAL_SETTLE_H

#include "watcher/arrival/arrival.h"
#include "watcher/arrival/claim.h"
#include "watcher/base/map.h"
#include <sys/stat.h>

#define SETTLE_NEVER INT64_MAX

/* ops->lying was told: when, and of what. */
struct settle_told {
	int64_t mono; /* 0 = never */
	enum rule rule;
	mode_t mode;
	off_t size;
	struct timespec mtime;
};

struct settle_entry {
	char *name;
	enum arrival_state state;
	size_t heap_at;	      /* index + 1, 0 = nothing due */
	int64_t due;	      /* mono */
	int64_t changed;      /* mono: last change */
	int64_t state_mono;   /* mono: in this state since */
	int64_t since_ms;     /* the same, wall */
	int64_t arrived_ms;   /* wall */
	int64_t change_ms;    /* wall: last change */
	struct stat st;	      /* as last looked at; st_ino 0 = never */
	struct timespec side_ctim; /* of NAME.sha256, as last looked at */
	int64_t side_changed; /* mono: when that was first seen */
	unsigned tries;	      /* refusals in a row */
	unsigned seen;	      /* the scan that saw it last */
	bool hinted;	      /* touched since it was last looked at */
	int64_t first_mono;   /* mono: first seen under this name */
	struct settle_told told;
	bool incomplete;      /* ops->incomplete was told */
	enum rule wait_rule;  /* of a WAIT answer */
	enum rule claim_rule; /* why the last claim was refused */
	char *job;	      /* of a WAIT answer */
	char *why;	      /* sentence for REFUSED, BLOCKED, WRITER, WAITING; NULL = the state's own */
};

struct settle {
	struct map names;
	struct settle_entry **heap;
	size_t heap_len, heap_cap;
	size_t max;
	size_t state[ARRIVAL_STATES];
	unsigned scan; /* number of the scan under way or the last one */
	bool full;
	uint64_t dropped;
};

struct settle_env {
	void *ctx;
	const struct claim_place *place;
	int64_t settle_ms;
	int64_t link_ms; /* a file with two names is looked at again for so long */
	bool force;  /* arrival_take: claim whatever decide said */
	bool closed; /* claims are paused: what is complete is looked at again in a moment */
	bool *leases_refused; /* set when the filesystem has none, cleared when one was granted */
	enum arrival_verdict (*decide)(void *ctx, const char *name, const struct stat *st,
				       struct arrival_answer *answer);
	bool (*starts_run)(void *ctx, const char *name); /* NULL: nothing does */
	/* answer: decide's. */
	enum claim_result (*take)(void *ctx, const struct settle_entry *e, const struct arrival_answer *answer,
				  struct fault *f);
};

enum settle_result {
	SETTLE_KEPT,
	SETTLE_READY, /* kept; a WAIT file has become complete just now */
	SETTLE_TAKEN, /* entry freed */
	SETTLE_GONE,  /* entry freed */
};

void settle_init(struct settle *s, size_t max);
void settle_release(struct settle *s);
/* NULL: the table is full. */
struct settle_entry *settle_touch(struct settle *s, const char *name, int64_t now);
struct settle_entry *settle_find(const struct settle *s, const char *name);
/* What of settle_ms this file needs: an empty one a second at least, for open(2) makes the name before it counts the writer. */
int64_t settle_needs(const struct settle_entry *e, int64_t settle_ms);
/* A scan begins, sees a name, ends: what it did not see is looked at (and so forgotten when it is gone). */
void settle_scan_begin(struct settle *s);
void settle_scan_saw(struct settle *s, const char *name, int64_t now);
void settle_scan_end(struct settle *s, int64_t now);
/* Everything is looked at again now. */
void settle_touch_all(struct settle *s, int64_t now);
/* The files with a second name are looked at now: one of the names went. */
void settle_touch_linked(struct settle *s, int64_t now);
/* The entry most overdue at now, or NULL. */
struct settle_entry *settle_due(const struct settle *s, int64_t now);
/* mono time of the next due entry, SETTLE_NEVER = none. */
int64_t settle_next(const struct settle *s);
enum settle_result settle_evaluate(struct settle *s, struct settle_entry *e,
				   const struct settle_env *env);
/* May waiting alone still make it takeable? (arrival_idle) */
bool settle_pending(const struct settle_entry *e);

#endif

/*
 * sink - where documents go; what every sink keeps
 *
 *	struct sink_pool *pool = sink_pool_new();      one a worker: connections between files
 *	sink_open(pool, &leg, &s, &f)                  makes or checks the index
 *	for each row: sink_put(s, row, 0, &event, &f)  may answer earlier rows and this one
 *	or, where sink_takes_text(s): body = sink_text(s, row), the document's JSON behind what is there, sink_text_put(s, &f)
 *	or, where sink_takes_values(s, names, count): sink_put_values(s, row, &values, &f)
 *		sink_tend(s, hurry, &f)                now and then, where rows put nothing
 *		if (sink_pending(s) == 0) ...          all answered: a checkpoint may be taken
 *	sink_flush(s, &f)                              returns when every document is answered
 *	sink_close(&s)                                 the connection goes back to the pool
 *	sink_pool_free(&pool)
 *
 * Rows are put in ascending order, the parts of a split row one after another (part 1, 2, ...; an
 * unsplit row is part 0).  Every document put is answered exactly once before sink_flush returns 0:
 * INDEXED (written by this call), ALREADY (its id was there), REJECTED (the store refuses this
 * document; text says why).  Answers may come late and in any order of rows, from inside sink_put,
 * sink_tend and sink_flush only.  After a fault the unanswered documents are unknown: some may be stored; the
 * same ids make the next attempt harmless.  sink_close drops what is not answered.
 *
 * A document answered INDEXED or ALREADY is durable: that is what a checkpoint stands on.
 *
 * Ownership: strings of struct sink_leg and the mapping are borrowed until sink_close; an event only
 * for the call.
 * Errors: FAULT_TEMPORARY (busy, away, throttled: again later), FAULT_SYSTEM (disk), FAULT_KEY
 * (credentials), FAULT_CONFIG (the index's types differ from the mappings, a name that the store
 * cannot have).  No sink gives FAULT_DATA: a bad document is REJECTED.  A fault's scope says whom
 * else it concerns.
 */
#ifndef SINK_SINK_H
#define SINK_SINK_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"
#include "watcher/model/config.h"
#include "watcher/model/event.h"
#include "watcher/model/mapping.h"
#include "watcher/model/sink_access.h"

enum sink_verdict { SINK_INDEXED, SINK_ALREADY, SINK_REJECTED };

struct sink_answer {
	uint64_t row;
	unsigned part;
	enum sink_verdict verdict;
	struct span column; /* REJECTED: the field, or empty */
	struct span text; /* REJECTED: one sentence, bytes of the value in it are raw; both live for
			     the call */
};

/* One leg of one file. */
struct sink_leg {
	const struct sink_config *config;
	const char *tenant;
	const char *index;	       /* full, concrete */
	const struct mapping *mapping; /* NULL: only for sink_undo and sink_count, nothing is made */
	const char *mappings_json;
	const char *settings_json;
	const char *delivery; /* D as text */
	const struct sink_access *access; /* servers only */
	const char *pipeline;		  /* servers only; NULL: none */
	size_t bulk_bytes, requests;	  /* servers only: a body, and how many at a time; 0: as a medium job's */
	int64_t patience_ms;		  /* servers only: without an answer for so long it gives up; 0: 10 s */
	void (*answer)(void *context, const struct sink_answer *answer);
	/* Called while a sink waits; its -1 ends the call.  NULL: none */
	int (*tick)(void *context, struct fault *f);
	/* Servers only, called while it is waited for: no answer for so long; 0: one came.  NULL: none */
	void (*waits)(void *context, int64_t ms);
	void *context;
};

/* An unsplit row whose values have the same names as those of the rows before; borrowed for the call, names until sink_close. */
struct sink_values {
	const struct span *names;
	const struct value *values;
	size_t count;
};

/* The sink's side of the books, since sink_open. */
struct sink_stats {
	uint64_t requests;   /* bulk requests that went out, or transactions */
	uint64_t retries;    /* of them, repeated */
	uint64_t bytes_sent; /* of documents and their ids */
};

struct sink;
struct sink_pool;

struct sink_pool *sink_pool_new(void);
void sink_pool_free(struct sink_pool **pool);

/* Before the first pass: is the store there, and which index is meant?  Nothing is made.  *index: the concrete name, malloc'ed. */
int sink_resolve(struct sink_pool *pool, const struct sink_leg *leg, char **index,
		 struct fault *f) MUST_CHECK;
int sink_open(struct sink_pool *pool, const struct sink_leg *leg, struct sink **out,
	      struct fault *f) MUST_CHECK;
void sink_close(struct sink **s);
int sink_put(struct sink *s, uint64_t row, unsigned part, const struct event *ev,
	     struct fault *f) MUST_CHECK;
/* Does this leg take an unsplit row as the text of its document? */
bool sink_takes_text(const struct sink *s);
/* Where the text of row is to be written; the next call is sink_text_put. */
struct strbuf *sink_text(struct sink *s, uint64_t row);
int sink_text_put(struct sink *s, struct fault *f) MUST_CHECK;
/* Does this leg take rows of these names by sink_put_values?  They must fit the leg's mapping by their form (worker/straight.h). */
bool sink_takes_values(struct sink *s, const struct span *names, size_t count);
int sink_put_values(struct sink *s, uint64_t row, const struct sink_values *v, struct fault *f) MUST_CHECK;
/*
 * Takes what has come, waits for nothing.  hurry: what was put is not to wait for a full request: it goes now unless others are under
 * way (a store without requests commits).
 */
int sink_tend(struct sink *s, bool hurry, struct fault *f) MUST_CHECK;
int sink_flush(struct sink *s, struct fault *f) MUST_CHECK;
/* Documents put and not answered. */
size_t sink_pending(const struct sink *s);
/*
 * The acknowledged prefix: every document of rows before this one is answered; 0: all that were
 * put.
 */
uint64_t sink_oldest_pending(const struct sink *s);
/* Takes one document back, whether it is there or not; done when sink_flush returns. */
int sink_remove(struct sink *s, uint64_t row, unsigned part, struct fault *f) MUST_CHECK;
/* Does sink_undo need to know the rows?  It deletes by ids then. */
bool sink_undo_by_rows(const struct sink *s);
/* Takes back every document of the leg's delivery; by rows: 1 to rows, unsplit, and what was given to sink_remove before.  *deleted
 * says how many were there; an index that does not exist holds none. */
int sink_undo(struct sink *s, uint64_t rows, uint64_t *deleted, struct fault *f) MUST_CHECK;
/* How many documents of the leg's delivery are there, of rows 1 to rows by their ids?  Those of another delivery do not count. */
int sink_count(struct sink *s, uint64_t rows, uint64_t *found, struct fault *f) MUST_CHECK;
/*
 * Legs that are opened and closed one behind the other on one connection and made durable together: what they were answered holds when
 * sink_group_end has returned 0, else nothing of it does.  Only for a store that can (SQLite); one that must change its table, or take a
 * document back, fails, and so does the group.
 */
void sink_group_begin(struct sink_pool *pool);
int sink_group_end(struct sink_pool *pool, struct fault *f) MUST_CHECK;
/* Nothing of it is to hold. */
void sink_group_drop(struct sink_pool *pool);
const struct sink_stats *sink_stats(const struct sink *s);

#endif

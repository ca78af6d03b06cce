/*
 * sink_elasticsearch_pace - how large the next body is and how many requests fly, by what the answers say
 *
 *	pace_init(&p, body, flight)               the class's: what is begun with, and what is never exceeded
 *	... a body is filled up to p.body ...
 *	pace_filled(&p, &r, whole)                whole: it ended because it was full; a file's last one says little
 *	... while fewer than p.flight fly ...
 *	pace_sent(&r, bytes, flying, now)         flying: this one too
 *	pace_answered(&p, &r, now)                every document of it has its verdict
 *	pace_refused(&p, &r, now)                 429, 5xx, no answer, not the whole answer
 *	pace_bound(&p, bytes)                     a body of more was too much, now
 *	pace_bound_for_good(&p, bytes)            or ever: 413
 *	pace_careful(&p)                          of a sink that was sick: little, until it answers
 *
 * The law, a round of answers after the other.  What the sink takes is known by each answer: requests that fly, times the body, by the
 * time that it took.  One thing is changed at a time, tried for a round and kept if that pays: fewer requests or smaller bodies, when
 * answers are slow, must leave nine tenths of what the sink took; larger bodies or more requests must bring a tenth more.  What does not
 * pay is taken back and tried later, after twice the pause each time.  So a sink that is overrun gets less at a time and all in all as
 * much; one that only answers late keeps its large bodies, and all its requests; when it is quick, bodies grow by themselves.  A
 * refusal halves the requests at once, those that were sent before it not again; of one more that is tried it takes back that one.
 *
 * Units: bytes, milliseconds of the monotonic clock; rates in bytes a second.  Nothing is owned and nothing can fail.
 * Source: Jacobson, Congestion Avoidance and Control (1988), for what a refusal does; Little's law for what is taken.
 */
#ifndef SINK_SINK_ELASTICSEARCH_PACE_H
#define SINK_SINK_ELASTICSEARCH_PACE_H

#include "watcher/base/base.h"

#define PACE_TARGET_MS 2000 /* of an answer: longer without one, and the daemon takes a sink for stalled */
#define PACE_BODY_LEAST (16u * 1024)
#define PACE_BODY_CAREFUL (256u * 1024)

/*
 * In the order in which they are tried: smaller bodies cost nothing where a sink is slow by the byte, overrun or not, while fewer requests
 * would cost a round of half the speed to find that out.  A move and its opposite are as far from the ends.
 */
enum pace_move { PACE_SMALLER, PACE_FEWER, PACE_MORE, PACE_LARGER, PACE_MOVES };

/* A move that did not pay is not tried until then, unless answers take half as long as they did, or twice. */
struct pace_hold {
	int64_t until, pause;
	int64_t ms;
};

struct pace {
	size_t body, body_most;
	size_t flight, flight_most;
	unsigned turn;       /* counts changes: bodies that were filled before one say nothing of it */
	int64_t lowered;     /* when the last refusal was heeded */
	/* the round: of requests sent since then, so that none flew beside what was filled before the turn */
	int64_t from;        /* INT64_MAX: none of this turn is answered yet */
	size_t answers;
	uint64_t taken;      /* sum of flying times bytes */
	int64_t ms;          /* sum of times */
	size_t fulls;        /* of them, sent when as many flew as may */
	/* what is tried; PACE_MOVES: nothing */
	enum pace_move tried;
	size_t body_before, flight_before;
	uint64_t rate_before;
	int64_t ms_before;
	struct pace_hold holds[PACE_MOVES];
};

/* What a request carries for it. */
struct pace_request {
	unsigned turn;
	bool whole;
	size_t bytes, flying;
	int64_t began;
};

void pace_init(struct pace *p, size_t body, size_t flight);
void pace_filled(const struct pace *p, struct pace_request *r, bool whole);
void pace_sent(struct pace_request *r, size_t bytes, size_t flying, int64_t now);
void pace_answered(struct pace *p, const struct pace_request *r, int64_t now);
void pace_refused(struct pace *p, const struct pace_request *r, int64_t now);
void pace_bound(struct pace *p, size_t bytes);
void pace_bound_for_good(struct pace *p, size_t bytes);
void pace_careful(struct pace *p);

#endif

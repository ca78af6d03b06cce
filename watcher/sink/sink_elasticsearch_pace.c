/*
 * sink_elasticsearch_pace - the law by which bodies and requests follow a sink; see the header
 *
 * Called by the flight, for each request.  Kept by the connection, so that a file begins where the one before it ended.
 */
#include "watcher/base/base.h"
#include "watcher/sink/sink_elasticsearch_pace.h"

#define QUICK_MS (PACE_TARGET_MS / 2)
#define FAR_MS 4000 /* nothing is added any more: twice that, and a request would be near its end */
#define ROUND_LEAST 3
#define HOLD_FIRST_MS 15000
#define HOLD_MOST_MS 240000

static void begin_round(struct pace *p)
{
	p->answers = 0;
	p->taken = 0;
	p->ms = 0;
	p->fulls = 0;
}

/* Whatever was seen until now was seen of another setting. */
static void turn(struct pace *p)
{
	p->turn++;
	p->from = INT64_MAX;
	begin_round(p);
}

void pace_init(struct pace *p, size_t body, size_t flight)
{
	CHECK(body >= PACE_BODY_LEAST && flight > 0);
	*p = (struct pace){.body = body, .body_most = body, .flight = flight, .flight_most = flight, .tried = PACE_MOVES};
	turn(p);
}

void pace_filled(const struct pace *p, struct pace_request *r, bool whole)
{
	r->turn = p->turn;
	r->whole = whole;
}

void pace_sent(struct pace_request *r, size_t bytes, size_t flying, int64_t now)
{
	r->bytes = bytes;
	r->flying = flying;
	r->began = now;
}

/* --- a move --- */

static enum pace_move opposite(enum pace_move m)
{
	return PACE_MOVES - 1 - m;
}

static void hold(struct pace_hold *h, int64_t pause, int64_t ms, int64_t now)
{
	h->until = now + pause;
	h->ms = ms;
}

/* It did not pay: later again, and each time later. */
static void hold_longer(struct pace *p, enum pace_move m, int64_t now)
{
	struct pace_hold *h = &p->holds[m];

	h->pause = h->pause ? h->pause * 2 : HOLD_FIRST_MS;
	if (h->pause > HOLD_MOST_MS)
		h->pause = HOLD_MOST_MS;
	hold(h, h->pause, p->ms_before, now);
}

static bool is_held(const struct pace_hold *h, int64_t ms, int64_t now)
{
	return now < h->until && ms < h->ms * 2 && ms * 2 > h->ms;
}

/* Else rows come more slowly than it takes them, and how many may fly changes nothing. */
static bool is_full(const struct pace *p)
{
	return p->fulls * 2 >= p->answers;
}

static bool possible(const struct pace *p, enum pace_move m, int64_t ms)
{
	switch (m) {
	case PACE_FEWER:
		return ms > PACE_TARGET_MS && is_full(p) && p->flight > 1;
	case PACE_SMALLER:
		return ms > PACE_TARGET_MS && p->body > PACE_BODY_LEAST;
	case PACE_LARGER: /* where it is quick they grow by themselves */
		return ms >= QUICK_MS && ms <= FAR_MS && p->body < p->body_most;
	case PACE_MORE:
		return ms <= FAR_MS && is_full(p) && p->flight < p->flight_most && (p->body == p->body_most || ms >= QUICK_MS);
	case PACE_MOVES:
		break;
	}
	CHECK(!"a move");
	return false;
}

static void set_body(struct pace *p, size_t bytes)
{
	p->body = bytes < PACE_BODY_LEAST ? PACE_BODY_LEAST : bytes > p->body_most ? p->body_most : bytes;
}

static void make(struct pace *p, enum pace_move m)
{
	switch (m) {
	case PACE_FEWER:
		p->flight /= 2;
		return;
	case PACE_SMALLER:
		set_body(p, p->body / 2);
		return;
	case PACE_LARGER:
		set_body(p, p->body * 2);
		return;
	case PACE_MORE:
		p->flight++;
		return;
	case PACE_MOVES:
		break;
	}
	CHECK(!"a move");
}

/* --- a round --- */

static void try_a_move(struct pace *p, uint64_t rate, int64_t ms, int64_t now)
{
	for (enum pace_move m = 0; m < PACE_MOVES; m++) {
		if (!possible(p, m, ms) || is_held(&p->holds[m], ms, now))
			continue;
		p->tried = m;
		p->body_before = p->body;
		p->flight_before = p->flight;
		p->rate_before = rate;
		p->ms_before = ms;
		make(p, m);
		turn(p);
		return;
	}
	begin_round(p);
}

static bool pays(const struct pace *p, uint64_t rate)
{
	bool less = p->tried == PACE_FEWER || p->tried == PACE_SMALLER;

	return rate * 10 >= p->rate_before * (less ? 9 : 11);
}

static void take_back(struct pace *p)
{
	set_body(p, p->body_before);
	p->flight = p->flight_before;
	p->tried = PACE_MOVES;
	turn(p);
}

/* What was tried stays, and its round is what the next move is measured by; or it is taken back. */
static void end_round(struct pace *p, int64_t now)
{
	int64_t ms = p->ms / (int64_t)p->answers;
	uint64_t rate = p->taken * 1000 / (uint64_t)(p->ms ? p->ms : 1);
	enum pace_move m = p->tried;

	if (m != PACE_MOVES && !pays(p, rate)) {
		take_back(p);
		hold_longer(p, m, now);
		return;
	}
	if (m != PACE_MOVES) {
		p->tried = PACE_MOVES;
		p->holds[m].pause = 0;
		hold(&p->holds[opposite(m)], HOLD_FIRST_MS, ms, now);
	}
	try_a_move(p, rate, ms, now);
}

/* --- what comes back --- */

void pace_answered(struct pace *p, const struct pace_request *r, int64_t now)
{
	int64_t ms = now - r->began;

	if (ms < QUICK_MS && p->tried == PACE_MOVES)
		set_body(p, p->body + p->body / 8);
	if (!r->whole || r->turn != p->turn)
		return;
	if (p->from == INT64_MAX)
		p->from = now;
	if (r->began < p->from)
		return;
	p->answers++;
	p->taken += (uint64_t)r->bytes * r->flying;
	p->ms += ms;
	p->fulls += r->flying >= p->flight;
	if (p->answers >= p->flight && p->answers >= ROUND_LEAST)
		end_round(p, now);
}

/* What was added, and only that, is too much: it is taken back. */
static bool refuse_trial(struct pace *p, int64_t now)
{
	enum pace_move m = p->tried;

	if (m != PACE_LARGER && m != PACE_MORE)
		return false;
	take_back(p);
	hold(&p->holds[m], HOLD_FIRST_MS, p->ms_before, now);
	return true;
}

void pace_refused(struct pace *p, const struct pace_request *r, int64_t now)
{
	if (r->began <= p->lowered)
		return;
	p->lowered = now;
	if (refuse_trial(p, now))
		return;
	if (p->flight > 1)
		p->flight /= 2;
	p->tried = PACE_MOVES;
	turn(p);
}

void pace_bound(struct pace *p, size_t bytes)
{
	if (p->body <= bytes)
		return;
	p->tried = PACE_MOVES;
	set_body(p, bytes);
	turn(p);
}

void pace_bound_for_good(struct pace *p, size_t bytes)
{
	if (p->body_most <= bytes)
		return;
	p->body_most = bytes > PACE_BODY_LEAST ? bytes : PACE_BODY_LEAST;
	pace_bound(p, p->body_most);
}

void pace_careful(struct pace *p)
{
	p->flight = 1;
	p->tried = PACE_MOVES;
	pace_bound(p, PACE_BODY_CAREFUL);
	turn(p);
}

/*
 * fixture - an arrival in a real loop over a real folder, and a daemon that notes what it is told
 *
 * Every wait is for a condition, with a limit.  fixture_up and fixture_down are cmocka's set-up
 * and tear-down.
 */
#ifndef TEST_ARRIVAL_FIXTURE_H
#define TEST_ARRIVAL_FIXTURE_H

#include "tests/unit/arrival/place.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/clock.h"
#include <ev.h>

#define LIMIT_MS 20000
#define MAX_TAKEN 4096

static struct place place;
static struct ev_loop *loop;
static struct arrival *arrival;

/* What the daemon would do, and what it saw. */
static struct {
	struct {
		char id[ULID_TEXT];
		char name[256];
		char original[256];
		bool encoded;
		uint64_t size;
		int64_t arrived, complete, claimed;
		char job[32];
		void *token;
		bool committed;
	} taken[MAX_TAKEN];
	size_t len;
	size_t offers, commits;
	bool refuse_claimed, refuse_commit;
	char manual; /* names that begin so are a manual job's */
	char ready[64];
	char health[256];
	size_t decided;
} daemon_;

static inline enum arrival_verdict decide(void *ctx, const char *tenant, const char *name,
				   const struct stat *st, struct arrival_answer *answer)
{
	(void)ctx;
	assert_true(S_ISREG(st->st_mode));
	assert_string_equal(tenant, "t");
	daemon_.decided++;
	if (daemon_.manual && name[0] == daemon_.manual) {
		answer->job = "by-hand";
		answer->reason = "a start of job t/by-hand";
		return ARRIVAL_WAIT;
	}
	answer->job = "auto";
	return ARRIVAL_TAKE;
}

static inline int claimed(void *ctx, const struct claimed *c, struct fault *f)
{
	size_t i = daemon_.len;

	(void)ctx;
	daemon_.offers++;
	assert_true(ulid_valid(span_of(c->id)));
	assert_true(c->fd >= 0);
	if (daemon_.refuse_claimed)
		return fault_set(f, FAULT_SYSTEM, "journal is full");
	for (size_t k = 0; k < daemon_.len; k++)
		if (strcmp(daemon_.taken[k].id, c->id) == 0)
			i = k;
	assert_true(i < MAX_TAKEN);
	memcpy(daemon_.taken[i].id, c->id, sizeof(c->id));
	snprintf(daemon_.taken[i].name, 256, "%s", c->name);
	snprintf(daemon_.taken[i].original, 256, "%s", c->original);
	daemon_.taken[i].encoded = c->name_encoded;
	assert_int_equal(c->name_encoded, c->name_reason != NULL);
	daemon_.taken[i].size = c->size;
	daemon_.taken[i].arrived = c->arrived_ms;
	daemon_.taken[i].complete = c->complete_ms;
	daemon_.taken[i].claimed = c->claimed_ms;
	daemon_.taken[i].token = c->token;
	snprintf(daemon_.taken[i].job, sizeof(daemon_.taken[i].job), "%s", c->job ? c->job : "-");
	if (i == daemon_.len)
		daemon_.len++;
	return 0;
}

static inline int commit(void *ctx, struct fault *f)
{
	(void)ctx;
	daemon_.commits++;
	if (daemon_.refuse_commit)
		return fault_set(f, FAULT_SYSTEM, "disk is full");
	for (size_t i = 0; i < daemon_.len; i++)
		daemon_.taken[i].committed = true;
	return 0;
}

static inline void ready(void *ctx, const char *tenant, const char *name)
{
	(void)ctx, (void)tenant;
	snprintf(daemon_.ready, sizeof(daemon_.ready), "%s", name);
}

static inline void health(void *ctx, const struct arrival_health *h)
{
	(void)ctx;
	snprintf(daemon_.health, sizeof(daemon_.health), "%s", h->reason);
}

static const struct arrival_ops ops = {
	.decide = decide, .claimed = claimed, .commit = commit, .ready = ready, .health = health};

static inline void on_late(struct ev_loop *l, ev_timer *w, int revents)
{
	(void)w, (void)revents;
	ev_break(l, EVBREAK_ONE);
}

/* Runs the loop until cond(ctx) or the limit. */
static inline bool run_until(bool (*cond)(const void *ctx), const void *ctx, int64_t limit_ms)
{
	int64_t end = clock_mono_ms() + limit_ms;
	ev_timer wake;

	/* so that an iteration never waits past the limit */
	ev_timer_init(&wake, on_late, 0.02, 0.02);
	ev_timer_start(loop, &wake);
	while (!cond(ctx) && clock_mono_ms() < end)
		ev_run(loop, EVRUN_ONCE);
	ev_timer_stop(loop, &wake);
	return cond(ctx);
}

static inline bool took_n(const void *ctx)
{
	size_t n = 0;

	for (size_t i = 0; i < daemon_.len; i++)
		n += daemon_.taken[i].committed;
	return n >= *(const size_t *)ctx;
}

static inline void want_taken(size_t n)
{
	if (!run_until(took_n, &n, LIMIT_MS))
		fail_msg("%zu of %zu files taken", daemon_.len, n);
	assert_int_equal(daemon_.len, n);
}

static inline bool is_idle(const void *ctx)
{
	(void)ctx;
	return arrival_idle(arrival);
}

static inline void want_idle(void)
{
	assert_true(run_until(is_idle, NULL, LIMIT_MS));
}

struct want_state {
	const char *name;
	enum arrival_state state;
};

static inline bool in_state(const void *ctx)
{
	const struct want_state *w = ctx;
	struct arrival_view v;

	return arrival_find(arrival, "t", w->name, &v) && v.state == w->state;
}

static inline void want_state(const char *name, enum arrival_state state)
{
	struct want_state w = {name, state};
	struct arrival_view v;

	if (run_until(in_state, &w, LIMIT_MS))
		return;
	if (!arrival_find(arrival, "t", name, &v))
		fail_msg("%s: no entry, want %s", name, arrival_state_name(state));
	fail_msg("%s: %s, want %s", name, arrival_state_name(v.state), arrival_state_name(state));
}

static inline void want_explain(const char *name, const char *text)
{
	struct strbuf sb = STRBUF_INIT;
	int64_t since;

	(void)arrival_explain(arrival, "t", name, &since, &sb);
	if (!strstr(sb.p, text))
		fail_msg("explain %s says \"%s\", want \"%s\"", name, sb.p, text);
	strbuf_release(&sb);
}

static inline void want_rule(const char *name, enum rule rule)
{
	struct arrival_view v;

	assert_true(arrival_find(arrival, "t", name, &v));
	assert_string_equal(rule_word(v.rule), rule_word(rule));
}

static inline void start(int64_t settle_ms, const struct arrival_limits *limits)
{
	struct arrival_options options = {.settle_ms = settle_ms};
	struct fault f = FAULT_INIT;

	assert_int_equal(arrival_new(loop, &ops, NULL, limits, &arrival, &f), 0);
	assert_int_equal(arrival_add_tenant(arrival, "t", place.dir, &options, &f), 0);
}

static inline int fixture_up(void **state)
{
	(void)state;
	memset(&daemon_, 0, sizeof(daemon_));
	place_make(&place);
	loop = ev_loop_new(0);
	return 0;
}

static inline int fixture_down(void **state)
{
	(void)state;
	arrival_free(&arrival);
	ev_loop_destroy(loop);
	place_drop(&place);
	return 0;
}

static inline bool health_is(const void *ctx)
{
	const char *want = ctx;

	return *want ? strstr(daemon_.health, want) != NULL : !daemon_.health[0];
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

#endif

/*
 * sink_elasticsearch_pace: the law against sinks that are made up.
 *
 * A sink answers a body after `fixed` ms and `mib` ms a MiB; `queue`: it works on one body at a time; more than `room` requests, or bodies
 * above `largest`, are answered by 429.  Time is the test's own.
 */
#include "watcher/base/base.h"
#include "watcher/sink/sink_elasticsearch_pace.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MIB (1u << 20)
#define MOST (2 * MIB)
#define REQUESTS 4
#define FLYING_MOST 16

struct store {
	int64_t fixed, mib;
	bool queue;
	size_t room, largest;
};

struct world {
	struct pace pace;
	struct store store;
	int64_t now, free_at;
	struct pace_request flying[FLYING_MOST];
	int64_t ends[FLYING_MOST];
	size_t count;
	uint64_t bytes; /* taken */
	size_t refused;
	int64_t longest;
	size_t body_least, flight_least, flight_most, body_most;
};

static void world_init(struct world *w, struct store store, size_t requests)
{
	memset(w, 0, sizeof(*w));
	pace_init(&w->pace, MOST, requests);
	w->store = store;
	w->now = 1000;
}

static void send_one(struct world *w)
{
	struct pace_request *r = &w->flying[w->count];
	int64_t work = w->store.mib * (int64_t)w->pace.body / MIB, from = w->now;

	assert_true(w->count < w->pace.flight_most);
	assert_in_range(w->pace.body, PACE_BODY_LEAST, w->pace.body_most);
	pace_filled(&w->pace, r, true);
	pace_sent(r, w->pace.body, w->count + 1, w->now);
	if (w->store.queue && w->free_at > from)
		from = w->free_at;
	w->free_at = from + work;
	w->ends[w->count++] = from + work + w->store.fixed;
}

static bool is_too_much(const struct world *w, const struct pace_request *r)
{
	return (w->store.room && r->flying > w->store.room) || (w->store.largest && r->bytes > w->store.largest);
}

static void note(struct world *w)
{
	if (w->pace.body < w->body_least)
		w->body_least = w->pace.body;
	if (w->pace.body > w->body_most)
		w->body_most = w->pace.body;
	if (w->pace.flight < w->flight_least)
		w->flight_least = w->pace.flight;
	if (w->pace.flight > w->flight_most)
		w->flight_most = w->pace.flight;
}

/* Bytes a second that the sink took in that time. */
static uint64_t run(struct world *w, int64_t ms)
{
	int64_t until = w->now + ms;

	w->bytes = w->refused = 0;
	w->longest = 0;
	w->body_least = w->flight_least = SIZE_MAX;
	w->flight_most = w->body_most = 0;
	note(w);
	while (w->now < until) {
		struct pace_request r;

		while (w->count < w->pace.flight)
			send_one(w);
		r = w->flying[0];
		w->now = w->ends[0] > w->now ? w->ends[0] : w->now;
		w->count--;
		memmove(w->flying, w->flying + 1, w->count * sizeof(w->flying[0]));
		memmove(w->ends, w->ends + 1, w->count * sizeof(w->ends[0]));
		if (w->now - r.began > w->longest)
			w->longest = w->now - r.began;
		if (is_too_much(w, &r)) {
			w->refused++;
			pace_refused(&w->pace, &r, w->now);
			if (w->store.largest && r.bytes > w->store.largest)
				pace_bound(&w->pace, r.bytes / 2);
		} else {
			w->bytes += r.bytes;
			pace_answered(&w->pace, &r, w->now);
		}
		note(w);
	}
	return w->bytes * 1000 / (uint64_t)ms;
}

static void a_quick_sink_has_all_that_the_class_gives(void **state)
{
	static const struct store quick[] = {{.fixed = 1}, {.fixed = 20, .mib = 50}, {.mib = 90, .queue = true}, {.fixed = 700}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(quick); i++) {
		struct world w;

		world_init(&w, quick[i], REQUESTS);
		run(&w, 600000);
		assert_int_equal(w.body_least, MOST);
		assert_int_equal(w.flight_least, REQUESTS);
	}
}

/* It takes the same, whoever waits: so fewer wait, and an answer comes in the time that is aimed at. */
static void a_sink_that_is_overrun_gets_less_and_takes_as_much(void **state)
{
	static const int64_t mib[] = {400, 1000, 3000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mib); i++) {
		struct world w;
		uint64_t rate;

		world_init(&w, (struct store){.mib = mib[i], .queue = true}, REQUESTS);
		run(&w, 120000);
		assert_true(w.pace.body * w.pace.flight <= MOST * REQUESTS / 2);
		rate = run(&w, 600000);
		assert_true(rate * 100 >= (uint64_t)MIB * 1000 / (uint64_t)mib[i] * 95);
		run(&w, 20000);
		assert_true(w.longest <= PACE_TARGET_MS * 2);
		assert_true(mib[i] < 3000 || w.pace.body <= MIB / 2);
	}
}

/* Bodies only: each request is worked on by itself, and fewer of them would bring less. */
static void a_sink_slow_by_the_byte_gets_smaller_bodies_as_many_at_a_time(void **state)
{
	struct world w;
	uint64_t rate;

	(void)state;
	world_init(&w, (struct store){.mib = 3000}, REQUESTS);
	run(&w, 120000);
	rate = run(&w, 600000);
	assert_true(rate * 100 >= (uint64_t)MIB * REQUESTS / 3 * 85);
	assert_true(w.pace.body <= MIB / 2 && w.pace.body >= MIB / 8);
	assert_int_equal(w.pace.flight, REQUESTS);
}

/* Smaller bodies would come no sooner: they are tried, more and more seldom, and large ones stay. */
static void a_sink_that_only_answers_late_keeps_all(void **state)
{
	static const int64_t late[] = {1000, 2000, 5000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(late); i++) {
		struct world w;
		uint64_t all = (uint64_t)MOST * REQUESTS * 1000 / (uint64_t)late[i], rate;

		world_init(&w, (struct store){.fixed = late[i]}, REQUESTS);
		run(&w, 120000);
		rate = run(&w, 1200000);
		assert_true(rate * 100 >= all * 88);
		assert_true(w.body_least >= MOST / 2 && w.flight_least >= REQUESTS / 2);
	}
}

/* Latency rises, and falls again. */
static void what_was_taken_away_comes_back(void **state)
{
	static const struct store slow[] = {{.mib = 3000}, {.mib = 1500, .queue = true}, {.fixed = 100, .room = 1},
					    {.fixed = 1200, .room = 2}, {.fixed = 10, .largest = 100000}};
	static const int64_t well[] = {10, 300, 1000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(slow); i++)
		for (size_t k = 0; k < ARRAY_LEN(well); k++) {
			struct world w;

			world_init(&w, (struct store){.fixed = well[k]}, REQUESTS);
			run(&w, 30000);
			w.store = slow[i];
			run(&w, 120000);
			assert_true(w.pace.body < MOST || w.pace.flight < REQUESTS);
			w.store = (struct store){.fixed = well[k]};
			run(&w, 60000);
			assert_int_equal(w.pace.body, MOST);
			assert_int_equal(w.pace.flight, REQUESTS);
		}
}

/* As many as it has room for, and one more now and then. */
static void refusals_leave_the_requests_that_there_is_room_for(void **state)
{
	struct world w;
	uint64_t rate;

	(void)state;
	world_init(&w, (struct store){.fixed = 100, .room = 5}, 8);
	run(&w, 10000);
	rate = run(&w, 600000);
	assert_in_range(w.flight_most, 5, 6);
	assert_true(w.refused < 7 * 600 / 15); /* once in 15 s, and what was sent until the first answer */
	assert_true(rate * 100 >= (uint64_t)MOST * 5 * 10 * 80);
}

/* Four that were sent at the same time and refused together are one refusal. */
static void a_storm_halves_once(void **state)
{
	struct pace p;
	struct pace_request r[8];

	(void)state;
	pace_init(&p, MOST, 8);
	for (size_t i = 0; i < ARRAY_LEN(r); i++) {
		pace_filled(&p, &r[i], true);
		pace_sent(&r[i], MOST, i + 1, 1000);
	}
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		pace_refused(&p, &r[i], 1100 + (int64_t)i);
	assert_int_equal(p.flight, 4);
	pace_sent(&r[0], MOST, 4, 1200);
	pace_refused(&p, &r[0], 1300);
	assert_int_equal(p.flight, 2);
	for (int64_t t = 1400; t < 3000; t += 100) {
		pace_sent(&r[0], MOST, 1, t);
		pace_refused(&p, &r[0], t + 50);
	}
	assert_int_equal(p.flight, 1);
}

static void a_body_that_is_too_large_is_never_sent_again(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, (struct store){.fixed = 5}, REQUESTS);
	pace_bound_for_good(&w.pace, MIB);
	run(&w, 60000);
	assert_int_equal(w.body_most, MIB);
	pace_bound_for_good(&w.pace, 1);
	assert_int_equal(w.pace.body, PACE_BODY_LEAST);
	pace_bound_for_good(&w.pace, MIB);
	assert_int_equal(w.pace.body_most, PACE_BODY_LEAST);
}

static void a_probe_begins_with_little(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, (struct store){.fixed = 5}, REQUESTS);
	pace_careful(&w.pace);
	assert_int_equal(w.pace.flight, 1);
	assert_int_equal(w.pace.body, PACE_BODY_CAREFUL);
	run(&w, 3000);
	assert_int_equal(w.pace.flight, REQUESTS);
	assert_int_equal(w.pace.body, MOST);
}

/* A file's last body, and what was filled before a change, count for no round. */
static void what_says_nothing_is_not_heard(void **state)
{
	struct pace p;
	struct pace_request last, old;

	(void)state;
	pace_init(&p, MOST, REQUESTS);
	pace_filled(&p, &old, true);
	pace_sent(&old, MOST, 4, 1000);
	pace_filled(&p, &last, false);
	pace_sent(&last, 100, 4, 1000);
	for (int i = 0; i < 100; i++)
		pace_answered(&p, &last, 9000);
	assert_int_equal(p.flight, REQUESTS);
	pace_bound(&p, MIB);
	for (int i = 0; i < 100; i++)
		pace_answered(&p, &old, 9000);
	assert_int_equal(p.flight, REQUESTS);
	assert_int_equal(p.body, MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quick_sink_has_all_that_the_class_gives),
		cmocka_unit_test(a_sink_that_is_overrun_gets_less_and_takes_as_much),
		cmocka_unit_test(a_sink_slow_by_the_byte_gets_smaller_bodies_as_many_at_a_time),
		cmocka_unit_test(a_sink_that_only_answers_late_keeps_all),
		cmocka_unit_test(what_was_taken_away_comes_back),
		cmocka_unit_test(refusals_leave_the_requests_that_there_is_room_for),
		cmocka_unit_test(a_storm_halves_once),
		cmocka_unit_test(a_body_that_is_too_large_is_never_sent_again),
		cmocka_unit_test(a_probe_begins_with_little),
		cmocka_unit_test(what_says_nothing_is_not_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

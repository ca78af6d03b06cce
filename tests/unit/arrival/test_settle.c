/*
 * settle: the table and its queue, and the judgement with a fake claim (no leases needed)
 */
#include "tests/unit/arrival/place.h"
#include "watcher/arrival/settle.h"
#include "watcher/base/clock.h"

static struct place place;
static struct settle settle;
static struct claim_place folders;
static enum claim_result answer;
static enum arrival_verdict verdict;
static size_t takes;
static bool leases_refused;

static enum arrival_verdict decide(void *ctx, const char *name, const struct stat *st UNUSED,
				   struct arrival_answer *a)
{
	(void)ctx, (void)name;
	a->job = "j";
	return verdict;
}

static enum claim_result take(void *ctx, const struct settle_entry *e, const struct arrival_answer *answer_of,
			      struct fault *f)
{
	(void)ctx;
	assert_string_equal(answer_of->job, "j");
	assert_non_null(e->name);
	takes++;
	if (answer != CLAIM_TAKEN)
		fault_set(f, FAULT_DATA, "because");
	return answer;
}

static struct settle_env env;

static int set_up(void **state)
{
	(void)state;
	place_make(&place);
	settle_init(&settle, 1000);
	folders = (struct claim_place){.in_fd = place.in_fd, .work_fd = place.work_fd};
	env = (struct settle_env){.place = &folders,
				  .link_ms = 10000,
				  .leases_refused = &leases_refused,
				  .decide = decide,
				  .take = take};
	answer = CLAIM_TAKEN;
	verdict = ARRIVAL_TAKE;
	takes = 0;
	leases_refused = false;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	settle_release(&settle);
	place_drop(&place);
	return 0;
}

/* Random times come out in order, whatever is changed and forgotten between. */
static void test_queue(void **state)
{
	unsigned seed = 7;
	struct settle_entry *e;
	size_t n = 0;
	char name[32];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "f%d", rand_r(&seed) % 900);
		e = settle_touch(&settle, name, 1000 + rand_r(&seed) % 5000);
		assert_non_null(e);
		for (size_t k = 1; k < settle.heap_len; k++)
			assert_true(settle.heap[(k - 1) / 2]->due <= settle.heap[k]->due);
	}
	assert_null(settle_due(&settle, 999));
	/* none of these files exist: a look forgets them, always the first one */
	while ((e = settle_due(&settle, 10000)) != NULL) {
		int64_t due = e->due;

		assert_int_equal(settle_next(&settle), due);
		assert_int_equal(settle_evaluate(&settle, e, &env), SETTLE_GONE);
		assert_true(settle_next(&settle) >= due);
		n++;
	}
	assert_true(n > 800 && n <= 900);
	assert_int_equal(map_len(&settle.names), 0);
	assert_int_equal(settle.state[ARRIVAL_STATE_NEW], 0);
	assert_int_equal(settle_next(&settle), SETTLE_NEVER);
}

static void test_bound(void **state)
{
	(void)state;
	settle.max = 2;
	assert_non_null(settle_touch(&settle, "a", 1));
	assert_non_null(settle_touch(&settle, "b", 1));
	assert_non_null(settle_touch(&settle, "a", 1));
	assert_null(settle_touch(&settle, "c", 1));
	assert_null(settle_touch(&settle, ".never", 1));
	assert_true(settle.full);
	assert_int_equal(settle.dropped, 1);
	settle_scan_begin(&settle);
	assert_false(settle.full);
}

/* Names that are never data lie there as well, and take no file's room. */
static void test_aside_is_bounded(void **state)
{
	char name[32];

	(void)state;
	settle.max = 8;
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%d.part", i);
		assert_int_equal(settle_touch(&settle, name, 1) != NULL, i < 2);
	}
	assert_false(settle.full);
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "%d.csv", i);
		assert_non_null(settle_touch(&settle, name, 1));
	}
	assert_int_equal(settle.state[ARRIVAL_STATE_ASIDE], 2);
	assert_null(settle_touch(&settle, "one more.csv", 1));
}

static void test_scan_forgets(void **state)
{
	(void)state;
	place_file(&place, "here", "");
	settle_touch(&settle, "gone", 1);
	settle_scan_begin(&settle);
	settle_scan_saw(&settle, "here", 1);
	settle_scan_end(&settle, 1);
	verdict = ARRIVAL_WAIT;
	for (struct settle_entry *e; (e = settle_due(&settle, 1)) != NULL;)
		settle_evaluate(&settle, e, &env);
	assert_null(settle_find(&settle, "gone"));
	assert_non_null(settle_find(&settle, "here"));
}

static enum settle_result judge(const char *name)
{
	struct settle_entry *e = settle_touch(&settle, name, clock_mono_ms());

	assert_non_null(e);
	return settle_evaluate(&settle, e, &env);
}

static const struct {
	enum claim_result answer;
	enum settle_result want;
	enum arrival_state state;
	bool due;
} results[] = {
	{CLAIM_WRITER, SETTLE_KEPT, ARRIVAL_STATE_WRITER, true},
	{CLAIM_CHANGED, SETTLE_KEPT, ARRIVAL_STATE_BLOCKED, true},
	{CLAIM_BLOCKED, SETTLE_KEPT, ARRIVAL_STATE_BLOCKED, true},
	{CLAIM_NOT_REGULAR, SETTLE_KEPT, ARRIVAL_STATE_ODD, false},
	{CLAIM_LINKED, SETTLE_KEPT, ARRIVAL_STATE_LINKED, true},
	{CLAIM_NO_LEASES, SETTLE_KEPT, ARRIVAL_STATE_REFUSED, false},
	{CLAIM_NOT_OURS, SETTLE_KEPT, ARRIVAL_STATE_REFUSED, false},
	{CLAIM_OTHER_DISK, SETTLE_KEPT, ARRIVAL_STATE_REFUSED, false},
	{CLAIM_GONE, SETTLE_GONE, ARRIVAL_STATE_NEW, false},
	{CLAIM_TAKEN, SETTLE_TAKEN, ARRIVAL_STATE_NEW, false},
};

static void test_results(void **state)
{
	(void)state;
	place_file(&place, "a.csv", "1\n");
	for (size_t i = 0; i < ARRAY_LEN(results); i++) {
		struct settle_entry *e;

		answer = results[i].answer;
		assert_int_equal(judge("a.csv"), results[i].want);
		e = settle_find(&settle, "a.csv");
		assert_int_equal(e != NULL, results[i].want == SETTLE_KEPT);
		assert_int_equal(leases_refused, answer == CLAIM_NO_LEASES || answer == CLAIM_NOT_OURS ||
							 answer == CLAIM_OTHER_DISK ||
							 answer == CLAIM_GONE);
		if (!e)
			continue;
		assert_int_equal(e->state, results[i].state);
		assert_int_equal(e->due != SETTLE_NEVER, results[i].due);
		assert_int_equal(settle.state[e->state], 1);
	}
}

/* A writer that stays is asked after with growing pauses; a hint begins anew. */
static void test_backoff(void **state)
{
	static const int64_t want[] = {20, 200, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
	struct settle_entry *e;

	(void)state;
	answer = CLAIM_WRITER;
	place_file(&place, "a.csv", "1\n");
	e = settle_touch(&settle, "a.csv", 0);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_LEN(want); i++) {
			int64_t now = clock_mono_ms();

			assert_int_equal(settle_evaluate(&settle, e, &env), SETTLE_KEPT);
			assert_true(e->due - now >= want[i] && e->due - now < want[i] + 200);
			assert_int_equal(settle_pending(e), i < 2);
		}
		settle_touch(&settle, "a.csv", 0);
	}
}

/* Age counts from the first look: what a ctime says is wall time, and that may have been set since. */
static void test_age(void **state)
{
	const struct timespec pause = {0, 60 * 1000000L};
	struct settle_entry *e;
	int64_t began;

	(void)state;
	place_file(&place, "a.csv", "1\n");
	nanosleep(&pause, NULL); /* older than it must be below */
	began = clock_mono_ms();
	env.settle_ms = 3600 * 1000;
	assert_int_equal(judge("a.csv"), SETTLE_KEPT);
	e = settle_find(&settle, "a.csv");
	assert_int_equal(e->state, ARRIVAL_STATE_SETTLING);
	assert_true(e->change_ms <= e->arrived_ms + 1000);
	/* a tenant's mtime says nothing */
	assert_int_equal(utimensat(place.in_fd, "a.csv", (struct timespec[2]){{0, 0}, {1, 0}}, 0), 0);
	assert_int_equal(judge("a.csv"), SETTLE_KEPT);
	assert_int_equal(takes, 0);
	env.settle_ms = 50;
	while (judge("a.csv") != SETTLE_TAKEN)
		;
	assert_true(clock_mono_ms() - began >= 49);
}

/* open(2) makes the name, and counts its writer a moment later: until then a lease would be granted. */
static void test_empty_waits(void **state)
{
	int64_t began = clock_mono_ms();

	(void)state;
	env.settle_ms = 0;
	place_file(&place, "a.csv", "");
	while (judge("a.csv") != SETTLE_TAKEN)
		;
	assert_true(clock_mono_ms() - began >= 1000);
	place_file(&place, "b.csv", "");
	assert_int_equal(judge("b.csv"), SETTLE_KEPT);
	assert_int_equal(settle_find(&settle, "b.csv")->state, ARRIVAL_STATE_SETTLING);
	place_file(&place, "b.csv", "1\n");
	assert_int_equal(judge("b.csv"), SETTLE_TAKEN);
}

static void test_wait_then_force(void **state)
{
	(void)state;
	place_file(&place, "a.csv", "1\n");
	verdict = ARRIVAL_WAIT;
	assert_int_equal(judge("a.csv"), SETTLE_READY);
	assert_int_equal(judge("a.csv"), SETTLE_KEPT);
	place_file(&place, "a.csv", "12\n");
	env.settle_ms = 3600 * 1000;
	assert_int_equal(judge("a.csv"), SETTLE_KEPT);
	assert_int_equal(settle_find(&settle, "a.csv")->state, ARRIVAL_STATE_SETTLING);
	env.settle_ms = 0;
	assert_int_equal(judge("a.csv"), SETTLE_READY);
	assert_int_equal(takes, 0);
	env.force = true;
	assert_int_equal(judge("a.csv"), SETTLE_TAKEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_queue),	TEST(test_bound), TEST(test_aside_is_bounded),   TEST(test_scan_forgets),
		TEST(test_results),	TEST(test_backoff), TEST(test_age),
		TEST(test_empty_waits), TEST(test_wait_then_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

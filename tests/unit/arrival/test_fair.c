/*
 * fair: one tenant's flood of files does not hold up another tenant's one file
 */
#include "tests/unit/arrival/place.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/clock.h"
#include <ev.h>

#define FLOOD 3000

static size_t claims, commits, other_at;

static enum arrival_verdict decide(void *ctx, const char *tenant, const char *name, const struct stat *st,
				   struct arrival_answer *answer)
{
	(void)ctx, (void)tenant, (void)name, (void)st, (void)answer;
	return ARRIVAL_TAKE;
}

static int claimed(void *ctx, const struct claimed *c, struct fault *f)
{
	(void)ctx, (void)f;
	claims++;
	if (strcmp(c->tenant, "small") == 0)
		other_at = claims;
	return 0;
}

static int commit(void *ctx, struct fault *f)
{
	(void)ctx, (void)f;
	commits++;
	return 0;
}

static void test_flood(void **state)
{
	const struct arrival_ops ops = {.decide = decide, .claimed = claimed, .commit = commit};
	const struct arrival_options options = {.settle_ms = 0};
	struct ev_loop *loop = ev_loop_new(0);
	struct fault f = FAULT_INIT;
	struct place big, small;
	struct arrival *a;
	char name[32];

	(void)state;
	place_make(&big);
	place_make(&small);
	for (int i = 0; i < FLOOD; i++) {
		snprintf(name, sizeof(name), "f%d.csv", i);
		place_file(&big, name, "");
	}
	assert_int_equal(arrival_new(loop, &ops, NULL, NULL, &a, &f), 0);
	assert_int_equal(arrival_add_tenant(a, "big", big.dir, &options, &f), 0);
	assert_int_equal(arrival_add_tenant(a, "small", small.dir, &options, &f), 0);
	while (claims < 200)
		ev_run(loop, EVRUN_ONCE);
	place_file(&small, "one.csv", "1\n");
	while (!arrival_idle(a))
		ev_run(loop, EVRUN_ONCE);
	assert_int_equal(claims, FLOOD + 1);
	assert_true(other_at >= 200 && other_at < 600);
	/* batches, not single commits and not one for all */
	assert_true(commits >= FLOOD / 64 && commits < FLOOD);
	arrival_free(&a);
	ev_loop_destroy(loop);
	place_drop(&big);
	place_drop(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_flood)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

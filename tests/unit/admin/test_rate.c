/*
 * test_rate - so many a second for each name, however many names there are
 */
#include "watcher/base/base.h"
#include "watcher/admin/rate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static size_t taken(struct rate *r, const char *name, size_t asked, int64_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < asked; i++)
		n += rate_take(r, name, now);
	return n;
}

static void so_many_a_second(void **state UNUSED)
{
	struct rate r;

	rate_init(&r, 10, 40);
	assert_int_equal(taken(&r, "a", 100, 1000), 40);
	assert_int_equal(taken(&r, "b", 100, 1000), 40);
	assert_int_equal(taken(&r, "a", 100, 1500), 5);
	assert_int_equal(taken(&r, "a", 100, 1550), 0);
	assert_int_equal(taken(&r, "a", 100, 1600), 1);
	/* a rest gives no more than what may be had at once */
	assert_int_equal(taken(&r, "a", 100, 100000), 40);
	rate_release(&r);
}

static void who_comes_often_keeps_its_place(void **state UNUSED)
{
	struct rate r;
	char name[32];

	rate_init(&r, 1, 2);
	assert_int_equal(taken(&r, "busy", 5, 1000), 2);
	for (int i = 0; i < 4 * RATE_NAMES; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_true(rate_take(&r, name, 1000 + i));
		assert_int_equal(taken(&r, "busy", 1, 1000 + i), i && i % 1000 == 0);
	}
	rate_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_a_second),
		cmocka_unit_test(who_comes_often_keeps_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

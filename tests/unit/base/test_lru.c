/*
 * test_lru - the ones used last stay open
 */
#include "watcher/base/base.h"
#include "watcher/base/lru.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct thing {
	bool open;
	struct lru_item kept;
};

static void close_thing(void *owner)
{
	struct thing *t = owner;

	assert_true(t->open);
	t->open = false;
}

static void use(struct lru *l, struct thing *t)
{
	t->open = true;
	lru_use(l, &t->kept, t);
}

static size_t count_open(const struct thing *t, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += t[i].open;
	return count;
}

static void test_the_last_ones_stay(void **state)
{
	struct thing t[6] = {0};
	struct lru l;

	(void)state;
	lru_init(&l, 3, close_thing);
	for (size_t i = 0; i < 5; i++)
		use(&l, &t[i]);
	assert_true(t[2].open && t[3].open && t[4].open);
	assert_int_equal(count_open(t, 6), 3);
	use(&l, &t[2]); /* again: 3 is the oldest now */
	use(&l, &t[5]);
	assert_true(t[2].open && t[4].open && t[5].open);
	assert_int_equal(l.len, 3);
}

static void test_what_is_dropped_is_not_closed(void **state)
{
	struct thing t[3] = {0};
	struct lru l;

	(void)state;
	lru_init(&l, 2, close_thing);
	use(&l, &t[0]);
	use(&l, &t[1]);
	lru_drop(&l, &t[0].kept);
	lru_drop(&l, &t[0].kept);
	lru_drop(&l, &t[2].kept);
	use(&l, &t[2]);
	assert_int_equal(count_open(t, 3), 3);
	assert_int_equal(l.len, 2);
	lru_set_max(&l, 1);
	assert_false(t[1].open);
	assert_true(t[2].open);
	lru_drop(&l, &t[2].kept);
	assert_null(l.newest);
	assert_null(l.oldest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_last_ones_stay),
		cmocka_unit_test(test_what_is_dropped_is_not_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

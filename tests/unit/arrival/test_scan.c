/*
 * scan: every name once in slices, also while the folder changes
 */
#include "tests/unit/arrival/place.h"
#include "watcher/arrival/scan.h"
#include "watcher/base/map.h"

static struct place place;

static int set_up(void **state)
{
	(void)state;
	place_make(&place);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	place_drop(&place);
	return 0;
}

static void collect(void *ctx, const char *name)
{
	map_put(ctx, span_of(name), (void *)1);
}

static void test_slices(void **state)
{
	struct fault f = FAULT_INIT;
	enum scan_result r;
	struct scan s;
	struct map seen;
	int steps = 0;
	char name[32];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		place_file(&place, name, "");
	}
	map_init(&seen);
	scan_init(&s);
	assert_int_equal(scan_begin(&s, place.in_fd, &f), 0);
	while ((r = scan_step(&s, 100, collect, &seen, &f)) == SCAN_MORE) {
		/* others come and go in the middle */
		if (++steps == 3) {
			place_file(&place, "new", "");
			unlinkat(place.in_fd, "new", 0);
		}
	}
	assert_int_equal(r, SCAN_DONE);
	assert_null(s.dir);
	assert_true(steps >= 10);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		assert_non_null(map_get(&seen, span_of(name)));
	}
	assert_null(map_get(&seen, span_of(".")));
	assert_null(map_get(&seen, span_of("..")));
	map_release(&seen);
}

static void test_twice_and_broken_off(void **state)
{
	struct fault f = FAULT_INIT;
	struct scan s;
	struct map seen;

	(void)state;
	place_file(&place, "a", "");
	place_file(&place, "b", "");
	map_init(&seen);
	scan_init(&s);
	assert_int_equal(scan_begin(&s, place.in_fd, &f), 0);
	assert_int_equal(scan_step(&s, 1, collect, &seen, &f), SCAN_MORE);
	/* begun again: from the start */
	assert_int_equal(scan_begin(&s, place.in_fd, &f), 0);
	while (scan_step(&s, 1, collect, &seen, &f) == SCAN_MORE)
		;
	assert_int_equal(map_len(&seen), 2);
	scan_end(&s);
	assert_int_equal(scan_begin(&s, -1, &f), -1);
	assert_int_equal(f.kind, FAULT_SYSTEM);
	map_release(&seen);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_slices), TEST(test_twice_and_broken_off)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

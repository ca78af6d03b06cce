/*
 * test_verdict - the limits on rejects, at their edges
 */
#include "watcher/base/base.h"
#include "watcher/quality/verdict.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
	uint64_t rejected, read;
	double max_ratio;
	int64_t max_rows;
	const char *want; /* NULL: fine */
} cases[] = {
	{0, 0, 0.1, -1, NULL},
	{0, 0, 0, 0, NULL},
	{0, 10, 0, 0, NULL},
	{1, 10, 0.1, -1, NULL},
	{2, 10, 0.1, -1,
	 "2 of 10 rows rejected, more than max_ratio 0.10 allows; nothing was indexed"},
	{1, 1, 1, -1, NULL},
	{1, 1, 0, -1, "1 of 1 rows rejected, more than max_ratio 0.00 allows; nothing was indexed"},
	{29, 100, 0.29, -1, NULL},
	{30, 100, 0.29, -1, "30 of 100"},
	{7, 100, 0.07, -1, NULL},
	{1, 1000, 0.0005, -1,
	 "1 of 1000 rows rejected, more than max_ratio 0.000500 allows; nothing was indexed"},
	{5, 1000, 0.1, 5, NULL},
	{6, 1000, 0.1, 5,
	 "6 of 1000 rows rejected, more than max_rows 5 allows; nothing was indexed"},
	{1, 1000, 1, 0, "max_rows 0"},
};

static void limits(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct counters c = {.read = cases[i].read, .rejected = cases[i].rejected};
		struct fault f = FAULT_INIT;
		int r = verdict_rejects(&c, cases[i].max_ratio, cases[i].max_rows, &f);

		assert_int_equal(r, cases[i].want ? -1 : 0);
		if (cases[i].want) {
			assert_int_equal(f.kind, FAULT_DATA);
			assert_non_null(strstr(f.text, cases[i].want));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(limits)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

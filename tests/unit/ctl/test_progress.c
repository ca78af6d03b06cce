/*
 * test_progress - the line of job start --wait at every width, and what it says
 */
#include "watcher/base/base.h"
#include "watcher/ctl/progress.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void lines(void **state UNUSED)
{
	static const struct {
		struct progress_view v;
		unsigned width;
		const char *want;
	} cases[] = {
		{{0, 0, 0, 0}, 0, "  0%  0 rows"},
		{{50, 5000000, 1234567, 1000}, 0, " 50%  1,234,567 rows  5.0 MB/s  0:01 left"},
		{{50, 5000000, 1234567, 1000}, 60, "[########.......]  50%  1,234,567 rows  5.0 MB/s  0:01 left"},
		{{25, 1000000, 999, 100000}, 0, " 25%  999 rows  0.0 MB/s  5:00 left"},
		{{1, 1000000, 1000, 3600000}, 0, "  1%  1,000 rows  0.0 MB/s  99:00:00 left"},
		{{100, 1000000, 1000, 2000}, 0, "100%  1,000 rows  0.5 MB/s"},
		/* nothing is known yet */
		{{0.4, 1000, 3, 2000}, 0, "  0%  3 rows  0.0 MB/s"},
		{{30, 1000, 3, 400}, 0, " 30%  3 rows"},
		{{50, 5000000, 1234567, 1000}, 20, " 50%  1,234,567 rows"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf sb = STRBUF_INIT;

		progress_line(&cases[i].v, cases[i].width, &sb);
		assert_string_equal(sb.p, cases[i].want);
		strbuf_release(&sb);
	}
}

static void never_wider(void **state UNUSED)
{
	const struct progress_view v = {66.6, 123456789, 12345678901, 7777};

	for (unsigned width = 1; width < 200; width++) {
		struct strbuf sb = STRBUF_INIT;

		progress_line(&v, width, &sb);
		assert_true(sb.n <= width);
		strbuf_release(&sb);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(never_wider),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

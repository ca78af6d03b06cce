/*
 * test_log_fold - the same warning within a minute is counted, another one is not, nothing is forgotten
 */
#include "watcher/base/base.h"
#include "watcher/base/log_fold.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct strbuf said;

static void on_write(void *ctx UNUSED, enum log_level level, const char *event, struct span pairs)
{
	strbuf_addf(&said, "%d %s %.*s\n", (int)level, event, SPAN_FMT(pairs));
}

static bool take(struct log_fold *f, enum log_level level, const char *event, const char *pairs, int64_t now)
{
	return log_fold_take(f, level, event, span_of(pairs), now, on_write, NULL);
}

static void repeats(void **state UNUSED)
{
	struct log_fold f = {0};

	strbuf_init(&said);
	assert_true(take(&f, LOG_LEVEL_WARN, "a", "x=1", 1000));
	for (int i = 0; i < 7; i++)
		assert_false(take(&f, LOG_LEVEL_WARN, "a", "x=1", 1000 + i));
	assert_true(take(&f, LOG_LEVEL_WARN, "a", "x=2", 1010));
	assert_true(take(&f, LOG_LEVEL_WARN, "b", "x=1", 1010));
	/* what is no fault is never folded */
	assert_true(take(&f, LOG_LEVEL_INFO, "i", "", 1010));
	assert_true(take(&f, LOG_LEVEL_INFO, "i", "", 1010));
	log_fold_flush(&f, 60999, on_write, NULL);
	assert_int_equal(said.n, 0);
	/* its minute is over: the count, then the line anew */
	assert_true(take(&f, LOG_LEVEL_WARN, "a", "x=1", 61000));
	assert_string_equal(said.p, "2 a x=1 repeated=7\n");
	strbuf_reset(&said);
	assert_false(take(&f, LOG_LEVEL_WARN, "a", "x=1", 61001));
	assert_false(take(&f, LOG_LEVEL_ERROR, "b", "x=1", 61002) && said.n);
	log_fold_flush(&f, INT64_MAX, on_write, NULL);
	assert_non_null(strstr(said.p, "a x=1 repeated=1\n"));
	strbuf_release(&said);
}

static void many_different_ones(void **state UNUSED)
{
	struct log_fold f = {0};
	char pairs[32];
	size_t counted = 0;

	strbuf_init(&said);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 3 * LOG_FOLD_LINES; i++) {
			snprintf(pairs, sizeof(pairs), "n=%d", i);
			assert_true(take(&f, LOG_LEVEL_ERROR, "e", pairs, 1000 + i + round * 100000));
			assert_false(take(&f, LOG_LEVEL_ERROR, "e", pairs, 1000 + i + round * 100000));
		}
	log_fold_flush(&f, INT64_MAX, on_write, NULL);
	for (const char *p = said.p; (p = strstr(p, "repeated=1\n")); p++)
		counted++;
	assert_int_equal(counted, 6 * LOG_FOLD_LINES);
	strbuf_release(&said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeats),
		cmocka_unit_test(many_different_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* span: comparing borrowed bytes, NUL and nothing included */
#include "watcher/base/span.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define S(s) {(s), sizeof(s) - 1}

static void test_compare(void **state)
{
	static const struct {
		const char *name;
		struct span a, b;
		bool equal, starts, ends;
	} rows[] = {
		{"same", S("abc"), S("abc"), true, true, true},
		{"front", S("abcd"), S("ab"), false, true, false},
		{"back", S("abcd"), S("cd"), false, false, true},
		{"longer than the whole", S("ab"), S("abc"), false, false, false},
		{"empty in anything", S("abc"), S(""), false, true, true},
		{"none in anything", S("abc"), {NULL, 0}, false, true, true},
		{"none and empty", {NULL, 0}, S(""), true, true, true},
		{"none and something", {NULL, 0}, S("a"), false, false, false},
		{"behind a NUL they differ", S("a\0b"), S("a\0c"), false, false, false},
		{"a NUL is a byte", S("a\0b"), S("a\0"), false, true, false},
		{"case counts", S("ABC"), S("abc"), false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (span_equal(rows[i].a, rows[i].b) != rows[i].equal ||
		    span_starts(rows[i].a, rows[i].b) != rows[i].starts ||
		    span_ends(rows[i].a, rows[i].b) != rows[i].ends)
			fail_msg("%s", rows[i].name);
}

static void test_of_text(void **state)
{
	(void)state;
	assert_int_equal(span_of("four").n, 4);
	assert_int_equal(span_of("").n, 0);
	assert_null(span_of(NULL).p);
	assert_true(span_is(span_of("four"), "four"));
	assert_false(span_is(SPAN_LITERAL("fo\0r"), "fo"));
	assert_int_equal(SPAN_LITERAL("fo\0r").n, 4);
}

static void test_format(void **state)
{
	struct span s = {"abcdef", 3}, huge = {"abc", SIZE_MAX};
	char out[16];

	(void)state;
	snprintf(out, sizeof(out), "<%.*s>", SPAN_FMT(s));
	assert_string_equal(out, "<abc>");
	/* a length over INT_MAX must not become a negative, so unlimited, precision */
	assert_true((int)(huge.n < 0x7fffffff ? huge.n : 0x7fffffff) > 0);
	snprintf(out, sizeof(out), "<%.*s>", SPAN_FMT(huge));
	assert_string_equal(out, "<abc>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_of_text),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

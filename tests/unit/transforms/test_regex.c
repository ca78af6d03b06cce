/*
 * test_regex - literal patterns and Oniguruma's give the same places; limits end a hostile search
 */
#include "watcher/base/base.h"
#include "transforms/regex.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct regex *compiled(const char *pattern, unsigned flags)
{
	struct regex *re = NULL;
	char why[REGEX_WHY];

	assert_int_equal(regex_compile(span_of(pattern), flags, &re, why), 0);
	return re;
}

/* "(?:X)" is no literal, and means the same. */
static void literal_and_oniguruma_agree(void **state UNUSED)
{
	static const char *const patterns[] = {"a", "ab", "\xc3\xa4", " ", "a-b", "%"};
	static const char *const subjects[] = {"", "a", "xab", "aab", "x\xc3\xa4y\xc3\xa4", "a b a-b", "\na", "50%"};

	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		char wrapped[32];
		struct regex *plain = compiled(patterns[i], REGEX_PLAIN), *other;

		snprintf(wrapped, sizeof(wrapped), "(?:%s)", patterns[i]);
		other = compiled(wrapped, REGEX_PLAIN);
		for (size_t k = 0; k < ARRAY_LEN(subjects); k++)
			for (size_t from = 0; from <= strlen(subjects[k]); from++) {
				struct span s = span_of(subjects[k]);
				struct regex_match a, b;
				enum regex_result ra = regex_search(plain, s, from, &a);

				if (from < s.n && ((unsigned char)s.p[from] & 0xc0) == 0x80)
					continue; /* within a character */
				assert_int_equal(ra, regex_search(other, s, from, &b));
				if (ra != REGEX_MATCH)
					continue;
				assert_int_equal(a.count, 1);
				assert_int_equal(a.begin[0], b.begin[0]);
				assert_int_equal(a.end[0], b.end[0]);
			}
		regex_free(&plain);
		regex_free(&other);
	}
}

static void groups_and_lines(void **state UNUSED)
{
	struct regex *re = compiled("^(?<n>[0-9]+)(x)?$", REGEX_PLAIN);
	struct regex_match m;

	assert_int_equal(regex_search(re, SPAN_LITERAL("a\n12\nb"), 0, &m), REGEX_MATCH);
	assert_int_equal(m.begin[0], 2);
	assert_int_equal(m.end[1], 4);
	assert_int_equal(regex_group(re, SPAN_LITERAL("n")), 1);
	assert_int_equal(regex_group(re, SPAN_LITERAL("z")), -1);
	regex_free(&re);
	re = compiled("A.B", REGEX_IGNORE_CASE | REGEX_DOT_ALL);
	assert_int_equal(regex_search(re, SPAN_LITERAL("a\nb"), 0, &m), REGEX_MATCH);
	regex_free(&re);
	re = compiled("a.b", REGEX_PLAIN);
	assert_int_equal(regex_search(re, SPAN_LITERAL("a\nb"), 0, &m), REGEX_MISS);
	regex_free(&re);
}

static void a_hostile_pattern_ends_at_its_limit(void **state UNUSED)
{
	static const char *const patterns[] = {"(a+)+$", "(a|aa)+$", "(.*)*x", "(?:a?){30}a{30}", "((a*)*)*b"};
	char subject[64];
	struct regex_match m;

	memset(subject, 'a', sizeof(subject) - 1);
	subject[sizeof(subject) - 2] = '!';
	subject[sizeof(subject) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		struct regex *re = compiled(patterns[i], REGEX_PLAIN);

		/* over in a moment, whatever the answer; without a limit the first runs for ever */
		(void)!regex_search(re, span_of(subject), 0, &m);
		if (i == 0)
			assert_int_equal(regex_search(re, span_of(subject), 0, &m), REGEX_LIMIT);
		regex_free(&re);
	}
}

static void what_is_no_pattern_says_why(void **state UNUSED)
{
	static const char *const patterns[] = {"(", "[", "a{2,1}", "*a", "(?<", "\\"};
	struct regex *re = NULL;

	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		char why[REGEX_WHY] = "";

		if (regex_compile(span_of(patterns[i]), REGEX_PLAIN, &re, why) < 0)
			assert_true(why[0] != '\0');
		else
			regex_free(&re);
		assert_null(re);
	}
}

/* What Ruby 3.1 answers; \xc3\xa9 is e with an acute, \xe2\x80\x83 a wide blank, \xd9\xa3 the Arabic three. */
static void classes_are_rubys(void **state UNUSED)
{
	static const struct {
		const char *pattern, *subject;
		bool matches;
	} cases[] = {
		{"\\w", "\xc3\xa9", false}, {"\\W", "\xc3\xa9", true}, {"[\\w.]", "\xc3\xa9", false},
		{"\\d", "\xd9\xa3", false}, {"\\D", "\xd9\xa3", true}, {"\\s", "\xe2\x80\x83", false},
		{"\\S", "\xe2\x80\x83", true}, {"[[:alpha:]]", "\xc3\xa9", true}, {"\\p{L}", "\xc3\xa9", true},
		{"\\h", "g", false}, {"(?i)\xc3\x89", "\xc3\xa9", true}, {"^b$", "a\nb\nc", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct regex *re = compiled(cases[i].pattern, REGEX_PLAIN);
		struct regex_match m;

		if ((regex_search(re, span_of(cases[i].subject), 0, &m) == REGEX_MATCH) != cases[i].matches)
			fail_msg("%s on %s", cases[i].pattern, cases[i].subject);
		regex_free(&re);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_are_rubys), cmocka_unit_test(literal_and_oniguruma_agree),
		cmocka_unit_test(groups_and_lines),
		cmocka_unit_test(a_hostile_pattern_ends_at_its_limit),
		cmocka_unit_test(what_is_no_pattern_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

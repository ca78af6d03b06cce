/*
 * test_time_text - times as text: against strftime for every day of 60 years, and the letters it has not
 */
#include "watcher/base/base.h"
#include "transforms/time_text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct arena arena;

static void render(const char *pattern, enum time_text_kind kind, int64_t ms, char out[TIME_TEXT_MAX + 1])
{
	const struct time_text *t;
	const char *why;
	size_t offset;

	assert_int_equal(time_text_compile(span_of(pattern), kind, &arena, &t, &why, &offset), 0);
	out[time_text_add(t, ms, out, TIME_TEXT_MAX)] = '\0';
}

/* The C library counts weeks and days on its own. */
static void test_every_day(void **state)
{
	const char *joda = "xxxx-'W'ww-e yyyy-MM-dd DDD EEE MMMM EEEE hh a";
	const struct time_text *t;
	const char *why;
	size_t offset;

	(void)state;
	assert_int_equal(time_text_compile(span_of(joda), TIME_TEXT_JODA, &arena, &t, &why, &offset), 0);
	for (int64_t day = -365 * 20; day < 365 * 60; day++) {
		char got[TIME_TEXT_MAX + 1], want[TIME_TEXT_MAX];
		time_t seconds = day * 86400 + day % 24 * 3600;
		struct tm tm;

		gmtime_r(&seconds, &tm);
		strftime(want, sizeof(want), "%G-W%V-%u %Y-%m-%d %j %a %B %A %I %p", &tm);
		got[time_text_add(t, (int64_t)seconds * 1000, got, TIME_TEXT_MAX)] = '\0';
		assert_string_equal(got, want);
	}
}

static const struct {
	const char *pattern;
	enum time_text_kind kind;
	int64_t ms;
	const char *want;
} cases[] = {
	{"HH:mm:ss.SSS", TIME_TEXT_JODA, 3723004, "01:02:03.004"},
	{"S SS SSSSSS", TIME_TEXT_JODA, 987, "9 98 987000"},
	{"H k K h", TIME_TEXT_JODA, 0, "0 24 0 12"},
	{"H k K h a", TIME_TEXT_JODA, 13 * 3600000, "13 13 1 1 PM"},
	{"Z ZZ ZZZ z", TIME_TEXT_JODA, 0, "+0000 +00:00 UTC UTC"},
	{"G C", TIME_TEXT_JODA, 0, "AD 19"},
	{"''yyyy 'o''clock' -", TIME_TEXT_JODA, 0, "'1970 o'clock -"},
	{"SSS", TIME_TEXT_JODA, -1, "999"},
	{"uuuu-MM-dd'T'HH:mm:ss.SSSXXX", TIME_TEXT_JAVA, 1, "1970-01-01T00:00:00.001Z"},
	{"xxx x Z OOOO VV q A n", TIME_TEXT_JAVA, 61000, "+00:00 +00 +0000 GMT Z 1 61000 0"},
	{"D", TIME_TEXT_JAVA, 0, "1"},
};

static void test_letters(void **state)
{
	char got[TIME_TEXT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		render(cases[i].pattern, cases[i].kind, cases[i].ms, got);
		assert_string_equal(got, cases[i].want);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *pattern;
		enum time_text_kind kind;
		size_t offset;
	} refused[] = {
		{"", TIME_TEXT_JODA, 0},       {"yyyy-b", TIME_TEXT_JODA, 5}, {"HH 'x", TIME_TEXT_JODA, 3},
		{"u", TIME_TEXT_JODA, 0},      {"YYYY", TIME_TEXT_JAVA, 0},   {"dd ww", TIME_TEXT_JAVA, 3},
		{"[dd]", TIME_TEXT_JAVA, 0},   {"yyyyyyyyyyyyyyyyyyy", TIME_TEXT_JODA, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const struct time_text *t;
		const char *why;
		size_t offset = 99;

		assert_int_equal(time_text_compile(span_of(refused[i].pattern), refused[i].kind, &arena, &t, &why,
						   &offset), -1);
		assert_int_equal(offset, refused[i].offset);
	}
}

static int begin(void **state)
{
	(void)state;
	arena_init(&arena, 4096);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_day),
		cmocka_unit_test(test_letters),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, begin, end);
}

/*
 * test_date_pattern - what needs a clock of its own: years that are guessed, losses that are told
 *
 * Formats themselves are the golden cases' (tests/golden/filters/date.json).
 */
#include "watcher/base/base.h"
#include "transforms/date_pattern.h"
#include "watcher/base/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct arena arena;
static struct zones zones;

static const struct {
	const char *now, *zone, *format, *text, *want; /* NULL: no date */
	bool assumed, moved, cut;
} cases[] = {
	/* date_spec.rb: fill last year if december events arrive in january; and the other way */
	{"2014-01-01T00:30:50Z", "UTC", "MMM dd HH:mm:ss", "Dec 31 23:59:00", "2013-12-31T23:59:00.000Z", true, false, false},
	{"2013-12-31T23:59:50Z", "UTC", "MMM dd HH:mm:ss", "Jan 01 01:00:00", "2014-01-01T01:00:00.000Z", true, false, false},
	{"2013-07-31T23:59:50Z", "UTC", "MMM dd HH:mm:ss", "Jan 01 01:00:00", "2013-01-01T01:00:00.000Z", true, false, false},
	/* now is that of the zone: New Year in Tokyo */
	{"2013-12-31T23:59:50Z", "Asia/Tokyo", "MMM dd HH:mm", "Dec 31 23:59", "2013-12-31T14:59:00.000Z", true, false, false},
	{"2015-06-01T00:00:00Z", "UTC", "MMM dd", "Feb 29", NULL, true, false, false},
	{"2016-06-01T00:00:00Z", "UTC", "MMM dd", "Feb 29", "2016-02-29T00:00:00.000Z", true, false, false},
	/* date_spec.rb: do fail on 2016 DST switchover in CET */
	{"2016-03-29T23:59:50Z", "CET", "MMM dd HH:mm:ss", "Mar 27 02:00:01", NULL, true, false, false},
	{"2016-03-29T23:59:50Z", "CET", "MMM dd HH:mm:ss", "Mar 27 03:00:01", "2016-03-27T01:00:01.000Z", true, false, false},
	{"2014-06-01T00:00:00Z", "UTC", "EEE MMM dd HH:mm:ss", "Sun Jun 02 20:38:03", "2014-06-08T20:38:03.000Z", true, true, false},
	{"2013-06-01T00:00:00Z", "UTC", "EEE MMM dd HH:mm:ss", "Sun Jun 02 20:38:03", "2013-06-02T20:38:03.000Z", true, false, false},
	{"2016-01-01T00:00:00Z", "UTC", "MMM dd HH:mm:ss Z", "Nov 24 01:29:01 -0800", "2016-11-24T09:29:01.000Z", false, false, false},
	/* two digits: 80 years behind, 19 ahead */
	{"2026-01-01T00:00:00Z", "UTC", "yy", "45", "2045-01-01T00:00:00.000Z", true, false, false},
	{"2026-01-01T00:00:00Z", "UTC", "yy", "46", "1946-01-01T00:00:00.000Z", true, false, false},
	{"2026-01-01T00:00:00Z", "UTC", "yy", "123", "0123-01-01T00:00:00.000Z", true, false, false},
	{"2026-01-01T00:00:00Z", "UTC", "yyMM", "123", "2012-03-01T00:00:00.000Z", true, false, false},
	/* out of the first year by a weekday, out of the last by an offset */
	{"2026-01-01T00:00:00Z", "UTC", "yyyy-e", "0000-2", NULL, true, false, false},
	{"2026-01-01T00:00:00Z", "UTC", "yyyy-MM-dd HH Z", "9999-12-31 23 -0100", NULL, false, false, false},
	{"2026-01-01T00:00:00Z", "UTC", "yyyy-MM-dd HH Z", "9999-12-31 23 +0000", "9999-12-31T23:00:00.000Z", false, false, false},
	{"2026-01-01T00:00:00Z", "UTC", "yyyy", "10000", NULL, true, false, false},
	{"2026-01-01T00:00:00Z", "UTC", "yyyy", "-1", NULL, true, false, false},
	{"2026-01-01T00:00:00Z", "UTC", "yyyy", "99999999999999999999", NULL, true, false, false},
	{"2026-01-01T00:00:00Z", "UTC", "yyyy G", "44 BC", NULL, true, false, false},
	{"2026-01-01T00:00:00Z", "UTC", "yyyy G", "44 AD", "0044-01-01T00:00:00.000Z", true, false, false},
	{"2026-01-01T00:00:00Z", "UTC", "ISO8601", "2018-06-27T17:19:13.036579993Z", "2018-06-27T17:19:13.036Z", false, false, true},
	{"2026-01-01T00:00:00Z", "UTC", "ISO8601", "2018-06-27T17:19:13.036000000Z", "2018-06-27T17:19:13.036Z", false, false, false},
	{"2026-01-01T00:00:00Z", "UTC", "ISO8601", "2018-06-27T17:19:13+01:02:03.5", "2018-06-27T16:17:09.500Z", false, false, false},
	{"2026-01-01T00:00:00Z", "UTC", "ISO8601", "2018-06-27T17:19:13+24:00", NULL, false, false, false},
};

static int64_t moment(const char *iso)
{
	struct date_fields f;
	const char *why;
	int64_t ms;

	assert_true(date_iso_parse(span_of(iso), &f));
	assert_true(date_moment(&f, 1970, zones_get(&zones, SPAN_LITERAL("UTC")), &ms, &why));
	return ms;
}

static void clocks_and_losses(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct date_context c = {.now_ms = moment(cases[i].now),
					 .zone = zones_get(&zones, span_of(cases[i].zone)),
					 .zones = &zones};
		struct date_pattern *p;
		char text[CLOCK_TEXT];
		const char *why;
		size_t offset;
		int64_t ms;

		assert_int_equal(date_pattern_compile(span_of(cases[i].format), &arena, &p, &why, &offset), 0);
		if (!date_pattern_parse(p, span_of(cases[i].text), &c, &ms, &why)) {
			if (cases[i].want)
				fail_msg("%s by %s: %s", cases[i].text, cases[i].format, why);
			continue;
		}
		clock_format(ms, text);
		if (!cases[i].want || strcmp(text, cases[i].want) != 0)
			fail_msg("%s by %s at %s: %s", cases[i].text, cases[i].format, cases[i].now, text);
		assert_int_equal(c.assumed, cases[i].assumed);
		assert_int_equal(c.moved, cases[i].moved);
		assert_int_equal(c.cut, cases[i].cut);
	}
}

static const struct {
	enum date_kind kind;
	const char *text;
	bool number, ok, cut;
	int64_t ms;
} epochs[] = {
	{DATE_UNIX, "1350414944.123456", false, true, true, 1350414944123},
	{DATE_UNIX, "1350414944.123000", false, true, false, 1350414944123},
	{DATE_UNIX, "-1.5", false, true, false, -500}, /* the plugin adds the fraction whatever the sign */
	{DATE_UNIX, "1.", false, false, false, 0},
	{DATE_UNIX, "99999999999999999999", false, false, false, 0},
	{DATE_UNIX, "-1.5", true, true, false, -1500},
	{DATE_UNIX, "1.5e3", true, true, false, 1500000},
	{DATE_UNIX, "15E-1", true, true, false, 1500},
	{DATE_UNIX, "123e-6", true, true, true, 0},
	{DATE_UNIX, "1e18", true, false, false, 0},
	{DATE_UNIX, "0e999", true, true, false, 0},
	{DATE_UNIX, "1e99999999999999999999", true, false, false, 0},
	{DATE_UNIX_MS, "1000000000123", false, true, false, 1000000000123},
	{DATE_UNIX_MS, "1000000000123.9", true, true, true, 1000000000123},
	{DATE_UNIX_MS, "253402300799999", false, true, false, 253402300799999},
	{DATE_UNIX_MS, "253402300800000", false, false, false, 0},
	{DATE_UNIX_MS, "9223372036854775808", false, false, false, 0},
	{DATE_UNIX_MS, "1.5", false, false, false, 0},
	{DATE_TAI64N, "@4000000050d506482dbdf024", false, true, false, 1356138046767},
	{DATE_TAI64N, "@4000000050d506482dbdf02", false, false, false, 0},
	{DATE_TAI64N, "@4000000050d506482dbdf02g", false, false, false, 0},
	{DATE_TAI64N, "7fffffffffffffff00000000", false, false, false, 0},
};

static void numbers(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(epochs); i++) {
		struct date_context c = {0};
		const char *why;
		int64_t ms = 0;
		bool ok = date_epoch_parse(epochs[i].kind, span_of(epochs[i].text), epochs[i].number, &c, &ms, &why);

		if (ok != epochs[i].ok || (ok && (ms != epochs[i].ms || c.cut != epochs[i].cut)))
			fail_msg("%s: %d %lld %d", epochs[i].text, ok, (long long)ms, c.cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(clocks_and_losses), cmocka_unit_test(numbers)};
	int failed;

	arena_init(&arena, 4096);
	zones_init(&zones, NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	zones_release(&zones);
	arena_release(&arena);
	return failed;
}

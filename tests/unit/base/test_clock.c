/* clock: RFC 3339 text against `date -u` and against a calendar counted by hand */
#include "watcher/base/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void test_format(void **state)
{
	static const struct {
		const char *name;
		int64_t input;
		const char *want;
	} rows[] = {
		{"the epoch", 0, "1970-01-01T00:00:00.000Z"},
		{"just before it", -1, "1969-12-31T23:59:59.999Z"},
		{"a second before it", -1000, "1969-12-31T23:59:59.000Z"},
		{"the header's", 1795478462003, "2026-11-24T00:01:02.003Z"},
		{"leap day of a century", 951782400000, "2000-02-29T00:00:00.000Z"},
		{"a century without one", 4107542399999, "2100-02-28T23:59:59.999Z"},
		{"32 bits are full", 2147483648000, "2038-01-19T03:14:08.000Z"},
		{"last", 253402300799999, "9999-12-31T23:59:59.999Z"},
		{"over it", 253402300800000, "9999-12-31T23:59:59.999Z"},
		{"far over it", INT64_MAX, "9999-12-31T23:59:59.999Z"},
		{"first", -62167219200000, "0000-01-01T00:00:00.000Z"},
		{"under it", -62167219200001, "0000-01-01T00:00:00.000Z"},
		{"far under it", INT64_MIN, "0000-01-01T00:00:00.000Z"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char out[CLOCK_TEXT];

		clock_format(rows[i].input, out);
		if (strcmp(out, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, out);
	}
}

static void test_parse(void **state)
{
	static const struct {
		const char *input;
		const char *want; /* NULL: no time */
	} rows[] = {
		{"2026-11-25", "2026-11-25T00:00:00.000Z"},
		{"2026-11-25T10:00", "2026-11-25T10:00:00.000Z"},
		{"2026-11-25T10:00:01", "2026-11-25T10:00:01.000Z"},
		{"2026-11-25T10:00:01Z", "2026-11-25T10:00:01.000Z"},
		{"2026-11-25T10:00:01.234Z", "2026-11-25T10:00:01.234Z"},
		{"", NULL}, {"yesterday", NULL}, {"2026-11", NULL}, {"2026-13-01", NULL}, {"2026-11-25T10:00:01.2Z", NULL},
		{"2026-11-25T10:00:01+01:00", NULL}, {"2026-11-25 ", NULL}, {"5", NULL}, {"5s", NULL}, {"-5m", NULL}, {"5mm", NULL},
		{"100000d", NULL}, {"+5m", NULL}, {" 5m", NULL}, {"2026-2-3", NULL}, {" 2026-2-03", NULL},
		{"2026-11-25T10:00:60", NULL}, {"2026-11-25T24:00", NULL}, {"02026-2-03", NULL}, {"2026-02-31", NULL},
		{"2026-02-29T01:00", NULL}, {"2028-02-29", "2028-02-29T00:00:00.000Z"},
	};
	int64_t ms, now = clock_now_ms();
	char out[CLOCK_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool ok = clock_parse(rows[i].input, &ms);

		if (ok)
			clock_format(ms, out);
		if (ok != (rows[i].want != NULL) || (ok && strcmp(out, rows[i].want) != 0))
			fail_msg("%s: %s", rows[i].input, ok ? out : "no time");
	}
	assert_true(clock_parse("24h", &ms));
	assert_in_range(ms, now - CLOCK_DAY_MS, now - CLOCK_DAY_MS + 60000);
	assert_true(clock_parse("7d", &ms));
	assert_in_range(ms, now - 7 * CLOCK_DAY_MS, now - 7 * CLOCK_DAY_MS + 60000);
}

static int month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Each day of 500 years. */
static void test_calendar(void **state)
{
	int64_t ms = 12 * 3600 * 1000 + 345;

	(void)state;
	for (int y = 1970; y < 2470; y++)
		for (int m = 1; m <= 12; m++)
			for (int d = 1; d <= month_days(y, m); d++, ms += 86400000) {
				char want[64], out[CLOCK_TEXT];

				snprintf(want, sizeof(want), "%04d-%02d-%02dT12:00:00.345Z", y, m, d);
				clock_format(ms, out);
				assert_string_equal(out, want);
			}
}

static void test_strftime(void **state)
{
	static const struct {
		const char *name, *fmt;
		size_t cap;
		const char *want;
	} rows[] = {
		{"a day", "%Y.%m.%d", 32, "2026.11.24"},
		{"a week", "%G-W%V", 32, "2026-W48"},
		{"UTC, not the local zone", "%H:%M:%S", 32, "00:01:02"},
		{"just fits", "%Y", 5, "2026"},
		{"too long is empty", "%Y", 4, ""},
		{"no room", "%Y", 1, ""},
		{"empty format", "", 32, ""},
	};

	(void)state;
	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char out[32] = "old";

		clock_strftime(1795478462003, rows[i].fmt, out, rows[i].cap);
		if (strcmp(out, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, out);
	}
}

static void test_days(void **state)
{
	static const struct {
		int64_t ms;
		const char *day;
		int64_t next;
	} rows[] = {
		{1795478400000, "2026-11-24", 1795564800000}, {1795478399999, "2026-11-23", 1795478400000},
		{1795564799999, "2026-11-24", 1795564800000}, {0, "1970-01-01", 86400000},
		{-1, "1969-12-31", 0},			      {-86400000, "1969-12-31", 0},
		{1709164800000, "2024-02-29", 1709251200000},
	};

	(void)state;
	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char day[CLOCK_DAY];

		clock_day(rows[i].ms, day);
		assert_string_equal(day, rows[i].day);
		assert_int_equal(clock_next_day_ms(rows[i].ms), rows[i].next);
	}
}

static void test_now(void **state)
{
	int64_t mono = clock_mono_ms();
	int64_t wall = clock_now_ms();

	(void)state;
	assert_true(llabs(wall / 1000 - (int64_t)time(NULL)) <= 1);
	for (int i = 0; i < 1000; i++) {
		int64_t now = clock_mono_ms();

		assert_true(now >= mono);
		mono = now;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_calendar),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_strftime),
		cmocka_unit_test(test_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

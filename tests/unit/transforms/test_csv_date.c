/*
 * test_csv_date - the dates of the csv filter's conversions
 *
 * Every time wanted here is what Ruby 3.1's CSV::Converters[:date] and [:date_time] (csv 3.2.2) and to_time give with TZ=Europe/Berlin;
 * but for the rows marked "guess", where Ruby guesses and the text is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "watcher/base/base.h"
#include "watcher/base/clock.h"
#include "transforms/csv_date.h"

static const struct {
	const char *text, *date, *date_time; /* NULL: left as the text it is */
} rows[] = {
	{"2017-06-01", "2017-05-31T22:00:00.000Z", "2017-06-01T00:00:00.000Z"},
	{"2017-01-01", "2016-12-31T23:00:00.000Z", "2017-01-01T00:00:00.000Z"},
	{"2017-02-29", NULL, NULL},
	{"2016-02-29", "2016-02-28T23:00:00.000Z", "2016-02-29T00:00:00.000Z"},
	{"2017-13-01", NULL, NULL},
	{"0000-01-01", NULL, "0000-01-01T00:00:00.000Z"}, /* in Berlin the year before year 0, which no timestamp prints */
	{"9999-12-31", "9999-12-30T23:00:00.000Z", "9999-12-31T00:00:00.000Z"},
	{"9999-12-31 24:00:00", NULL, NULL},
	{"2017-6-1", NULL, NULL},
	{"17-06-01", NULL, NULL},
	{" 2017-06-01", NULL, NULL},
	{"2017-06-01 ", NULL, NULL},
	{"", NULL, NULL},
	{"invalid_date", NULL, NULL},
	{"June 1 2017", "2017-05-31T22:00:00.000Z", NULL},
	{"Jun 1, 2017", "2017-05-31T22:00:00.000Z", NULL},
	{"sept 5 2020", "2020-09-04T22:00:00.000Z", NULL},
	{"DEC\t12\t2001", "2001-12-11T23:00:00.000Z", NULL},
	{"Thu, Jun 1, 2017", "2017-05-31T22:00:00.000Z", NULL},
	{"Monday Jun 1 2017", "2017-05-31T22:00:00.000Z", NULL},
	{"foo Jun 1 2017", "2017-05-31T22:00:00.000Z", NULL},
	{"Jan Mar 1 2017", "2017-02-28T23:00:00.000Z", NULL},
	{"Jun 1 68", "2068-05-31T22:00:00.000Z", NULL},
	{"Jun 1 69", "1969-05-31T23:00:00.000Z", NULL},
	{"Jun 31 2017", NULL, NULL},
	{"Jun 0 2017", NULL, NULL},
	{"Jun 1 2", NULL, NULL},
	{"Jun 1 20170", NULL, NULL},
	{"Jun,  1 2017", NULL, NULL},
	{"may 12,99", NULL, NULL},
	{"ju 4 2017", NULL, NULL},
	{"12 31 99", NULL, NULL},    /* guess */
	{"foo 1 2017", NULL, NULL},  /* guess: of this month where it has that day */
	{"bc jun 4 2017", NULL, NULL}, /* before year 0 */
	{"2001-02-03 04:05:06", NULL, "2001-02-03T04:05:06.000Z"},
	{"2001-02-03T04:05", NULL, "2001-02-03T04:05:00.000Z"},
	{"2001-02-03T04:05:06", NULL, "2001-02-03T04:05:06.000Z"},
	{"2001-02-03T04:05:06Z", NULL, "2001-02-03T04:05:06.000Z"},
	{"2001-02-03T04:05:06.5Z", NULL, "2001-02-03T04:05:06.500Z"},
	{"2001-02-03T04:05:06.123456789+07:00", NULL, "2001-02-02T21:05:06.123Z"},
	{"2001-02-03T04:05:06-11:30", NULL, "2001-02-03T15:35:06.000Z"},
	{"2001-02-03T04:05:06-07", NULL, NULL},
	{"2001-02-03T04:05:06+0700", NULL, NULL},
	{"2001-02-03T04:05:06z", NULL, NULL},
	{"2001-02-03T04:05Z", NULL, NULL},
	{"2001-02-03T04:05:06.", NULL, NULL},
	{"2001-02-03T04", NULL, NULL},
	{"2001-02-03T", NULL, NULL},
	{"2001-02-03 04:05", NULL, NULL},
	{"2001-02-03 04:05:06Z", NULL, NULL},
	{"2001-02-03 24:00:00", NULL, "2001-02-04T00:00:00.000Z"},
	{"2001-02-03 24:00:01", NULL, NULL},
	{"2001-02-03 25:00:00", NULL, NULL},
	{"2001-02-03 04:60:06", NULL, NULL},
	{"2001-02-03 04:05:60", NULL, "2001-02-03T04:05:59.000Z"},
	{"2001-02-03 04:05:61", NULL, NULL},
	{"Jun 1 4:5:6 2017", NULL, "2017-06-01T04:05:06.000Z"},
	{"Thu, Jun 1 04:05:06, 17", NULL, "2017-06-01T04:05:06.000Z"},
	{"Jun 31 4:5:6 2017", NULL, NULL},
	{"Jun 1, 4:5:6 2017", NULL, NULL},
};

static void check(const char *text, bool read, int64_t ms, const char *want)
{
	char have[CLOCK_TEXT] = "none";

	if (read)
		clock_format(ms, have);
	if (strcmp(have, want ? want : "none") != 0)
		fail_msg("\"%s\": %s, not %s", text, have, want ? want : "none");
}

static void as_ruby_reads_them(void **state UNUSED)
{
	const struct zone *berlin;
	struct zones zs;

	zones_init(&zs, NULL);
	berlin = zones_get(&zs, SPAN_LITERAL("Europe/Berlin"));
	assert_non_null(berlin);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span s = span_of(rows[i].text);
		struct csv_date t = {0};
		bool read = csv_date_read(s, berlin, &t);

		check(rows[i].text, read, t.ms, rows[i].date);
		read = csv_date_time_read(s, &t);
		check(rows[i].text, read, t.ms, rows[i].date_time);
	}
	/* no bytes at all, as libFuzzer begins */
	assert_false(csv_date_read(SPAN_NONE, berlin, &(struct csv_date){0}));
	assert_false(csv_date_time_read(SPAN_NONE, &(struct csv_date){0}));
	zones_release(&zs);
}

/* Sao Paulo's clocks skipped the midnight of 4 November 2018: its day begins at 01:00, which is 03:00 UTC. */
static void a_midnight_that_is_not_there(void **state UNUSED)
{
	struct csv_date t;
	struct zones zs;

	zones_init(&zs, NULL);
	assert_true(csv_date_read(SPAN_LITERAL("2018-11-04"), zones_get(&zs, SPAN_LITERAL("America/Sao_Paulo")), &t));
	check("2018-11-04", true, t.ms, "2018-11-04T03:00:00.000Z");
	assert_true(t.assumed);
	zones_release(&zs);
}

static void losses_are_told(void **state UNUSED)
{
	struct csv_date t;

	assert_true(csv_date_time_read(SPAN_LITERAL("2001-02-03T04:05:06.1234Z"), &t));
	assert_true(t.cut && !t.assumed);
	assert_true(csv_date_time_read(SPAN_LITERAL("2001-02-03T04:05:06.123"), &t));
	assert_true(!t.cut && t.assumed);
}

/* No prefix of a text, and no text with one byte changed, is read beyond its end (ASan) or read as a time out of the years 0 to 9999. */
static void cut_and_changed_texts(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t n = 0; n <= strlen(rows[i].text); n++)
			for (int c = 0; c < 256; c += 3) {
				char *text = xstrndup(rows[i].text, n);
				struct span s = {text, n};
				struct csv_date t;

				if (n)
					text[n - 1] = (char)c;
				if (csv_date_read(s, NULL, &t) || csv_date_time_read(s, &t))
					assert_true(date_is_printable(t.ms));
				free(text);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_ruby_reads_them),
		cmocka_unit_test(a_midnight_that_is_not_there),
		cmocka_unit_test(losses_are_told),
		cmocka_unit_test(cut_and_changed_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_zone - offsets and local times, against what Python's zoneinfo answers (the whole database: tests/golden/filters/test_zones.py)
 */
#include "watcher/base/base.h"
#include "transforms/zone.h"
#include "transforms/zone_rule.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct zones zones;

static int64_t at(int64_t year, int month, int day, int hour, int minute)
{
	return days_of(year, month, day) * 86400 + hour * 3600 + minute * 60;
}

static void offsets(void **state UNUSED)
{
	const struct zone *berlin = zones_get(&zones, SPAN_LITERAL("Europe/Berlin"));
	const struct zone *apia = zones_get(&zones, SPAN_LITERAL("Pacific/Apia"));

	assert_non_null(berlin);
	assert_int_equal(zone_offset(berlin, at(2024, 3, 31, 0, 59)), 3600);
	assert_int_equal(zone_offset(berlin, at(2024, 3, 31, 1, 0)), 7200);
	assert_int_equal(zone_offset(berlin, at(2090, 7, 1, 0, 0)), 7200); /* by the footer */
	assert_int_equal(zone_offset(berlin, at(2090, 12, 1, 0, 0)), 3600);
	assert_int_equal(zone_offset(berlin, at(1850, 1, 1, 0, 0)), 3208);
	assert_non_null(apia);
	assert_int_equal(zone_offset(apia, at(2011, 12, 30, 9, 59)), -10 * 3600);
	assert_int_equal(zone_offset(apia, at(2011, 12, 30, 10, 0)), 14 * 3600);
}

static void local_times(void **state UNUSED)
{
	const struct zone *berlin = zones_get(&zones, SPAN_LITERAL("Europe/Berlin"));
	int64_t utc;

	assert_false(zone_to_utc(berlin, at(2024, 3, 31, 2, 30), &utc));
	assert_true(zone_to_utc(berlin, at(2024, 10, 27, 2, 30), &utc));
	assert_true(utc == at(2024, 10, 27, 0, 30)); /* the earlier one */
	assert_true(zone_to_utc(berlin, at(2024, 10, 27, 3, 0), &utc));
	assert_true(utc == at(2024, 10, 27, 2, 0));
}

static void names(void **state UNUSED)
{
	static const char *const none[] = {"",	  "Europe/Berlim", "../../etc/passwd", "/etc/localtime", "Europe",
					   "+25", "+1",		   "+0160",	       "right/UTC",	 "tzdata.zi",
					   "a.b", "Europe/Berlin\n"};

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_null(zones_get(&zones, span_of(none[i])));
	assert_int_equal(zone_offset(zones_get(&zones, SPAN_LITERAL("+02:00")), 0), 7200);
	assert_int_equal(zone_offset(zones_get(&zones, SPAN_LITERAL("-0330")), 0), -12600);
	assert_int_equal(zone_offset(zones_get(&zones, SPAN_LITERAL("UTC")), 0), 0);
	assert_ptr_equal(zones_get(&zones, SPAN_LITERAL("Asia/Tokyo")), zones_get(&zones, SPAN_LITERAL("Asia/Tokyo")));
}

static void rules(void **state UNUSED)
{
	static const char *const bad[] = {"", "X", "CET", "CET-1CEST", "CET-1CEST,M13.1.0,M10.5.0", "CET-1CEST,M3.5.0",
					  "CET-1CEST,M3.5.0,M10.5.0x", "CET-1CEST,J366,J1"};
	struct zone_rule r;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(zone_rule_parse(span_of(bad[i]), &r));
	assert_true(zone_rule_parse(SPAN_LITERAL("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1"), &r)); /* Nuuk, day before */
	assert_int_equal(zone_rule_offset(&r, at(2030, 3, 31, 0, 59)), -3 * 3600);
	assert_int_equal(zone_rule_offset(&r, at(2030, 3, 31, 1, 0)), -2 * 3600);
	assert_true(zone_rule_parse(SPAN_LITERAL("NZST-12NZDT,M9.5.0,M4.1.0/3"), &r)); /* summer over New Year */
	assert_int_equal(zone_rule_offset(&r, at(2030, 1, 1, 0, 0)), 13 * 3600);
	assert_int_equal(zone_rule_offset(&r, at(2030, 7, 1, 0, 0)), 12 * 3600);
	assert_true(zone_rule_parse(SPAN_LITERAL("AAA0BBB,J60/0,300/0"), &r)); /* 1 March; the 301st day */
	assert_int_equal(zone_rule_offset(&r, at(2028, 2, 29, 23, 59)), 0);
	assert_int_equal(zone_rule_offset(&r, at(2028, 3, 1, 0, 0)), 3600);
}

static void dates(void **state UNUSED)
{
	for (int64_t days = -800000; days < 3000000; days += 97) {
		int64_t year;
		int month, day;

		date_of(days, &year, &month, &day);
		assert_true(month >= 1 && month <= 12 && day >= 1 && day <= days_in(year, month));
		assert_true(days_of(year, month, day) == days);
	}
	assert_true(days_of(1970, 1, 1) == 0 && days_of(2000, 3, 1) == 11017 && days_of(0, 1, 1) == -719528);
}

/* Hostile files: cut anywhere, a byte changed anywhere. */
static void files(void **state UNUSED)
{
	char folder[] = "/tmp/zoneXXXXXX", path[64], bytes[4096];
	FILE *in = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb"), *out;
	size_t n = fread(bytes, 1, sizeof(bytes), in);
	struct zones own;

	fclose(in);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/x", folder);
	for (size_t i = 0; i < n; i += 7) {
		for (int cut = 0; cut < 2; cut++) {
			char was = bytes[i];

			bytes[i] = (char)(cut ? was : ~was);
			out = fopen(path, "wb");
			assert_int_equal(fwrite(bytes, 1, cut ? i : n, out), cut ? i : n);
			fclose(out);
			bytes[i] = was;
			zones_init(&own, folder);
			if (zones_get(&own, SPAN_LITERAL("x")))
				(void)zone_offset(zones_get(&own, SPAN_LITERAL("x")), 1700000000);
			zones_release(&own);
		}
	}
	remove(path);
	remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets), cmocka_unit_test(local_times), cmocka_unit_test(names),
		cmocka_unit_test(rules),   cmocka_unit_test(dates),	  cmocka_unit_test(files),
	};
	int failed;

	zones_init(&zones, NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	zones_release(&zones);
	return failed;
}

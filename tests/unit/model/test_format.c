/*
 * test_format - names to formats and layers
 */
#include "watcher/base/base.h"
#include "watcher/model/format.h"
#include "watcher/model/job.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void names(void **state UNUSED)
{
	static const struct {
		const char *name;
		unsigned format, layers;
		const char *bare;
	} cases[] = {
		{"a.csv", FORMAT_CSV, 0, "a.csv"},
		{"a.TXT", FORMAT_TXT, 0, "a.TXT"},
		{"a.csv.gz", FORMAT_CSV, FORMAT_GZ, "a.csv"},
		{"a.csv.GZ", FORMAT_CSV, FORMAT_GZ, "a.csv"},
		{"a.csv.zst.age", FORMAT_CSV, FORMAT_ZST | FORMAT_AGE, "a.csv"},
		{"a.csv.age", FORMAT_CSV, FORMAT_AGE, "a.csv"},
		{"a.csv.age.gz", 0, FORMAT_GZ, "a.csv.age"},
		{"a.csv.gz.gz", 0, FORMAT_GZ, "a.csv.gz"},
		{"a.xz", 0, FORMAT_XZ, "a"},
		{".gz", 0, 0, ".gz"},
		{"gz", 0, 0, "gz"},
		{"", 0, 0, ""},
		{"a", 0, 0, "a"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct name_format n = format_of_name(cases[i].name);

		assert_int_equal(n.format, cases[i].format);
		assert_int_equal(n.layers, cases[i].layers);
		assert_int_equal(n.bare, strlen(cases[i].bare));
	}
}

static void lists(void **state UNUSED)
{
	struct strbuf sb = STRBUF_INIT;

	format_list(&sb, FORMAT_CSV);
	assert_string_equal(sb.p, "csv");
	strbuf_reset(&sb);
	format_list(&sb, FORMAT_CSV | FORMAT_TXT | FORMAT_XZ);
	assert_string_equal(sb.p, "csv, txt and xz");
	strbuf_release(&sb);
	assert_int_equal(format_bits_of(SPAN_LITERAL("compressed")), FORMAT_GZ | FORMAT_ZST | FORMAT_XZ);
	assert_int_equal(format_bits_of(SPAN_LITERAL("parquet")), 0);
}

static void patterns(void **state UNUSED)
{
	struct job j = {.pattern = (char *)(uintptr_t) "vm*.csv"};

	assert_true(job_matches(&j, "vm1.csv"));
	assert_true(job_matches(&j, "vm1.csv.gz"));
	assert_true(job_matches(&j, "vm1.csv.xz.age"));
	assert_false(job_matches(&j, "vm1.csv.bz2"));
	j.pattern = (char *)(uintptr_t) "*.gz";
	assert_true(job_matches(&j, "vm1.csv.gz"));
	assert_false(job_matches(&j, "vm1.csv"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(lists),
		cmocka_unit_test(patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

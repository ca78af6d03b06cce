/*
 * manifest: of one file, and of a run
 */
#include "watcher/base/base.h"
#include "watcher/model/manifest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ENTRY(name) "{\"name\":\"" name "\",\"size\":3,\"sha256\":\"" HEX "\"}"

static const struct {
	const char *text;
	size_t count; /* 0: refused */
	const char *want; /* its job, or a part of the reason */
} runs[] = {
	{"{\"job\":\"t\",\"files\":[" ENTRY("a.csv") "]}", 1, "t"},
	{"{\"files\":[" ENTRY("a.csv") "," ENTRY("b.csv") "],\"job\":\"t\"}", 2, "t"},
	{"{\"files\":[" ENTRY("a.csv") "]}", 0, "x.manifest.json: $.job: missing"},
	{"{\"job\":\"t\"}", 0, "$.files: is missing"},
	{"{\"job\":\"t\",\"files\":[]}", 0, "$.files: empty"},
	{"{\"job\":\"t\",\"files\":[" ENTRY("a.csv") "," ENTRY("a.csv") "]}", 0, "$.files[1].name: \"a.csv\" stands there twice"},
	{"{\"job\":\"t\",\"files\":[" ENTRY("../a.csv") "]}", 0, "$.files[0].name: \"../a.csv\"; allowed: the bare name"},
	{"{\"job\":\"t\",\"files\":[" ENTRY("a/b") "]}", 0, "allowed: the bare name"},
	{"{\"job\":\"t\",\"files\":[" ENTRY("..") "]}", 0, "allowed: the bare name"},
	{"{\"job\":\"t\",\"files\":[3]}", 0, "$.files[0]: not an object"},
	{"{\"job\":\"t\",\"rows\":1,\"files\":[" ENTRY("a.csv") "]}", 0, "$.rows: unknown key of a manifest"},
	{"{\"job\":\"t\",\"files\":[" ENTRY("a.csv") "]} x", 0, "x.manifest.json:1"},
	{"", 0, "x.manifest.json"},
};

static void test_runs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
		struct fault f = FAULT_INIT;
		struct manifest_run run;
		int r = manifest_run_parse(span_of(runs[i].text), "x.manifest.json", &run, &f);

		assert_int_equal(r, runs[i].count ? 0 : -1);
		if (r < 0) {
			assert_int_equal(f.kind, FAULT_DATA);
			if (!strstr(f.text, runs[i].want))
				fail_msg("%s: %s", runs[i].text, f.text);
			continue;
		}
		assert_string_equal(run.job, runs[i].want);
		assert_int_equal(run.count, runs[i].count);
		assert_int_equal(manifest_run_find(&run, "a.csv")->size, 3);
		assert_null(manifest_run_find(&run, "c.csv"));
		manifest_run_release(&run);
	}
}

static void test_beside_a_file(void **state)
{
	struct fault f = FAULT_INIT;
	struct manifest m;

	(void)state;
	assert_int_equal(manifest_parse(SPAN_LITERAL("{\"files\":[" ENTRY("a.csv") "]}"), "a.csv", &m, &f), 0);
	assert_true(m.size == 3 && !m.has_rows);
	assert_int_equal(manifest_parse(SPAN_LITERAL("{\"files\":[" ENTRY("a.csv") "]}"), "b.csv", &m, &f), -1);
	assert_non_null(strstr(f.text, "allowed: \"b.csv\""));
	fault_clear(&f);
	/* one that starts a run is another's */
	assert_int_equal(manifest_parse(SPAN_LITERAL("{\"job\":\"t\",\"files\":[" ENTRY("a.csv") "]}"), "a.csv", &m, &f), -1);
	assert_non_null(strstr(f.text, "beside a file it is of that file alone"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_runs), cmocka_unit_test(test_beside_a_file)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

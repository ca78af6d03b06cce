/*
 * test_profile - profiles and jobs: the seed's as printed, and every refusal with its path
 */
#include "watcher/base/base.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/version.h"
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

static char root[] = "/tmp/ingestd-profile-XXXXXX";

static void put(const char *path, struct span text)
{
	char *full = fs_join(root, path);
	char *slash = strrchr(full, '/');
	struct fault f = FAULT_INIT;

	*slash = '\0';
	assert_int_equal(fs_make_dirs(full, 0755, &f), 0);
	*slash = '/';
	assert_int_equal(fs_replace_file(full, text, 0644, &f), 0);
	free(full);
}

static void copy(const char *from, const char *to)
{
	struct strbuf text = STRBUF_INIT;
	struct fault f = FAULT_INIT;

	assert_int_equal(fs_read_file(from, 1 << 20, &text, &f), 0);
	put(to, strbuf_span(&text));
	strbuf_release(&text);
}

static void seed_forms_load_as_printed(void **state)
{
	static const char *const files[] = {
		"tests/golden/seed/profile-test-1.json", "tests/golden/seed/profile-bob-1.json",
		"tests/golden/seed/profile-alice-1.json", "tests/golden/seed/profile-bob-2.json",
		"tests/golden/seed/profile-alice-2.json",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct strbuf errors = STRBUF_INIT;
		struct profile *p = NULL;
		struct job *j;

		copy(files[i], "seed/profile.json");
		copy("tests/golden/seed/job.json", "seed/jobs/vmtable.json");
		if (profile_load(root, "seed", &p, &errors) < 0)
			fail_msg("%s: %s", files[i], errors.p);
		assert_int_equal(p->max_run_bytes, 500000000);
		assert_int_equal(p->max_run_files, 100);
		assert_int_equal(p->max_workers, 1);
		assert_int_equal(p->formats, FORMAT_CSV | FORMAT_TXT);
		assert_string_equal(p->index_prefix, "seed-");
		j = profile_job(p, "vmtable");
		assert_non_null(j);
		assert_int_equal(j->trigger, TRIGGER_MANUAL);
		assert_string_equal(j->client_id, "jsjhfx");
		assert_string_equal(j->pattern, "*.csv");
		assert_int_equal(j->mapping.len, 11);
		assert_non_null(strstr(j->filter, "\r\n"));
		assert_true(job_matches(j, "a.csv"));
		profile_unref(&p);
		strbuf_release(&errors);
	}
}

static const struct {
	const char *name, *profile, *job, *want;
} refusals[] = {
	{"unknown key, nearest", "{\"limitz\":{}}", NULL, "$.limitz: unknown key of a profile; did you mean limits?"},
	{"unknown inner key", "{\"limits\":{\"max_rows\":1}}", NULL, "$.limits.max_rows: unknown key"},
	{"wrong type", "{\"limits\":{\"max_file_bytes\":\"1\"}}", NULL,
	 "found the string \"1\"; allowed: a whole number"},
	{"range", "{\"arrival\":{\"settle_seconds\":3601}}", NULL,
	 "found 3601, out of range; allowed: a number from 0 to 3600"},
	{"level", "{\"arrival\":{\"level\":\"sesion\"}}", NULL, "plain, session, manifest"},
	{"format", "{\"formats\":[\"csv\",\"json\"]}", NULL, "\"json\": not in this version"},
	{"required without age", "{\"encryption\":{\"required\":true}}", NULL, "$.formats does not have \"age\""},
	{"nonsense format", "{\"formats\":[\"doc\"]}", NULL, "$.formats[0]: found \"doc\"; allowed: a list of csv, txt"},
	{"retention", "{\"retention\":{\"done_days\":0}}", NULL,
	 "$.retention.done_days: found 0, out of range; allowed: a whole number from 1 to 36500"},
	{"quota", "{\"limits\":{\"max_files_per_day\":0}}", NULL, "$.limits.max_files_per_day: found 0, out of range"},
	{"quota of bytes", "{\"limits\":{\"max_bytes_per_day\":\"1G\"}}", NULL, "$.limits.max_bytes_per_day: found the string \"1G\""},
	{"duplicate key", "{\"limits\":{},\"limits\":{}}", NULL, "no valid JSON"},
	{"tenant", "{\"tenant\":\"bob\"}", NULL, "$.tenant: \"bob\"; allowed: the folder's name"},
	{"job key", "{}", "{\"pattern\":\"*\",\"filterr\":\"\"}", "did you mean filter?"},
	{"no pattern", "{}", "{}", "$.pattern: is missing"},
	{"stream", "{}", "{\"pattern\":\"*\",\"kind\":\"stream\"}", "not in this version"},
	{"vars", "{}", "{\"pattern\":\"*\",\"vars\":{\"A\":1}}", "$.vars.A"},
	{"provenance", "{}", "{\"pattern\":\"*\",\"provenance\":1}", "$.provenance: found 1; allowed: true or false"},
	{"credential", "{\"sinks\":{\"main\":{\"username\":\"a\"}}}", "{\"pattern\":\"*\"}", "\"username\" needs \"password_file\""},
	{"key path", "{\"sinks\":{\"main\":{\"api_key_file\":\"../k\"}}}", "{\"pattern\":\"*\"}", "must be the bare name"},
	{"several sinks", "{}", "{\"pattern\":\"*\",\"sinks\":[\"a\",\"b\"]}", "not in this version"},
	{"filter file path", "{}", "{\"pattern\":\"*\",\"filter_file\":\"../x\"}", "$.filter_file: \"../x\"; allowed: a bare name"},
	{"index name", "{}", "{\"pattern\":\"*\",\"index\":{\"name\":\"A\"}}", "must be lower case"},
	{"ratio", "{}", "{\"pattern\":\"*\",\"rejects\":{\"max_ratio\":1.5}}", "out of range"},
};

static void refusals_name_path_and_remedy(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct strbuf errors = STRBUF_INIT;
		struct profile *p = NULL;
		char *tenant = xasprintf("r%zu", i);
		char *path = xasprintf("%s/profile.json", tenant);
		char *job = xasprintf("%s/jobs/j.json", tenant);

		put(path, span_of(refusals[i].profile));
		if (refusals[i].job)
			put(job, span_of(refusals[i].job));
		assert_int_equal(profile_load(root, tenant, &p, &errors), -1);
		if (!strstr(errors.p, refusals[i].want))
			fail_msg("%s: %s", refusals[i].name, errors.p);
		assert_non_null(strstr(errors.p, "json"));
		free(tenant);
		free(path);
		free(job);
		strbuf_release(&errors);
	}
}

static void every_error_is_listed(void **state)
{
	struct strbuf errors = STRBUF_INIT;
	struct profile *p = NULL;
	size_t lines = 0;

	(void)state;
	put("many/profile.json", SPAN_LITERAL("{\"a\":1,\"b\":2,\"limits\":{\"c\":3}}"));
	assert_int_equal(profile_load(root, "many", &p, &errors), -1);
	for (size_t i = 0; i < errors.n; i++)
		lines += errors.p[i] == '\n';
	assert_int_equal(lines, 3);
	strbuf_release(&errors);
}

static void a_filter_file_that_is_no_text(void **state)
{
	static const struct {
		struct span text;
		const char *want; /* NULL: taken */
	} files[] = {
		{SPAN_LITERAL("mutate { }\n# \xc3\xa4\n"), NULL},
		{SPAN_LITERAL("mutate { }\n# a\xe4\n"), "line 2, byte 4: a byte that is not UTF-8: a filter is text in UTF-8"},
		{SPAN_LITERAL("\xff\xfem\0u\0"), "line 1, byte 1: a byte that is not UTF-8"},
		{SPAN_LITERAL("\n\ndrop\0 { }"), "line 3, byte 5: a NUL byte: a filter is text in UTF-8"},
	};

	(void)state;
	put("text/profile.json", SPAN_LITERAL("{}"));
	put("text/jobs/j.json", SPAN_LITERAL("{\"pattern\":\"*\",\"filter_file\":\"f.conf\"}"));
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct strbuf errors = STRBUF_INIT;
		struct profile *p = NULL;

		put("text/jobs/f.conf", files[i].text);
		assert_int_equal(profile_load(root, "text", &p, &errors), files[i].want ? -1 : 0);
		if (files[i].want && (!strstr(errors.p, files[i].want) || !strstr(errors.p, "f.conf")))
			fail_msg("%s, not %s", errors.p, files[i].want);
		profile_unref(&p);
		strbuf_release(&errors);
	}
}

static void a_version_comes_back_the_same(void **state)
{
	struct strbuf errors = STRBUF_INIT, text = STRBUF_INIT, again = STRBUF_INIT;
	char hash[VERSION_HASH], other[VERSION_HASH];
	struct profile *p = NULL;
	struct version *v = NULL;
	struct fault f = FAULT_INIT;

	(void)state;
	put("v/profile.json", SPAN_LITERAL("{} // comment"));
	put("v/jobs/j.json", SPAN_LITERAL("{\"pattern\":\"*.csv\",\"index\":{\"mappings\":{\"properties\":"
					  "{\"a\":{\"type\":\"long\"}}}}}"));
	if (profile_load(root, "v", &p, &errors) < 0)
		fail_msg("%s", errors.p);
	version_write(p, p->jobs[0], &text, hash);
	assert_int_equal(version_parse(strbuf_span(&text), &v, &f), 0);
	assert_string_equal(v->hash, hash);
	assert_string_equal(v->index_pattern, "v-j");
	assert_int_equal(mapping_find(&v->job->mapping, SPAN_LITERAL("a"))->type, MAPPING_LONG);
	version_free(&v);
	profile_unref(&p);
	put("v/jobs/j.json", SPAN_LITERAL("{\"pattern\":\"*.csv\",\"keep_message\":true}"));
	assert_int_equal(profile_load(root, "v", &p, &errors), 0);
	version_write(p, p->jobs[0], &again, other);
	assert_string_not_equal(hash, other);
	profile_unref(&p);
	strbuf_release(&text);
	strbuf_release(&again);
	strbuf_release(&errors);
}

static int make_root(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seed_forms_load_as_printed),
		cmocka_unit_test(refusals_name_path_and_remedy),
		cmocka_unit_test(every_error_is_listed),
		cmocka_unit_test(a_filter_file_that_is_no_text),
		cmocka_unit_test(a_version_comes_back_the_same),
	};

	return cmocka_run_group_tests(tests, make_root, NULL);
}

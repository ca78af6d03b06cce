/*
 * names: what is never data, what must be encoded, and that an encoded name is always acceptable
 */
#include "watcher/base/base.h"
#include "watcher/arrival/names.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/utf8.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
	const char *name;
	enum names_class want;
} classes[] = {
	{"a.csv", NAMES_DATA},
	{"A.CSV", NAMES_DATA},
	{"-rf", NAMES_DATA},
	{"part", NAMES_DATA},
	{"a.party", NAMES_DATA},
	{"a b\"c'd\\e.csv", NAMES_DATA},
	{"100%.csv", NAMES_DATA},
	{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80.csv", NAMES_DATA},
	{"manifest.json", NAMES_DATA},
	{"a.receipt.json.csv", NAMES_DATA},
	{".hidden", NAMES_NEVER},
	{".in.sftp-123", NAMES_NEVER},
	{"#lock", NAMES_NEVER},
	{"a.csv~", NAMES_NEVER},
	{"~", NAMES_NEVER},
	{"a.part", NAMES_NEVER},
	{"a.csv.filepart", NAMES_NEVER},
	{"a.partial", NAMES_NEVER},
	{"a.tmp", NAMES_NEVER},
	{"A.TMP", NAMES_NEVER},
	{"a.temp", NAMES_NEVER},
	{"a.crdownload", NAMES_NEVER},
	{"a.swp", NAMES_NEVER},
	{"a.csv.sha256", NAMES_NEVER},
	{"a.manifest.json", NAMES_NEVER},
	{"a.csv.receipt.json", NAMES_NEVER},
	{"a\x01.tmp", NAMES_NEVER},
	{"a\nb.csv", NAMES_ENCODE},
	{"a\x1b[2J.csv", NAMES_ENCODE},
	{"a\x7f.csv", NAMES_ENCODE},
	{"a\xff.csv", NAMES_ENCODE},
	{"a\xc3", NAMES_ENCODE},
	{"a\xed\xa0\x80.csv", NAMES_ENCODE},
	{"a\xc2\x9b.csv", NAMES_ENCODE},
};

static void test_classes(void **state)
{
	const char *rule;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		enum names_class got = names_classify(span_of(classes[i].name), &rule);

		if (got != classes[i].want)
			fail_msg("%s: class %d, want %d", classes[i].name, (int)got,
				 (int)classes[i].want);
		assert_int_equal(rule != NULL, got != NAMES_DATA);
	}
}

static void test_length(void **state)
{
	char name[256];
	const char *rule;

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_int_equal(names_classify((struct span){name, 200}, &rule), NAMES_DATA);
	assert_int_equal(names_classify((struct span){name, 201}, &rule), NAMES_ENCODE);
	assert_non_null(strstr(rule, "200 bytes"));
}

static const struct {
	const char *name;
	const char *want;
} encoded[] = {
	{"a\nb.csv", "a%0Ab.csv"},
	{"a\x1b[2J.csv", "a%1B[2J.csv"},
	{"a\xff%.csv", "a%FF%25.csv"},
	{"\xc3\xa4\xc3.csv", "\xc3\xa4%C3.csv"},
	{"a\xc2\x9b", "a%C2%9B"},
};

static void test_encode(void **state)
{
	char out[NAMES_ENCODED];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(encoded); i++) {
		names_encode(span_of(encoded[i].name), out);
		assert_string_equal(out, encoded[i].want);
	}
}

/* Long names are cut, keep their extension, and stay different. */
static void test_encode_long(void **state)
{
	char a[256], b[256], out_a[NAMES_ENCODED], out_b[NAMES_ENCODED];

	(void)state;
	memset(a, 'x', sizeof(a));
	memcpy(a + 251, ".csv", 4);
	memcpy(b, a, sizeof(a));
	b[240] = 'y';
	names_encode((struct span){a, 255}, out_a);
	names_encode((struct span){b, 255}, out_b);
	assert_string_not_equal(out_a, out_b);
	assert_true(strlen(out_a) <= 180);
	assert_true(span_ends(span_of(out_a), SPAN_LITERAL(".csv")));
	assert_non_null(strstr(out_a, "%~"));
}

/* Whatever the bytes: the result is a bare, valid, acceptable name. */
static void test_encode_any(void **state)
{
	unsigned seed = 1;
	char name[256], out[NAMES_ENCODED];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t n = 1 + (size_t)rand_r(&seed) % 255;
		bool high = rand_r(&seed) % 2;

		for (size_t i = 0; i < n; i++) {
			int c = rand_r(&seed) % 256;

			if (!high)
				c &= 127;
			name[i] = (char)(c == 0 || c == '/' ? 'a' : c);
		}
		names_encode((struct span){name, n}, out);
		assert_true(fs_is_bare_name(span_of(out)));
		assert_true(strlen(out) <= 180);
		assert_true(utf8_valid(span_of(out)));
		for (const char *p = out; *p; p++)
			assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
	}
}

static void test_manifests_of_runs(void **state)
{
	static const char *const may[] = {"a.manifest.json", "a.csv.manifest.json", "A.MANIFEST.JSON", "a.manifest.json.manifest.json"};
	static const char *const not[] = {".manifest.json", ".a.manifest.json", "#a.manifest.json", "a.manifest.json~", "manifest.json",
					  "a\n.manifest.json", "a\xff.manifest.json", "a.csv"};
	char name[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(may); i++)
		assert_true(names_may_start_run(span_of(may[i])));
	for (size_t i = 0; i < ARRAY_LEN(not); i++)
		assert_false(names_may_start_run(span_of(not[i])));
	snprintf(name, sizeof(name), "%0187d.manifest.json", 1);
	assert_false(names_may_start_run(span_of(name)));
	assert_true(names_may_start_run(span_of(name + 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manifests_of_runs), cmocka_unit_test(test_classes), cmocka_unit_test(test_length),
		cmocka_unit_test(test_encode),	    cmocka_unit_test(test_encode_long),
		cmocka_unit_test(test_encode_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

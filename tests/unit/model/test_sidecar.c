/*
 * test_sidecar - what sha256sum writes is taken, what else there may be is refused
 */
#include "watcher/base/base.h"
#include "watcher/model/sidecar.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define HEX_A "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" /* "a" */
#define HEX_B "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"

static const struct {
	const char *name;
	const char *file;
	const char *text;
	const char *why; /* NULL: taken, as HEX_A */
} cases[] = {
	{"stock", "a.csv", HEX_A "  a.csv\n", NULL},
	{"binary", "a.csv", HEX_A " *a.csv\n", NULL},
	{"no line end", "a.csv", HEX_A "  a.csv", NULL},
	{"CRLF", "a.csv", HEX_A "  a.csv\r\n", NULL},
	{"capitals", "a.csv", "CA978112CA1BBDCAFAC231B39A23DC4DA786EFF8147C4E72B9807785AFEE48BB  a.csv\n", NULL},
	{"a path of the sender's", "a.csv", HEX_A "  /data/out/a.csv\n", NULL},
	{"a path upwards", "a.csv", HEX_A "  ../../etc/a.csv\n", NULL},
	{"tag", "a.csv", "SHA256 (a.csv) = " HEX_A "\n", NULL},
	{"tag with brackets in the name", "a) = b", "SHA256 (a) = b) = " HEX_A "\n", NULL},
	{"escaped", "a\\b.csv", "\\" HEX_A "  a\\\\b.csv\n", NULL},
	{"several files", "a.csv", HEX_B "  b.csv\n" HEX_A "  a.csv\n", NULL},
	{"blanks in the name", " a b ", HEX_A "   a b \n", NULL},
	{"empty", "a.csv", "", "0 lines"},
	{"another file", "a.csv", HEX_A "  b.csv\n", "0 lines"},
	{"twice", "a.csv", HEX_A "  a.csv\n" HEX_B "  a.csv\n", "2 lines"},
	{"bare digest", "a.csv", HEX_A "\n", "line 1 is no line"},
	{"one blank", "a.csv", HEX_A " a.csv\n", "line 1 is no line"},
	{"short digest", "a.csv", "ca978112  a.csv\n", "line 1 is no line"},
	{"no digits", "a.csv", "zz978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a.csv\n", "line 1 is no line"},
	{"second line", "a.csv", HEX_A "  a.csv\nx\n", "line 2 is no line"},
	{"prefix of the name", "a.csv", HEX_A "  a.csv.gz\n", "0 lines"},
	{"name is a prefix", "a.csv.gz", HEX_A "  a.csv\n", "0 lines"},
};

static void test_texts(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned char digest[DIGEST_SIZE];
		struct fault f = FAULT_INIT;
		char hex[DIGEST_HEX];
		int r = sidecar_parse(span_of(cases[i].text), cases[i].file, digest, &f);

		if ((r == 0) != (cases[i].why == NULL))
			fail_msg("%s: %d %s", cases[i].name, r, f.text);
		if (r < 0) {
			assert_int_equal(f.kind, FAULT_DATA);
			if (!strstr(f.text, cases[i].why))
				fail_msg("%s: %s", cases[i].name, f.text);
			continue;
		}
		digest_hex(digest, hex);
		assert_string_equal(hex, HEX_A);
	}
}

static void test_names(void **state UNUSED)
{
	char name[256], long_name[256];

	assert_true(sidecar_name("a.csv", SIDECAR_SUM, name));
	assert_string_equal(name, "a.csv.sha256");
	memset(long_name, 'x', 255);
	long_name[249] = '\0';
	assert_false(sidecar_name(long_name, SIDECAR_SUM, name));
	assert_true(span_is(sidecar_owner(span_of("a.csv.sha256")), "a.csv"));
	assert_true(span_is(sidecar_owner(span_of("a.csv.SHA256")), "a.csv"));
	assert_true(span_is(sidecar_owner(span_of("a.csv.manifest.json")), "a.csv"));
	assert_int_equal(sidecar_owner(span_of(".sha256")).n, 0);
	assert_int_equal(sidecar_owner(span_of("a.csv")).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* fault: what is escaped, what is cut, which errno changes the kind */
#include "watcher/base/fault.h"
#include "watcher/base/utf8.h"
#include <errno.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_text(void **state)
{
	static const struct {
		const char *name, *input, *want;
	} rows[] = {
		{"plain", "line 3: no date", "line 3: no date"},
		{"empty", "", ""},
		{"newline and tab", "a\nb\tc", "a\\x0ab\\x09c"},
		{"escape sequence", "\x1b[2J", "\\x1b[2J"},
		{"DEL", "a\x7f", "a\\x7f"},
		{"umlaut stays", "M\xc3\xbcller", "M\xc3\xbcller"},
		{"four bytes stay", "\xf0\x9f\x98\x80!", "\xf0\x9f\x98\x80!"},
		{"C1", "a\xc2\x9b" "1m", "a\\u009b1m"},
		{"turned text", "\xe2\x80\xae" "fdp.exe", "\\u202efdp.exe"},
		{"line separator", "a\xe2\x80\xa8", "a\\u2028"},
		{"Latin-1", "M\xfcller", "M\\xfcller"},
		{"cut character", "a\xe2\x82", "a\\xe2\\x82"},
		{"backslash stays", "C:\\x0a", "C:\\x0a"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fault f = FAULT_INIT;

		assert_int_equal(fault_set(&f, FAULT_DATA, "%s", rows[i].input), -1);
		if (strcmp(f.text, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, f.text);
		assert_int_equal(f.kind, FAULT_DATA);
		/* once more changes nothing */
		fault_set(&f, FAULT_KEY, "%s", f.text);
		assert_string_equal(f.text, rows[i].want);
	}
}

/* Whatever fills it, the text is valid UTF-8, without control bytes, and as long as it can be. */
static void test_cut(void **state)
{
	static const char *const units[] = {"a", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
					    "\n", "\xff", "\xc2\x85", "\x80", "\xe2\x80\xae"};
	char input[3 * FAULT_TEXT + 8];

	(void)state;
	for (size_t u = 0; u < ARRAY_LEN(units); u++) {
		for (size_t shift = 0; shift < 12; shift++) {
			struct fault f = FAULT_INIT;
			size_t n = shift;

			memset(input, 'x', shift);
			for (; n + 8 < sizeof(input); n += strlen(units[u]))
				memcpy(input + n, units[u], strlen(units[u]));
			input[n] = '\0';
			fault_set(&f, FAULT_DATA, "%s", input);
			n = strlen(f.text);
			assert_true(n < FAULT_TEXT && n >= FAULT_TEXT - 7);
			assert_true(utf8_valid(span_of(f.text)));
			fault_prefix(&f, "%s", input);
			n = strlen(f.text);
			assert_true(n < FAULT_TEXT && n >= FAULT_TEXT - 16);
			assert_true(utf8_valid(span_of(f.text)));
			errno = ENOENT;
			fault_errno(&f, FAULT_DATA, "%s", input);
			assert_non_null(strstr(f.text, ": No such file or directory"));
			assert_true(utf8_valid(span_of(f.text)));
			for (const char *p = f.text; *p; p++)
				assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
		}
	}
}

static void test_errno(void **state)
{
	static const struct {
		int input;
		enum fault_kind want;
	} rows[] = {
		{ENOENT, FAULT_CONFIG}, {EACCES, FAULT_CONFIG}, {EAGAIN, FAULT_CONFIG},
		{ENOSPC, FAULT_SYSTEM}, {EDQUOT, FAULT_SYSTEM}, {EMFILE, FAULT_SYSTEM},
		{ENFILE, FAULT_SYSTEM}, {ENOMEM, FAULT_SYSTEM}, {EIO, FAULT_SYSTEM},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fault f = FAULT_INIT;
		char want[128];

		snprintf(want, sizeof(want), "open x: %s", strerror(rows[i].input));
		errno = rows[i].input;
		assert_int_equal(fault_errno(&f, FAULT_CONFIG, "open %s", "x"), -1);
		assert_int_equal(f.kind, rows[i].want);
		assert_int_equal(f.error, rows[i].input);
		assert_string_equal(f.text, want);
	}
}

static void test_prefix_and_clear(void **state)
{
	struct fault f = FAULT_INIT;

	(void)state;
	f.line = 7;
	snprintf(f.field, sizeof(f.field), "city");
	errno = ENOSPC;
	fault_errno(&f, FAULT_DATA, "write");
	assert_int_equal(fault_prefix(&f, "file \"%s\"", "a\nb"), -1);
	assert_string_equal(f.text, "file \"a\\x0ab\": write: No space left on device");
	assert_int_equal(f.kind, FAULT_SYSTEM);
	assert_int_equal(f.error, ENOSPC);
	assert_int_equal(f.line, 7);
	fault_set(&f, FAULT_DATA, "again: %s", f.text);
	assert_string_equal(f.text, "again: file \"a\\x0ab\": write: No space left on device");
	assert_int_equal(f.error, 0);
	assert_string_equal(f.field, "city");
	fault_clear(&f);
	assert_int_equal(f.kind, FAULT_NONE);
	assert_int_equal(f.line, 0);
	assert_string_equal(f.field, "");
	assert_string_equal(f.text, "");
}

static void test_names(void **state)
{
	static const char *const want[] = {"none", "data", "key", "config", "temporary", "system"};

	(void)state;
	for (int k = FAULT_NONE; k <= FAULT_SYSTEM; k++)
		assert_string_equal(fault_kind_name((enum fault_kind)k), want[k]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_errno),
		cmocka_unit_test(test_prefix_and_clear),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

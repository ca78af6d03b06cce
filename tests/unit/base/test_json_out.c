/* json_out: every byte at every place against an escaper byte by byte; numbers by RFC 8259's grammar */
#include "watcher/base/json_out.h"
#include "watcher/base/utf8.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define S(s) {(s), sizeof(s) - 1}

static void test_strings(void **state)
{
	static const struct {
		const char *name;
		struct span input;
		const char *want;
	} rows[] = {
		{"empty", S(""), "\"\""},
		{"none", {NULL, 0}, "\"\""},
		{"plain", S("abc"), "\"abc\""},
		{"quote and backslash", S("a\"b\\c"), "\"a\\\"b\\\\c\""},
		{"the short escapes", S("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
		{"NUL and others", S("\0\x01\x1f"), "\"\\u0000\\u0001\\u001f\""},
		{"DEL and slash stay", S("\x7f/"), "\"\x7f/\""},
		{"UTF-8 stays", S("M\xc3\xbc \xf0\x9f\x98\x80"), "\"M\xc3\xbc \xf0\x9f\x98\x80\""},
		{"long, clean", S("abcdefghijklmnopqrstuvwxyz"), "\"abcdefghijklmnopqrstuvwxyz\""},
		{"escape first and last", S("\"abcdefghijklmnop\n"), "\"\\\"abcdefghijklmnop\\n\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf sb = STRBUF_INIT;

		json_add_string(&sb, rows[i].input);
		if (strcmp(sb.p, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, sb.p);
		strbuf_release(&sb);
	}
}

static void slow_string(struct strbuf *sb, struct span s)
{
	static const char letters[] = "btnvfr";

	strbuf_addc(sb, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			strbuf_addf(sb, "\\%c", c);
		else if (c >= 8 && c <= 13 && c != 11)
			strbuf_addf(sb, "\\%c", letters[c - 8]);
		else if (c < 32)
			strbuf_addf(sb, "\\u%04x", c);
		else
			strbuf_addc(sb, (char)c);
	}
	strbuf_addc(sb, '"');
}

/* Each byte, alone among clean neighbours of several kinds, at each place of texts of each length. */
static void test_every_byte_and_place(void **state)
{
	static const char neighbours[] = {'a', ' ', '!', '#', '[', ']', (char)0xbf, (char)0x80};

	(void)state;
	for (int c = 0; c < 256; c++)
		for (size_t n = 1; n < 20; n++)
			for (size_t at = 0; at < n; at++) {
				char *text = xmalloc(n);
				struct strbuf got = STRBUF_INIT, want = STRBUF_INIT;

				memset(text, neighbours[(at + n) % sizeof(neighbours)], n);
				text[at] = (char)c;
				json_add_string(&got, (struct span){text, n});
				slow_string(&want, (struct span){text, n});
				if (!span_equal(strbuf_span(&got), strbuf_span(&want)))
					fail_msg("byte %02x at %zu of %zu: %s", c, at, n, got.p);
				strbuf_release(&got);
				strbuf_release(&want);
				free(text);
			}
}

static void test_lossy(void **state)
{
	static const struct {
		const char *name;
		struct span input;
		const char *want;
	} rows[] = {
		{"valid", S("M\xc3\xbc"), "\"M\xc3\xbc\""},
		{"Latin-1", S("M\xfc\n"), "\"M\xef\xbf\xbd\\n\""},
		{"only bad ones", S("\xff\xff"), "\"\xef\xbf\xbd\xef\xbf\xbd\""},
		{"none", {NULL, 0}, "\"\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf sb = STRBUF_INIT;

		json_add_lossy(&sb, rows[i].input);
		if (strcmp(sb.p, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, sb.p);
		assert_true(utf8_valid(strbuf_span(&sb)));
		strbuf_release(&sb);
	}
}

static void test_object(void **state)
{
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	json_add_comma(&sb);
	assert_int_equal(sb.n, 0);
	strbuf_addc(&sb, '{');
	json_pair_string(&sb, "s", "x\"y");
	json_pair_string(&sb, "none", NULL);
	json_pair_span(&sb, "span", (struct span)S("a\0b"));
	json_pair_span(&sb, "nospan", SPAN_NONE);
	json_pair_span(&sb, "bad", (struct span)S("\xff"));
	json_pair_u64(&sb, "u", UINT64_MAX);
	json_pair_i64(&sb, "i", INT64_MIN);
	json_pair_bool(&sb, "t", true);
	json_pair_bool(&sb, "f", false);
	json_add_key(&sb, "a\"");
	strbuf_addc(&sb, '[');
	json_add_comma(&sb);
	json_add_string(&sb, (struct span)S("{"));
	json_add_comma(&sb);
	strbuf_adds(&sb, "1]}");
	assert_string_equal(sb.p, "{\"s\":\"x\\\"y\",\"none\":null,\"span\":\"a\\u0000b\",\"nospan\":null,"
				  "\"bad\":\"\xef\xbf\xbd\",\"u\":18446744073709551615,"
				  "\"i\":-9223372036854775808,\"t\":true,\"f\":false,\"a\\\"\":[\"{\",1]}");
	strbuf_release(&sb);
}

static void test_times(void **state)
{
	static const struct {
		int64_t input;
		const char *seconds, *time;
	} rows[] = {
		{-1, "\"k\":null", "\"k\":null"},
		{0, "\"k\":0.000", "\"k\":null"},
		{1, "\"k\":0.001", "\"k\":\"1970-01-01T00:00:00.001Z\""},
		{1234, "\"k\":1.234", "\"k\":\"1970-01-01T00:00:01.234Z\""},
		{60000, "\"k\":60.000", "\"k\":\"1970-01-01T00:01:00.000Z\""},
		{1795478462003, "\"k\":1795478462.003", "\"k\":\"2026-11-24T00:01:02.003Z\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;

		json_pair_seconds(&a, "k", rows[i].input);
		json_pair_time(&b, "k", rows[i].input);
		assert_string_equal(a.p, rows[i].seconds);
		assert_string_equal(b.p, rows[i].time);
		strbuf_release(&a);
		strbuf_release(&b);
	}
}

static void test_numbers(void **state)
{
	enum { NO, FRACTION, INTEGER };
	static const struct {
		struct span input;
		int want;
	} rows[] = {
		{S("0"), INTEGER},	  {S("-0"), INTEGER},	   {S("7"), INTEGER},
		{S("-17"), INTEGER},	  {S("1234567890123456789012345"), INTEGER},
		{S("0.5"), FRACTION},	  {S("-0.50"), FRACTION},  {S("1e5"), FRACTION},
		{S("1E+05"), FRACTION},	  {S("1.0e-7"), FRACTION}, {S("0e0"), FRACTION},
		{S(""), NO},		  {S("-"), NO},		   {S("+1"), NO},
		{S("01"), NO},		  {S("-01"), NO},	   {S("00"), NO},
		{S(".5"), NO},		  {S("5."), NO},	   {S("5.e1"), NO},
		{S("1e"), NO},		  {S("1e+"), NO},	   {S("1.5.5"), NO},
		{S(" 1"), NO},		  {S("1 "), NO},	   {S("0x10"), NO},
		{S("1_000"), NO},	  {S("1,5"), NO},	   {S("NaN"), NO},
		{S("Infinity"), NO},	  {S("--1"), NO},	   {S("1-"), NO},
		{S("1\0"), NO},		  {S("\xd9\xa1"), NO},	   {{NULL, 0}, NO},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool integer = false;
		bool got = json_is_number(rows[i].input, &integer);

		if (got != (rows[i].want != NO) || (got && integer != (rows[i].want == INTEGER)))
			fail_msg("%.*s", SPAN_FMT(rows[i].input));
		assert_int_equal(json_is_number(rows[i].input, NULL), got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings), cmocka_unit_test(test_every_byte_and_place),
		cmocka_unit_test(test_lossy),	cmocka_unit_test(test_object),
		cmocka_unit_test(test_times),	cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

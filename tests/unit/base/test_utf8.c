/*
 * utf8: RFC 3629 by two truths of the test's own
 *
 * Every string of one to three bytes, and those of four with a lead byte of interest, against a decoder that computes
 * the value and then asks whether it is allowed and shortest; and a table of the boundaries.
 */
#include "watcher/base/utf8.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Length of the character at p by arithmetic, 0 when it is none. */
static size_t slow_length(const unsigned char *p, size_t n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf8 ? 4 : 0;
	uint32_t v = len == 1 ? p[0] : len ? p[0] & (0x7fu >> len) : 0;

	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		v = v << 6 | (p[i] & 0x3f);
	}
	if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	return len;
}

static size_t slow_prefix(const unsigned char *p, size_t n)
{
	size_t i = 0, len;

	while (i < n && (len = slow_length(p + i, n - i)))
		i += len;
	return i;
}

static void same(const unsigned char *p, size_t n)
{
	size_t got = utf8_valid_prefix((struct span){(const char *)p, n});

	if (got != slow_prefix(p, n))
		fail_msg("%zu bytes %02x %02x %02x %02x: %zu", n, p[0], p[1], p[2], p[3], got);
}

static void test_all_short(void **state)
{
	unsigned char p[4] = {0};

	(void)state;
	for (uint32_t v = 0; v < 1u << 24; v++) {
		p[0] = (unsigned char)(v >> 16);
		p[1] = (unsigned char)(v >> 8);
		p[2] = (unsigned char)v;
		same(p, 3);
		if ((v & 0xff) == 0)
			same(p, 2);
		if ((v & 0xffff) == 0)
			same(p, 1);
	}
}

static void test_four_bytes(void **state)
{
	static const unsigned char tails[] = {0x00, 0x7f, 0x80, 0x81, 0xbf, 0xc0, 0xff};
	unsigned char p[4];

	(void)state;
	for (unsigned lead = 0xef; lead <= 0xff; lead++)
		for (unsigned second = 0; second <= 0xff; second++)
			for (size_t i = 0; i < ARRAY_LEN(tails); i++)
				for (size_t k = 0; k < ARRAY_LEN(tails); k++) {
					p[0] = (unsigned char)lead;
					p[1] = (unsigned char)second;
					p[2] = tails[i];
					p[3] = tails[k];
					same(p, 4);
				}
}

#define S(s) {(s), sizeof(s) - 1}

static void test_boundaries(void **state)
{
	static const struct {
		const char *name;
		struct span input;
		size_t want;
	} rows[] = {
		{"nothing", {NULL, 0}, 0},
		{"NUL is a character", S("a\0b"), 3},
		{"U+007F", S("\x7f"), 1},
		{"U+0080", S("\xc2\x80"), 2},
		{"U+0000 in two bytes", S("\xc0\x80"), 0},
		{"U+007F in two bytes", S("\xc1\xbf"), 0},
		{"U+07FF", S("\xdf\xbf"), 2},
		{"U+07FF in three bytes", S("\xe0\x9f\xbf"), 0},
		{"U+0800", S("\xe0\xa0\x80"), 3},
		{"U+D7FF", S("\xed\x9f\xbf"), 3},
		{"first surrogate", S("\xed\xa0\x80"), 0},
		{"last surrogate", S("\xed\xbf\xbf"), 0},
		{"a pair of surrogates", S("\xed\xa0\xbd\xed\xb8\x80"), 0},
		{"U+E000", S("\xee\x80\x80"), 3},
		{"U+FFFE, a noncharacter, is valid", S("\xef\xbf\xbe"), 3},
		{"U+FFFF in four bytes", S("\xf0\x8f\xbf\xbf"), 0},
		{"U+10000", S("\xf0\x90\x80\x80"), 4},
		{"U+10FFFF", S("\xf4\x8f\xbf\xbf"), 4},
		{"U+110000", S("\xf4\x90\x80\x80"), 0},
		{"lead F5", S("\xf5\x80\x80\x80"), 0},
		{"five bytes", S("\xf8\x88\x80\x80\x80"), 0},
		{"FE", S("\xfe"), 0},
		{"a tail alone", S("ab\x80"), 2},
		{"cut after one of two", S("ab\xc3"), 2},
		{"cut after two of three", S("ab\xe2\x82"), 2},
		{"cut after three of four", S("ab\xf0\x9f\x98"), 2},
		{"ASCII where a tail belongs", S("\xe2\x82 "), 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (utf8_valid_prefix(rows[i].input) != rows[i].want)
			fail_msg("%s", rows[i].name);
		assert_int_equal(utf8_valid(rows[i].input), rows[i].want == rows[i].input.n);
	}
}

/* A bad byte at every place of texts of every length: the step of eight must not jump over it. */
static void test_every_place(void **state)
{
	(void)state;
	for (size_t n = 0; n < 40; n++)
		for (size_t bad = 0; bad <= n; bad++) {
			char *text = xmalloc(n + 1); /* of its very size, for the sanitizer */

			memset(text, 'x', n);
			if (bad < n)
				text[bad] = (char)0xff;
			assert_int_equal(utf8_valid_prefix((struct span){text, n}), bad);
			free(text);
		}
}

static void test_repair(void **state)
{
	static const struct {
		const char *name;
		struct span input;
		const char *want;
	} rows[] = {
		{"nothing", {NULL, 0}, ""},
		{"valid", S("M\xc3\xbcller"), "M\xc3\xbcller"},
		{"Latin-1", S("M\xfcller"), "M\xef\xbf\xbdller"},
		{"one each", S("\xff\xfe"), "\xef\xbf\xbd\xef\xbf\xbd"},
		{"a surrogate is three", S("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"cut at the end", S("a\xe2\x82"), "a\xef\xbf\xbd\xef\xbf\xbd"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf sb = STRBUF_INIT;

		utf8_add_repaired(&sb, rows[i].input);
		if (strcmp(sb.p, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, sb.p);
		strbuf_release(&sb);
	}
}

static size_t put(uint32_t v, char out[4])
{
	if (v < 0x80) {
		out[0] = (char)v;
		return 1;
	}
	if (v < 0x800) {
		out[0] = (char)(0xc0 | v >> 6);
		out[1] = (char)(0x80 | (v & 63));
		return 2;
	}
	if (v < 0x10000) {
		out[0] = (char)(0xe0 | v >> 12);
		out[1] = (char)(0x80 | (v >> 6 & 63));
		out[2] = (char)(0x80 | (v & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | v >> 18);
	out[1] = (char)(0x80 | (v >> 12 & 63));
	out[2] = (char)(0x80 | (v >> 6 & 63));
	out[3] = (char)(0x80 | (v & 63));
	return 4;
}

/* Each code point of all planes. */
static void test_hidden(void **state)
{
	(void)state;
	for (uint32_t v = 0; v <= 0x10ffff; v++) {
		bool want = v < 0x20 || (v >= 0x7f && v < 0xa0) || v == 0x200e || v == 0x200f ||
			    (v >= 0x2028 && v <= 0x202e) || (v >= 0x2066 && v <= 0x2069);
		char text[4];
		unsigned code = 0;
		size_t n, got;

		if (v >= 0xd800 && v <= 0xdfff)
			continue;
		n = put(v, text);
		assert_int_equal(utf8_valid_prefix((struct span){text, n}), n);
		got = utf8_hidden((struct span){text, n}, &code);
		if (got != (want ? n : 0) || (want && code != v))
			fail_msg("U+%04X: %zu", v, got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_short),   cmocka_unit_test(test_four_bytes),
		cmocka_unit_test(test_boundaries),  cmocka_unit_test(test_every_place),
		cmocka_unit_test(test_repair),      cmocka_unit_test(test_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

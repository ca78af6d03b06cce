/* digest: FIPS 180-4 and RFC 4648 vectors */
#include "watcher/base/digest.h"
#include "watcher/base/strbuf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
	const char *name, *input, *want;
} vectors[] = {
	{"empty", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"448 bits", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	{"896 bits",
	 "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
	 "mnopqrstnopqrstu",
	 "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
};

static void hex_of(struct digest *d, char out[DIGEST_HEX])
{
	unsigned char sum[DIGEST_SIZE];

	digest_end(d, sum);
	digest_hex(sum, out);
}

/* Whole, and in pieces of every size. */
static void test_vectors(void **state)
{
	struct digest d;
	char out[DIGEST_HEX];

	(void)state;
	digest_init(&d);
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		size_t n = strlen(vectors[i].input);

		for (size_t piece = 1; piece <= n + 1; piece++) {
			digest_reset(&d);
			digest_add(&d, NULL, 0);
			for (size_t at = 0; at < n; at += piece)
				digest_add(&d, vectors[i].input + at, n - at < piece ? n - at : piece);
			hex_of(&d, out);
			if (strcmp(out, vectors[i].want) != 0)
				fail_msg("%s in pieces of %zu: %s", vectors[i].name, piece, out);
		}
	}
	digest_release(&d);
	digest_release(&d);
}

static void test_million(void **state)
{
	struct digest d;
	char out[DIGEST_HEX], a[1000];

	(void)state;
	memset(a, 'a', sizeof(a));
	digest_init(&d);
	for (int i = 0; i < 1000; i++)
		digest_add(&d, a, sizeof(a));
	hex_of(&d, out);
	digest_release(&d);
	assert_string_equal(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

#define FIFTY_NINE "12345678901234567890123456789012345678901234567890123456789"

static void test_parse_hex(void **state)
{
	static const struct {
		const char *name;
		struct span input;
		bool want;
	} rows[] = {
		{"digits", {FIFTY_NINE "abcde", 64}, true},
		{"capitals", {FIFTY_NINE "ABCDE", 64}, true},
		{"too short", {FIFTY_NINE "abcd", 63}, false},
		{"too long", {FIFTY_NINE "abcdef", 65}, false},
		{"no digit at the end", {FIFTY_NINE "abcdg", 64}, false},
		{"a blank", {FIFTY_NINE " abcd", 64}, false},
		{"a NUL", {FIFTY_NINE "abcd\0", 64}, false},
		{"before 0 and behind 9", {FIFTY_NINE "/:@`G", 64}, false},
		{"nothing", {NULL, 0}, false},
	};
	unsigned char out[DIGEST_SIZE], before[DIGEST_SIZE];
	char text[DIGEST_HEX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memset(out, 0xee, sizeof(out));
		memset(before, 0xee, sizeof(before));
		if (digest_parse_hex(rows[i].input, out) != rows[i].want)
			fail_msg("%s", rows[i].name);
		if (!rows[i].want)
			assert_memory_equal(out, before, sizeof(out));
	}
	assert_true(digest_parse_hex(span_of(vectors[1].want), out));
	digest_hex(out, text);
	assert_string_equal(text, vectors[1].want);
}

/* RFC 4648, section 10, and bytes that use the last two letters of either alphabet. */
static void test_base64(void **state)
{
	static const struct {
		struct span input;
		const char *padded, *url;
	} rows[] = {
		{{"", 0}, "", ""},
		{{"f", 1}, "Zg==", "Zg"},
		{{"fo", 2}, "Zm8=", "Zm8"},
		{{"foo", 3}, "Zm9v", "Zm9v"},
		{{"foob", 4}, "Zm9vYg==", "Zm9vYg"},
		{{"fooba", 5}, "Zm9vYmE=", "Zm9vYmE"},
		{{"foobar", 6}, "Zm9vYmFy", "Zm9vYmFy"},
		{{"\xfb\xff\xfe", 3}, "+//+", "-__-"},
		{{"\0\0", 2}, "AAA=", "AAA"},
		{{"\xff", 1}, "/w==", "_w"},
		{{NULL, 0}, "", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf sb = STRBUF_INIT;
		char *out = xmalloc(4 * ((rows[i].input.n + 2) / 3) + 1);

		strbuf_adds(&sb, "<");
		base64_add(&sb, rows[i].input);
		assert_string_equal(sb.p + 1, rows[i].padded);
		assert_int_equal(base64url_encode(rows[i].input.p, rows[i].input.n, out),
				 strlen(rows[i].url));
		assert_string_equal(out, rows[i].url);
		strbuf_release(&sb);
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_million),
		cmocka_unit_test(test_parse_hex),
		cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_straight - the straight way gives what the event gives, for every type, kernel and window, and is the way most rows go
 *
 * Random mappings and rows of values that stand at the edges of each type's rules; printed: how many rows went straight, per kernel.
 */
#include "tests/lib/straight_check.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define FILES 3000

static uint64_t seed;

static size_t below(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed >> 11) % n;
}

static const char *const types[] = {"keyword", "text", "byte", "short", "integer", "long", "unsigned_long", "float",
				    "half_float", "double", "scaled_float", "boolean", "date", "date_nanos", "ip"};

static const char *const values[] = {
	"", "\"\"", "0", "-0", "1", "-1", "12", "127", "128", "-128", "-129", "32767", "32768", "2147483647", "2147483648",
	"9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "99999999999999999",
	"007", "+5", "1.5", "1.0", ".5", "5.", "-1.5", "1e3", "1E+3", "1e400", "0.1", "00.1", "-", "--1", "1-", "1.2.3",
	"12345678901234567890123456789012345678", "123456789012345678901234567890123456789", "65520", "true", "false", "TRUE",
	"2020-01-02", "2020-01-02T03:04:05Z", "2020-13-01", "1577934245000", "1262304000000000000", "1.2.3.4", "1.2.3.400", "::1",
	"fe80::1%2", "x", "x y", "\"a,b\"", "\"a\"\"b\"", "\"\"\"\"", "\"12\"", "\"1\"\"2\"", "\"true\"", "a\\b", "\"a\\\"\"b\"", "\xc3\xa4",
	"\"\xc3\xa4\"\"\"", "a\tb", "\x7f", "\"line\nbreak\"", "a\"b", "\"a\"b", "\xff", "null", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ",
};

static void random_mappings(struct strbuf *sb, size_t columns)
{
	strbuf_adds(sb, "{\"properties\":{");
	for (size_t i = 1; i <= columns; i++)
		strbuf_addf(sb, "%s\"column%zu\":{\"type\":\"%s\"}", i > 1 ? "," : "", i, types[below(ARRAY_LEN(types))]);
	strbuf_adds(sb, "}}");
}

static void random_file(struct strbuf *sb, size_t columns)
{
	const char *end = below(3) ? "\n" : "\r\n";
	size_t rows = 1 + below(30);

	for (size_t i = 0; i < rows; i++) {
		for (size_t k = 0; k < columns; k++) {
			strbuf_adds(sb, k ? "," : "");
			if (below(3))
				strbuf_adds(sb, below(2) ? "7" : values[below(ARRAY_LEN(values))]);
		}
		strbuf_adds(sb, end);
	}
}

static void same_document(void **state)
{
	static const size_t windows[] = {0, 1, 7, 64, 100};
	const char *kernel = *state;
	struct straight_counts all = {0, 0, 0};
	struct strbuf mappings = STRBUF_INIT, file = STRBUF_INIT;

	if (kernel && !plain_kernel_named(kernel))
		skip();
	seed = 88172645463325252u;
	for (size_t i = 0; i < FILES; i++) {
		size_t columns = 1 + below(12);
		struct straight_counts one;

		strbuf_reset(&mappings);
		strbuf_reset(&file);
		random_mappings(&mappings, columns);
		random_file(&file, columns);
		one = straight_check(mappings.p, strbuf_span(&file), false, kernel, windows[below(ARRAY_LEN(windows))]);
		all.rows += one.rows;
		all.straight += one.straight;
		all.clean += one.clean;
	}
	print_message("%s: %llu rows, %llu straight, %llu of them clean\n", kernel ? kernel : "no kernel",
		      (unsigned long long)all.rows, (unsigned long long)all.straight, (unsigned long long)all.clean);
	assert_true(all.straight > all.rows / 10);
	assert_true(kernel ? all.clean > all.straight / 4 : all.clean == 0);
	strbuf_release(&mappings);
	strbuf_release(&file);
}

/* A typical file goes straight, all of it but the first row and those cut by a window; what must be altered does not. */
static void typical_rows_are_straight(void **state)
{
	static const char mappings[] = "{\"properties\":{\"id\":{\"type\":\"keyword\"},\"n\":{\"type\":\"long\"},"
				       "\"x\":{\"type\":\"double\"},\"t\":{\"type\":\"date\"},\"b\":{\"type\":\"boolean\"}}}";
	struct strbuf file = STRBUF_INIT;
	struct straight_counts c;

	strbuf_adds(&file, "id,n,x,t,b\n");
	for (size_t i = 0; i < 1000; i++)
		strbuf_addf(&file, "\"a, \"\"%zu\"\"\",%zu,%zu.25,2026-01-02,true\n", i, i, i);
	c = straight_check(mappings, strbuf_span(&file), true, *state, 0);
	assert_int_equal(c.rows, 1000);
	assert_int_equal(c.straight, 1000);
	assert_true(c.clean >= 990);
	strbuf_adds(&file, "a,007,1.0,2026-01-02,true\na,1.5,1.0,2026-01-02,true\na,1,+1.0,2026-01-02,true\na,1,1.0,1.1.26,true\n");
	c = straight_check(mappings, strbuf_span(&file), true, *state, 0);
	assert_int_equal(c.rows, 1004);
	assert_int_equal(c.straight, 1000);
	strbuf_release(&file);
}

int main(void)
{
	static char avx2[] = "avx2", sse2[] = "sse2", scalar[] = "scalar";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_document),
		cmocka_unit_test_prestate(same_document, avx2),
		cmocka_unit_test_prestate(same_document, sse2),
		cmocka_unit_test_prestate(same_document, scalar),
		cmocka_unit_test_prestate(typical_rows_are_straight, scalar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

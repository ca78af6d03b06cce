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
	"007", "+5", "1.5", "1.0", ".5", "5.", "-1.5", "1e3", "1E+3", "1e400", "0.1", "00.1", "-", "--1", "1-", "1.2.3", "0.0001", "0.00012", "-0.00100", "0.000", "-0", "1234567890123456", "12345678901234567", "12.500", "100", "-5.0",
	"12345678901234567890123456789012345678", "123456789012345678901234567890123456789", "65520", "true", "false", "TRUE",
	"2020-01-02", "2020-01-02T03:04:05Z", "2020-13-01", "1577934245000", "1262304000000000000", "1.2.3.4", "1.2.3.400", "::1",
	"fe80::1%2", "x", "x y", "\"a,b\"", "\"a\"\"b\"", "\"\"\"\"", "\"12\"", "\"1\"\"2\"", "\"true\"", "a\\b", "\"a\\\"\"b\"", "\xc3\xa4",
	"\"\xc3\xa4\"\"\"", "a\tb", "a\rb", "\"c\rd\"", "\x7f", "\"line\nbreak\"", "a\"b", "\"a\"b", "\xff", "null", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ",
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
	struct straight_counts all = {0};
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
		one = straight_check(mappings.p, NULL, strbuf_span(&file), false, kernel, windows[below(ARRAY_LEN(windows))]);
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

/* --- with a filter text --- */

static const char *const names[] = {"a", "b", "c", "d", "column3", "[n][x]", "[n][y]", "tags", "message", "@timestamp", "@metadata"};

static const char *name(void)
{
	return names[below(4) ? below(5) : below(ARRAY_LEN(names))];
}

/* Mostly what has a shape; now and then something that has none. */
static void random_mutate(struct strbuf *sb)
{
	static const char *const words[] = {"integer", "float", "integer", "float", "boolean", "string", "integer_eu"};

	switch (below(9)) {
	case 0:
	case 1:
	case 2:
		strbuf_addf(sb, "mutate { convert => { \"%s\" => \"%s\" } }\n", name(), words[below(3) ? below(4) : below(7)]);
		break;
	case 3:
		strbuf_addf(sb, "mutate { rename => { \"%s\" => \"%s\" } }\n", name(), name());
		break;
	case 4:
		strbuf_addf(sb, "mutate { remove_field => [\"%s\"] }\n", name());
		break;
	case 5:
		strbuf_addf(sb, "mutate { add_field => { \"%s\" => \"715000000001\" } add_tag => [\"x\"] }\n", name());
		break;
	case 6:
		strbuf_addf(sb, "mutate { replace => { \"%s\" => \"k\\\"k\" } update => { \"%s\" => \"u\" } }\n", name(), name());
		break;
	case 7:
		strbuf_addf(sb, "mutate { copy => { \"%s\" => \"%s\" } }\n", name(), name());
		break;
	case 8:
		strbuf_addf(sb, "mutate { add_field => { \"e\" => \"%%{%s}\" } }\n", name());
		break;
	}
}

static void random_filter(struct strbuf *sb, size_t columns)
{
	static const char *const more[] = {"", "", "", "skip_header => true", "target => \"t\"", "skip_empty_columns => true",
					   "convert => { \"a\" => \"integer\" \"b\" => \"float\" }", "autodetect_column_names => true",
					   "separator => \";\"", "autogenerate_column_names => false"};

	bool within = !below(24);

	strbuf_adds(sb, below(32) ? "" : "mutate { strip => [\"message\"] }\n");
	strbuf_adds(sb, within ? "if [message] =~ /1/ { " : "");
	strbuf_adds(sb, "csv { columns => [");
	for (size_t i = 0; i < columns; i++)
		strbuf_addf(sb, "%s\"%s\"", i ? "," : "", i < 4 ? names[i] : name());
	strbuf_addf(sb, "] %s }%s\n", more[below(ARRAY_LEN(more))], within ? " }" : "");
	for (size_t i = below(4); i > 0; i--)
		random_mutate(sb);
}

static void random_types(struct strbuf *sb)
{
	static const char *const fields[] = {"a", "b", "c", "d", "n", "e"};

	strbuf_adds(sb, "{\"properties\":{\"x\":{\"type\":\"long\"}");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (!below(3))
			strbuf_addf(sb, ",\"%s\":{\"type\":\"%s\"}", fields[i], types[below(ARRAY_LEN(types))]);
	strbuf_adds(sb, "}}");
}

static void same_document_of_a_filter(void **state)
{
	static const size_t windows[] = {0, 7, 64};
	const char *kernel = *state;
	struct straight_counts all = {0};
	struct strbuf mappings = STRBUF_INIT, file = STRBUF_INIT, filter = STRBUF_INIT;

	if (!plain_kernel_named(kernel))
		skip();
	seed = 88172645463325252u;
	for (size_t i = 0; i < FILES; i++) {
		size_t columns = 1 + below(6);
		struct straight_counts one;

		strbuf_reset(&mappings);
		strbuf_reset(&file);
		strbuf_reset(&filter);
		random_types(&mappings);
		random_filter(&filter, columns);
		if (!below(4))
			strbuf_adds(&file, "a,b,c,d\n");
		random_file(&file, columns);
		one = straight_check(mappings.p, filter.p, strbuf_span(&file), false, kernel, windows[below(ARRAY_LEN(windows))]);
		all.rows += one.rows;
		all.straight += one.straight;
		all.found += one.found;
	}
	print_message("%s: %llu rows, %llu straight, of %llu the parser's fields taken\n", kernel, (unsigned long long)all.rows,
		      (unsigned long long)all.straight, (unsigned long long)all.found);
	assert_true(all.straight > all.rows / 10);
	assert_true(all.found > all.rows / 3);
	strbuf_release(&mappings);
	strbuf_release(&file);
	strbuf_release(&filter);
}

static const struct {
	const char *filter;
	const char *row;
	bool straight;
} programs[] = {
	{"csv { columns => [\"a\",\"b\"] }", "1,2", true},
	{"csv { columns => [\"a\",\"b\"] } mutate { convert => { \"a\" => \"integer\" } }", "12,x", true},
	{"csv { columns => [\"a\",\"b\"] } mutate { convert => { \"a\" => \"integer\" } }", "12.0,x", false},
	{"csv { columns => [\"a\",\"b\"] } mutate { convert => { \"a\" => \"integer\" } }", "\"\",x", false},
	{"csv { columns => [\"a\",\"b\"] } mutate { convert => { \"a\" => \"integer\" } }", ",x", true},
	{"csv { columns => [\"a\",\"b\"] } mutate { convert => { \"a\" => \"float\" } }", "12.5,x", true},
	{"csv { columns => [\"a\",\"b\"] } mutate { convert => { \"a\" => \"float\" } }", "12,x", true},
	{"csv { columns => [\"a\",\"b\"] } mutate { convert => { \"a\" => \"float\" } }", "12.50,x", true},
	{"csv { columns => [\"a\",\"b\"] } mutate { convert => { \"a\" => \"float\" } }", "0.00001,x", false},
	{"csv { columns => [\"a\",\"b\"] } mutate { convert => { \"a\" => \"float\" } }", "12345678901234567,x", false},
	{"csv { columns => [\"a\",\"b\"] } mutate { convert => { \"a\" => \"float\" } }", "-0.000,x", true},
	/* what is converted and then taken away can still fail */
	{"csv { columns => [\"a\",\"b\"] } mutate { convert => { \"a\" => \"integer\" } remove_field => [\"a\"] }", "1,x", false},
	{"csv { columns => [\"a\",\"b\"] } mutate { rename => { \"a\" => \"[n][a]\" } add_field => { \"k\" => \"v\" } }", "1,x", true},
	{"csv { columns => [\"a\",\"b\"] } mutate { add_field => { \"k\" => \"%{a}\" } }", "1,x", false},
	{"csv { columns => [\"a\",\"b\"] } if [a] == \"1\" { mutate { remove_field => [\"a\"] } }", "1,x", false},
	/* the row itself is no constant, nor the one column's text */
	{"csv { columns => [\"a\"] } mutate { rename => { \"message\" => \"raw\" } }", "\"1\"", false},
	{"csv { columns => [\"a\",\"b\"] } mutate { add_field => { \"message\" => \"k\" } }", "1,x", false},
	{"csv { columns => [\"a\",\"b\"] skip_header => true }", "a,b", false},
	{"csv { columns => [\"a\",\"b\"] skip_header => true }", "b,a", true},
	{"csv { columns => [\"a\",\"b\"] }", "1,2,3", false},
	{"csv { columns => [\"a\",\"message\"] }", "1,2", true},
	/* the row itself in the document, or a text of the plan that looks like a mark */
	{"csv { columns => [\"a\",\"b\"] } mutate { rename => { \"message\" => \"raw\" } }", "1,2", false},
	{"csv { columns => [\"a\",\"b\"] } mutate { add_field => { \"message\" => \"k\" } }", "1,2", false},
	{"csv { columns => [\"a\",\"b\"] } mutate { replace => { \"a\" => \"715000000001\" } convert => { \"a\" => \"float\" } }", "1,2", false},
	{"csv { columns => [\"a\",\"b\"] } mutate { replace => { \"a\" => \"286000000001\" } convert => { \"a\" => \"float\" } }", "1,2", false},
};

static void which_filters_are_straight(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		struct strbuf file = STRBUF_INIT;
		struct straight_counts c;

		strbuf_addf(&file, "%s\n%s\n", programs[i].row, programs[i].row);
		c = straight_check("{\"properties\":{}}", programs[i].filter, strbuf_span(&file), false, "scalar", 0);
		/* the first row of a window is the automaton's, which splits none for a filter */
		if (c.rows != 2 || c.straight != (programs[i].straight ? 1 : 0))
			fail_msg("%s, %s: %d of %d", programs[i].filter, programs[i].row, (int)c.straight, (int)c.rows);
		strbuf_release(&file);
	}
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
	c = straight_check(mappings, NULL, strbuf_span(&file), true, *state, 0);
	assert_int_equal(c.rows, 1000);
	assert_int_equal(c.straight, 1000);
	assert_true(c.clean >= 990);
	strbuf_adds(&file, "a,007,1.0,2026-01-02,true\na,1.5,1.0,2026-01-02,true\na,1,+1.0,2026-01-02,true\na,1,1.0,1.1.26,true\n");
	c = straight_check(mappings, NULL, strbuf_span(&file), true, *state, 0);
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
		cmocka_unit_test_prestate(same_document_of_a_filter, avx2),
		cmocka_unit_test_prestate(same_document_of_a_filter, sse2),
		cmocka_unit_test_prestate(same_document_of_a_filter, scalar),
		cmocka_unit_test(which_filters_are_straight),
		cmocka_unit_test_prestate(typical_rows_are_straight, scalar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_csv_line - rows of text as Ruby's CSV.parse_line reads them (csv 3.2, tried case by case)
 */
#include "watcher/base/base.h"
#include "watcher/base/strbuf.h"
#include "transforms/csv_line.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* fields joined by |, null as ~ */
static const struct {
	const char *text, *separator;
	char quote;
	const char *want; /* NULL: malformed */
} cases[] = {
	{"a,b,c", ",", '"', "a|b|c"},
	{"a,,c", ",", '"', "a|~|c"},
	{"a,\"\",c", ",", '"', "a||c"},
	{",", ",", '"', "~|~"},
	{"\"a\"\"b\",c", ",", '"', "a\"b|c"},
	{"\"a,b\",c", ",", '"', "a,b|c"},
	{"\"a\nb\",c", ",", '"', "a\nb|c"},
	{"a\"b,c", ",", '"', NULL},
	{"\"a\"b,c", ",", '"', NULL},
	{"\"a", ",", '"', NULL},
	{"a\rb,c", ",", '"', NULL}, /* Ruby ends the row there, and the rest is lost */
	{"a,b\r", ",", '"', "a|b"},
	{"a,\"b\"\r", ",", '"', "a|b"},
	{"a,b\nc,d", ",", '"', "a|b"},
	{"a,b\r\nc,d", ",", '"', "a|b"},
	{" a , b ", ",", '"', " a | b "},
	{"a;b,c", ";", '"', "a|b,c"},
	{"a||b||c", "||", '"', "a|b|c"},
	{"'a,b',c", ",", '\'', "a,b|c"},
	{"\"a\",b", ",", '\0', "\"a\"|b"},
	{"", ",", '"', ""},
};

static void as_ruby_reads_them(void **state UNUSED)
{
	struct arena arena;

	arena_init(&arena, 4096);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct csv_line l = {.separator = span_of(cases[i].separator), .quote = cases[i].quote};
		struct strbuf have = STRBUF_INIT;
		const char *why = NULL;
		bool ok = csv_line_split(&l, span_of(cases[i].text), &arena, &why);

		assert_int_equal(ok, cases[i].want != NULL);
		assert_int_equal(ok, why == NULL);
		for (size_t k = 0; ok && k < l.count; k++) {
			strbuf_adds(&have, k ? "|" : "");
			if (l.fields[k].text.n || l.fields[k].quoted)
				strbuf_addspan(&have, l.fields[k].text);
			else
				strbuf_addc(&have, '~');
		}
		if (ok)
			assert_string_equal(have.p, cases[i].want);
		strbuf_release(&have);
		csv_line_release(&l);
	}
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(as_ruby_reads_them)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

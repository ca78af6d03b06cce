/*
 * test_dissect_pattern - parts and their order; what is refused; bytes and edges (whole cases: tests/golden/filters/dissect.json)
 */
#include "watcher/base/base.h"
#include "transforms/dissect_pattern.h"
#include "watcher/base/strbuf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct arena arena;

static const struct {
	const char *mapping, *text, *values; /* of all parts, between bars; NULL: no match */
} cases[] = {
	{"%{a} %{b}", "x y", "x|y"},
	{"%{a} %{b}", "x", NULL},
	{"%{a} %{b}", "", NULL},
	{"%{a} %{b}", " y", "| y"}, /* as the plugin: a delimiter at byte 0 is not passed */
	{"%{a}, %{b}", "x, , y", "x|, y"},
	{"-%{a}", "x-y", NULL},
	{"-%{a}", "-", ""},
	{"%{a}-", "x-y-", "x|y-"}, /* the delimiter at the end is looked for once, the rest is skipped */
	{"%{a->} %{b}", "x    ", "x|"},
	{"%{a->}ab%{b}", "xabababa", "x|a"},
	{"%{a}{%{b}}", "x{y}", "x|y}"}, /* a brace at the end is no delimiter */
	{"%{a}\n%{b}", "x\ny", "x|y"},
	{"%{a%{b} %{c}", "x y", "x|y"}, /* the first } ends the name */
};

static void match(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf got = STRBUF_INIT;
		struct dissect_pattern *d;
		const char *why;
		size_t offset;
		bool ok;

		assert_int_equal(dissect_compile(span_of(cases[i].mapping), &arena, &d, &why, &offset), 0);
		ok = dissect_match(d, span_of(cases[i].text));
		for (size_t k = 0; ok && k < d->count; k++)
			strbuf_addf(&got, "%s%.*s", k ? "|" : "", SPAN_FMT(d->parts[k].value));
		if (ok != (cases[i].values != NULL) || (ok && strcmp(got.p, cases[i].values) != 0))
			fail_msg("%s on \"%s\": %s", cases[i].mapping, cases[i].text, ok ? got.p : "no match");
		strbuf_release(&got);
	}
}

static void order(void **state UNUSED)
{
	struct dissect_pattern *d;
	const char *why, *want[] = {"p", "q", "a", "b", "c", "i"};
	size_t offset;

	assert_int_equal(dissect_compile(SPAN_LITERAL("%{&i} %{+c/12} %{p} %{+a} %{?s} %{+b/1->} %{q->} x"), &arena, &d,
					 &why, &offset),
			 0);
	assert_int_equal(d->saved_count, 6);
	for (size_t i = 0; i < 6; i++)
		assert_true(span_is(d->saved[i]->name, want[i]));
	assert_true(d->parts[5].packed && d->parts[6].packed && !d->parts[0].packed);
	assert_false(dissect_is_hopeless(d));
	assert_int_equal(dissect_compile(SPAN_LITERAL("%{a}%{b}"), &arena, &d, &why, &offset), 0);
	assert_true(dissect_is_hopeless(d));
}

static void refused(void **state UNUSED)
{
	static const struct {
		const char *mapping, *why;
		size_t at;
	} bad[] = {{"", "needs a field", 0},	    {"x", "needs a field", 0},	       {"%{a", "needs a field", 0},
		   {"x %{+}", "needs a name", 4},   {"%{&}", "needs a name", 2},       {"%{+->}", "needs a name", 2},
		   {"%{+&a}", "not both", 2},	    {"%{a} %{&+a}", "not both", 7},   {"%{+/1}", "needs a name", 2}};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct dissect_pattern *d;
		const char *why = "";
		size_t offset = 99;
		int r = dissect_compile(span_of(bad[i].mapping), &arena, &d, &why, &offset);

		if (r == 0 || !strstr(why, bad[i].why) || offset != bad[i].at)
			fail_msg("%s: %d %s %zu", bad[i].mapping, r, why, offset);
	}
}

static void many_fields(void **state UNUSED)
{
	struct strbuf sb = STRBUF_INIT;
	struct dissect_pattern *d;
	const char *why;
	size_t offset;

	for (int i = 0; i < DISSECT_PARTS; i++)
		strbuf_adds(&sb, "%{a},");
	assert_int_equal(dissect_compile(strbuf_span(&sb), &arena, &d, &why, &offset), 0);
	assert_int_equal(d->count, DISSECT_PARTS + 1); /* and the skipped one behind the last comma */
	strbuf_adds(&sb, "%{a},");
	assert_int_equal(dissect_compile(strbuf_span(&sb), &arena, &d, &why, &offset), -1);
	strbuf_release(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(match), cmocka_unit_test(order),
					   cmocka_unit_test(refused), cmocka_unit_test(many_fields)};
	int failed;

	arena_init(&arena, 4096);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_release(&arena);
	return failed;
}

/*
 * test_plan - texts to plans and rows through them: vars, limits of hostile texts, memory
 */
#include "watcher/base/base.h"
#include "transforms/compile.h"
#include "transforms/values.h"
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct strbuf errors, warnings;

static struct plan *compile(struct span text, const struct filter_vars *vars)
{
	struct plan_source src = {.text = text, .origin = "t", .vars = vars};
	struct plan *p = NULL;

	strbuf_reset(&errors);
	strbuf_reset(&warnings);
	return plan_compile(&src, &p, &errors, &warnings) == 0 ? p : NULL;
}

static void run_row(struct plan *p, struct arena *a, const char *message, struct plan_result *result)
{
	struct event *ev;

	arena_reset(a);
	ev = arena_zalloc(a, sizeof(*ev));
	event_init(ev, a);
	event_append(ev, SPAN_LITERAL("message"), value_string(span_of(message)));
	plan_run(p, ev, NULL, 1000, result);
}

static void check_out(struct plan *p, const char *message, const char *want)
{
	struct plan_result result;
	struct strbuf sb = STRBUF_INIT;
	struct arena a;

	arena_init(&a, 4096);
	run_row(p, &a, message, &result);
	assert_null(result.refusal);
	for (size_t i = 0; i < result.count; i++)
		event_add_json(&sb, result.events[i]);
	assert_string_equal(sb.p, want);
	strbuf_release(&sb);
	arena_release(&a);
}

static void test_vars(void **state)
{
	static const struct filter_var items[] = {{"REGION", "eu"}, {"EMPTY", ""}, {"DOLLAR", "${REGION}"}};
	struct filter_vars vars = {items, ARRAY_LEN(items)};
	struct plan *p = compile(SPAN_LITERAL("mutate { add_field => { \"${REGION}\" => \"<${EMPTY}${NO:x}${DOLLAR}>\" } }\n"
					      "if \"${REGION}\" == \"eu\" { mutate { add_tag => \"t\" } }"), &vars);

	(void)state;
	assert_non_null(p);
	/* what is put in is not looked at again */
	check_out(p, "m", "{\"message\":\"m\",\"eu\":\"<x${REGION}>\",\"tags\":[\"t\"]}");
	plan_free(&p);
	assert_null(compile(SPAN_LITERAL("mutate { add_tag => \"${REGIN}\" }"), &vars));
	assert_string_equal(errors.p, "t:1:22: ${REGIN}: the job's vars have no REGIN; did you mean REGION?\n"
				      "mutate { add_tag => \"${REGIN}\" }\n                     ^\n");
}

/* A text of `count` times `unit`, with begin and end around it. */
static struct span repeated(struct strbuf *sb, const char *begin, const char *unit, size_t count,
			    const char *end)
{
	strbuf_reset(sb);
	strbuf_adds(sb, begin);
	for (size_t i = 0; i < count; i++)
		strbuf_adds(sb, unit);
	strbuf_adds(sb, end);
	return strbuf_span(sb);
}

static const struct {
	const char *begin, *unit;
	size_t count;
	const char *end, *why; /* NULL: it compiles */
} hostile[] = {
	{"", "if [a] { ", 40, "", "this { has no }"},
	{"", "if [a] { ", 100000, "", "nested deeper than 64"},
	{"if ", "(", 100000, "[a]", "nested deeper than 64"},
	{"if ", "!(", 100000, "[a]", "nested deeper than 64"},
	{"mutate { add_tag => ", "[", 100000, "", "nested deeper than 64"},
	{"mutate { add_tag => ", "{ ab => ", 100000, "", "nested deeper than 64"},
	{"if [a]", " and [a]", 90000, " { drop { } }", NULL},
	{"if [a]", " and [a]", 110000, " { drop { } }", "more than 100000 parts"},
	{"if [a]", " or [a] and [b]", 30000, " { drop { } }", NULL},
	{"", "drop{}", 50000, "", NULL},
	{"", "mutate { xx => 1 }\n", 50000, "", "more errors follow these 50"},
	{"mutate { add_field => { ", "aa => bb ", 20000, "} }", "stands twice in one hash"},
	{"", "}", 1000000, "", "more errors follow these 50"},
	{"", "\"", 1000001, "", "is not closed"},
	{"", "x", 1048577, "", "a filter of 1048577 bytes"},
	{"mutate { remove_field => \"", "[a]", 100, "\" }", "more than 32 elements"},
	{"mutate { add_tag => \"", "%{a}", 1000, "\" }", "more than 256"},
	{"if [a] == 1 { }", " else if [a] == 2 { }", 30000, "", NULL},
};

/* Every event has them, as in Logstash: they can be read; stored are they when the text sets them. */
static void test_timestamp_and_version(void **state)
{
	struct plan *p = compile(SPAN_LITERAL("mutate { add_field => { \"t\" => \"%{@timestamp} %{@version}\" } copy => { \"@timestamp\" => \"c\" }\n"
					      "rename => { \"@version\" => \"r\" }\n"
					      "remove_field => \"message\" }\n"
					      "if [@version] == \"1\" and [@timestamp] { mutate { add_tag => \"v\" } }"), NULL);

	(void)state;
	assert_non_null(p);
	check_out(p, "m", "{\"r\":\"1\",\"c\":\"1970-01-01T00:00:01.000Z\",\"t\":\"1970-01-01T00:00:01.000Z 1\",\"tags\":[\"v\"]}");
	plan_free(&p);
}

static void test_hostile_texts(void **state)
{
	struct strbuf text = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		struct plan *p = compile(repeated(&text, hostile[i].begin, hostile[i].unit, hostile[i].count,
						  hostile[i].end), NULL);

		if ((p == NULL) != (hostile[i].why != NULL))
			fail_msg("%s%s...: %.200s", hostile[i].begin, hostile[i].unit, errors.p);
		if (hostile[i].why)
			assert_non_null(strstr(errors.p, hostile[i].why));
		plan_free(&p);
	}
	strbuf_release(&text);
}

/* Every cut of a text is an error or a plan, never more. */
static void test_every_prefix(void **state)
{
	static const char text[] = "filter { csv { columns => [\"a\", 'b'] separator => \";\" }\n# c\n"
				   "if [a] =~ /x\\/y/ and !([b] in [\"1\", \"2\"]) or [c][0] >= -1.5 { mutate { "
				   "add_field => { \"[d][e]\" => \"%{a} %{+yyyy} %{{HH}}\" } } } else if [z] { drop { } } "
				   "else { mutate { convert => { a => integer } } } }";

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct plan *p = compile((struct span){text, n}, NULL);

		assert_int_equal(p == NULL, errors.n > 0);
		plan_free(&p);
	}
}

static void test_memory_of_a_row(void **state)
{
	struct plan *p = compile(SPAN_LITERAL("mutate { add_field => { \"a\" => \"%{message}%{message}\" } }\n"
					      "mutate { add_field => { \"b\" => \"%{a}%{a}%{a}%{a}%{a}%{a}%{a}%{a}\" } }\n"
					      "mutate { add_field => { \"c\" => [\"%{b}\", \"%{b}!\", \"%{b}?\", \"%{b}1\", \"%{b}2\", "
					      "\"%{b}3\", \"%{b}4\", \"%{b}5\", \"%{b}6\", \"%{b}7\", \"%{b}8\"] } }"), NULL);
	struct strbuf big = STRBUF_INIT;
	struct plan_result result;
	struct arena a;

	(void)state;
	assert_non_null(p);
	arena_init(&a, 65536);
	repeated(&big, "", "0123456789", 100000, "");
	run_row(p, &a, big.p, &result);
	assert_non_null(result.refusal);
	assert_non_null(strstr(result.refusal->text, "the row takes more than 33554432 bytes"));
	assert_true(a.used < 2u * PLAN_MEMORY);
	run_row(p, &a, "x", &result);
	assert_null(result.refusal);
	strbuf_release(&big);
	arena_release(&a);
	plan_free(&p);
}

/* After the first rows a row takes nothing from the heap. */
/* 100 searches at their limit, and no row less, give a file up; the next file begins anew. */
static void test_a_file_of_hostile_rows_is_given_up(void **state)
{
	struct plan *p = compile(SPAN_LITERAL("drop { percentage => 0 }\nif [message] =~ /^(a|aa)+$/ { drop { } }"), NULL);
	char row[42] = "";
	struct plan_result result;
	struct arena a;

	(void)state;
	assert_non_null(p);
	memset(row, 'a', 40);
	row[40] = '!';
	arena_init(&a, 4096);
	plan_begin(p);
	for (size_t i = 1; i <= 100; i++) {
		run_row(p, &a, "short", &result);
		assert_null(result.refusal);
		assert_null(plan_given_up(p));
		run_row(p, &a, row, &result);
		assert_non_null(result.refusal);
		assert_non_null(strstr(result.refusal->text, "took too many steps"));
	}
	assert_non_null(plan_given_up(p));
	assert_non_null(strstr(plan_given_up(p), "\"^(a|aa)+$\" (filter, line 2, column 18) ended at its limit of steps 100 times"));
	assert_non_null(strstr(plan_given_up(p), "possessive (a++) or anchor it"));
	plan_begin(p);
	assert_null(plan_given_up(p));
	plan_free(&p);
	arena_release(&a);
}

/* No search of it ends at its limit of steps, but there are thousands: the row's time ends it, within one filter. */
static void test_a_row_has_its_time(void **state)
{
	struct plan *p = compile(SPAN_LITERAL("mutate { gsub => [\"message\", \"(a|aa)+b|x\", \"\"] }"), NULL);
	static char slow[65536];
	struct plan_result result;
	struct arena a;

	(void)state;
	assert_non_null(p);
	assert_int_equal(p->budget.row_ms, 2000);
	p->budget.row_ms = 20;
	memset(slow, 'a', sizeof(slow) - 1);
	for (size_t i = 20; i < sizeof(slow) - 1; i += 21)
		slow[i] = 'x';
	arena_init(&a, 4096);
	plan_begin(p);
	for (size_t i = 1; i <= 5; i++) {
		assert_null(plan_given_up(p));
		run_row(p, &a, slow, &result);
		assert_non_null(result.refusal);
		assert_string_equal(result.refusal->text, "mutate: the row takes more than 0.02 seconds");
	}
	/* and five such rows end the file as a hundred searches do */
	assert_string_equal(plan_given_up(p), "several rows took more than 0.02 seconds each in the filter; "
					      "rows may cost that, a file may not");
	plan_free(&p);
	arena_release(&a);
}

static void test_nothing_allocated_a_row(void **state)
{
	struct plan *p = compile(SPAN_LITERAL("csv { columns => [\"a\", \"b\"] }\n"
					      "if [a] =~ /^\\d+$/ and [b] in [\"x\", \"y\"] { mutate { convert => { \"a\" => \"integer\" } "
					      "add_field => { \"[c][d]\" => \"%{a}-%{b}\" } add_tag => [\"t\"] } }\n"
					      "else { drop { } }"), NULL);
	struct plan_result result;
	struct arena a;
	size_t before = 0;

	(void)state;
	assert_non_null(p);
	arena_init(&a, 65536);
	for (int i = 0; i < 20000; i++) {
		run_row(p, &a, i % 3 ? "12,x" : "q,z", &result);
		assert_null(result.refusal);
		assert_int_equal(result.count, i % 3 ? 1 : 0);
		if (i == 100)
			before = mallinfo2().uordblks;
	}
	assert_int_equal(mallinfo2().uordblks, before);
	arena_release(&a);
	plan_free(&p);
}

/* A field's name is the plan's own, the same bytes in every row: nothing is copied for it. */
static void test_names_are_interned(void **state)
{
	struct plan *p = compile(SPAN_LITERAL("csv { columns => [\"a\", \"b\", \"[c][d]\"] }\n"
					      "mutate { rename => { \"a\" => \"e\" } replace => { \"f\" => \"%{b}\" } "
					      "copy => { \"b\" => \"g\" } add_field => { \"[h][i]\" => \"1\" } }\n"
					      "dissect { mapping => { \"b\" => \"%{j}-%{k}\" } }"), NULL);
	const char *names[16] = {NULL};
	struct plan_result result;
	struct arena a[3]; /* one a row: what is of a row's arena lies elsewhere in the next */

	(void)state;
	assert_non_null(p);
	for (int row = 0; row < 3; row++) {
		const struct value_map *m;

		arena_init(&a[row], 65536);
		run_row(p, &a[row], row ? "1,x-y,2" : "3,z-w,4", &result);
		assert_int_equal(result.count, 1);
		m = &result.events[0]->fields;
		assert_int_equal(m->len, 9); /* message b c e f g h j k */
		for (size_t i = 0; i < m->len; i++) {
			if (row && m->entries[i].name.p != names[i])
				fail_msg("%.*s is another name in the next row", SPAN_FMT(m->entries[i].name));
			names[i] = m->entries[i].name.p;
		}
	}
	for (int row = 0; row < 3; row++)
		arena_release(&a[row]);
	plan_free(&p);
}

/* Every filter that has memory of its own, its failures too. */
static void test_no_filter_allocates_a_row(void **state)
{
	struct plan *p = compile(
		SPAN_LITERAL("dissect { mapping => { \"message\" => \"%{d}|%{+k}|%{+k}|%{j}|%{?n}=%{&n}\" } convert_datatype => { \"c\" => \"int\" } }\n"
			     "date { match => [\"d\", \"UNIX\", \"yyyy-MM-dd HH:mm z\", \"ISO8601\"] timezone => \"Europe/Berlin\" target => \"t\" }\n"
			     "json { source => \"j\" target => \"o\" }\n"
			     "urldecode { field => \"k\" } truncate { length_bytes => 100 } prune { blacklist_names => \"^x\" }\n"
			     "split { field => \"[o][l]\" }"), NULL);
	static const char *const rows[] = {"2018-06-27T17:19|a%41%ff|b|{\"l\":[1,\"\\u00e9\",{\"a\":2.50}]}|x=1|c=2",
					   "2018-06-27 17:19 PDT|a|b|{\"l\":\"x\\ny\"}|c=x", "no|a|b|{\"l\":|c=2", "nothing"};
	static const size_t documents[] = {3, 2, 1, 1};
	struct plan_result result;
	struct arena a;
	size_t before = 0;

	(void)state;
	assert_non_null(p);
	arena_init(&a, 65536);
	for (int i = 0; i < 20000; i++) {
		run_row(p, &a, rows[i % 4], &result);
		assert_null(result.refusal);
		assert_int_equal(result.count, documents[i % 4]);
		if (i == 100)
			before = mallinfo2().uordblks;
	}
	assert_int_equal(mallinfo2().uordblks, before);
	arena_release(&a);
	plan_free(&p);
}

static int begin(void **state)
{
	(void)state;
	strbuf_init(&errors);
	strbuf_init(&warnings);
	return 0;
}

static int end(void **state)
{
	(void)state;
	strbuf_release(&errors);
	strbuf_release(&warnings);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timestamp_and_version),
		cmocka_unit_test(test_vars),           cmocka_unit_test(test_hostile_texts),
		cmocka_unit_test(test_every_prefix),   cmocka_unit_test(test_memory_of_a_row),
		cmocka_unit_test(test_a_file_of_hostile_rows_is_given_up),
		cmocka_unit_test(test_a_row_has_its_time),
		cmocka_unit_test(test_nothing_allocated_a_row),
		cmocka_unit_test(test_no_filter_allocates_a_row),
		cmocka_unit_test(test_names_are_interned),
	};

	return cmocka_run_group_tests(tests, begin, end);
}

/*
 * test_ref - field references: what is legal, what they find, what a set makes on its way
 */
#include "watcher/base/base.h"
#include "transforms/ref.h"
#include "transforms/values.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct arena arena;

static const struct {
	const char *text;
	const char *why; /* NULL: legal */
	size_t offset;   /* of the fault; of a legal one the number of elements */
} cases[] = {
	{"a", NULL, 1},
	{"a b", NULL, 1},
	{"[a]", NULL, 1},
	{"[a][b][0]", NULL, 3},
	{"[@metadata]", NULL, 0},
	{"[@metadata][x]", NULL, 1},
	{"@timestamp", NULL, 1},
	{"", "an empty name", 0},
	{"[]", "empty brackets", 0},
	{"[a][]", "empty brackets", 3},
	{"[a", "a [ without its ]", 0},
	{"[a]b", "text outside of the brackets", 3},
	{"[a]]", "text outside of the brackets", 3},
	{"a[b]", "a bracket within a name", 1},
	{"a]", "a bracket within a name", 1},
	{"[a[b]]", "a [ within brackets", 2},
};

static void test_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct ref *ref = NULL;
		const char *why = NULL;
		size_t offset = 99;
		int r = ref_compile(span_of(cases[i].text), &arena, &ref, &why, &offset);

		assert_int_equal(r, cases[i].why ? -1 : 0);
		if (cases[i].why)
			assert_string_equal(why, cases[i].why);
		assert_int_equal(cases[i].why ? offset : ref->count, cases[i].offset);
	}
}

static const struct ref *ref_of(const char *text)
{
	const struct ref *ref;
	const char *why;
	size_t offset;

	assert_int_equal(ref_compile(span_of(text), &arena, &ref, &why, &offset), 0);
	return ref;
}

static void check_json(const struct event *ev, const char *want)
{
	struct strbuf sb = STRBUF_INIT;

	event_add_json(&sb, ev);
	assert_string_equal(sb.p, want);
	strbuf_release(&sb);
}

/* Sets one after the other on one event; why NULL: done. */
static const struct {
	const char *ref, *why, *want;
} sets[] = {
	{"[a][b]", NULL, "{\"a\":{\"b\":1}}"},
	{"[a][c][d]", NULL, "{\"a\":{\"b\":1,\"c\":{\"d\":1}}}"},
	{"[a][b][x]", "a value that is no map stands in the way", "{\"a\":{\"b\":1,\"c\":{\"d\":1}}}"},
	{"[l][3]", NULL, "{\"a\":{\"b\":1,\"c\":{\"d\":1}},\"l\":[null,null,null,1]}"},
	{"[l][-4]", NULL, "{\"a\":{\"b\":1,\"c\":{\"d\":1}},\"l\":[1,null,null,1]}"},
	{"[l][-5]", "an array stands in the way, and this is no index of it", NULL},
	{"[l][x]", "an array stands in the way, and this is no index of it", NULL},
	{"[l][99999999]", "an array stands in the way, and this is no index of it", NULL},
	{"[l][1][y]", NULL, "{\"a\":{\"b\":1,\"c\":{\"d\":1}},\"l\":[1,{\"y\":1},null,1]}"},
	{"@timestamp", "@timestamp takes a time only", NULL},
	{"[@metadata][m]", NULL, "{\"a\":{\"b\":1,\"c\":{\"d\":1}},\"l\":[1,{\"y\":1},null,1]}"},
};

static void test_sets(void **state)
{
	struct event ev;
	const char *why;

	(void)state;
	event_init(&ev, &arena);
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		if (strncmp(sets[i].ref, "[l]", 3) == 0 && !event_get(&ev, SPAN_LITERAL("l")))
			event_set(&ev, SPAN_LITERAL("l"), value_array(&arena));
		assert_int_equal(ref_set(ref_of(sets[i].ref), &ev, value_int(1, &arena), &why),
				 sets[i].why ? -1 : 0);
		if (sets[i].why)
			assert_string_equal(why, sets[i].why);
		if (sets[i].want)
			check_json(&ev, sets[i].want);
	}
	assert_non_null(ref_get(ref_of("[@metadata][m]"), &ev));
	assert_int_equal(ref_get(ref_of("[@metadata]"), &ev)->u.map->len, 1);
}

static void test_removes(void **state)
{
	struct value was, list = value_array(&arena);
	struct event ev;
	const char *why;

	(void)state;
	event_init(&ev, &arena);
	for (int i = 0; i < 4; i++)
		value_array_add(list.u.array, &arena, value_int(i, &arena));
	assert_int_equal(ref_set(ref_of("[m][l]"), &ev, list, &why), 0);
	assert_true(ref_remove(ref_of("[m][l][1]"), &ev, &was));
	assert_memory_equal(was.u.text.p, "1", 1);
	assert_true(ref_remove(ref_of("[m][l][-1]"), &ev, NULL));
	assert_false(ref_remove(ref_of("[m][l][2]"), &ev, NULL));
	assert_false(ref_remove(ref_of("[m][x][y]"), &ev, NULL));
	check_json(&ev, "{\"m\":{\"l\":[0,2]}}");
	assert_true(ref_remove(ref_of("m"), &ev, NULL));
	check_json(&ev, "{}");
}

static int begin(void **state)
{
	(void)state;
	arena_init(&arena, 4096);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_removes),
	};

	return cmocka_run_group_tests(tests, begin, end);
}

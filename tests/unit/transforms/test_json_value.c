/*
 * test_json_value - JSON text through and out again, number for number; and every cut of it
 */
#include "watcher/base/base.h"
#include "transforms/json_value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct arena arena;

static const struct {
	const char *in, *out; /* out NULL: error */
} cases[] = {
	{"{}", "{}"},
	{" [ ] ", "[]"},
	{"{\"a\":1.50,\"b\":-0,\"c\":1E400}", "{\"a\":1.50,\"b\":-0,\"c\":1E400}"},
	{"123456789012345678901234567890", "123456789012345678901234567890"},
	{"\"\\u0041\\n\\ud83d\\ude00\"", "\"A\\n\xf0\x9f\x98\x80\""},
	{"[null,true,false]", "[null,true,false]"},
	{"{\"a\":1,\"a\":2}", "{\"a\":2}"},
	{"{\"a\":{\"b\":[{\"c\":\"d\"}]}}", "{\"a\":{\"b\":[{\"c\":\"d\"}]}}"},
	{"", NULL},	    {"nul", NULL},     {"truex", NULL},	    {"01", NULL},      {"1.", NULL},
	{".5", NULL},	    {"+1", NULL},      {"1e", NULL},	    {"0x1", NULL},     {"NaN", NULL},
	{"-", NULL},	    {"[1,]", NULL},    {"[,1]", NULL},	    {"[1 2]", NULL},   {"{\"a\"}", NULL},
	{"{a:1}", NULL},    {"{\"a\":1,}", NULL}, {"'a'", NULL},    {"\"\t\"", NULL},  {"\"\\x\"", NULL},
	{"\"\\u12\"", NULL}, {"\"\\udc00\"", NULL}, {"\"\\ud800\\u0041\"", NULL}, {"\"\xff\"", NULL}, {"1 2", NULL},
	{"\"a", NULL},	    {"\"\\", NULL},    {"\"\\\"", NULL},    {"]", NULL},       {"{\"a\":1]", NULL},
};

static void through(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf out = STRBUF_INIT;
		const char *why = NULL;
		struct value v;
		size_t at;
		bool ok = json_value_read(span_of(cases[i].in), &arena, &v, &why, &at);

		if (ok)
			value_add_json(&out, &v);
		if (ok != (cases[i].out != NULL) || (ok ? strcmp(out.p, cases[i].out) != 0 : !why))
			fail_msg("%s: %s", cases[i].in, ok ? out.p : why ? why : "no reason");
		assert_true(at <= strlen(cases[i].in));
		strbuf_release(&out);
	}
}

/* No bytes at all, not even a place for them: sanitizers look at the sums. */
static void nothing(void **state UNUSED)
{
	const char *why = NULL;
	struct value v;
	size_t at = 1;

	assert_false(json_value_read(SPAN_NONE, &arena, &v, &why, &at));
	assert_true(why && at == 0);
}

static void every_cut_fails(void **state UNUSED)
{
	static const char text[] = "{\"a\":[1,-2.5e3,\"x\\u00e9\\\"\",{\"b\":null}],\"c\":true}";
	struct value v;
	const char *why;
	size_t at;

	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char *own = xmalloc(n + 1); /* so that a read behind the end is seen */

		memcpy(own, text, n);
		own = xrealloc(own, n ? n : 1);
		assert_false(json_value_read((struct span){own, n}, &arena, &v, &why, &at));
		free(own);
	}
	assert_true(json_value_read(SPAN_LITERAL(text), &arena, &v, &why, &at));
}

static void depth(void **state UNUSED)
{
	struct strbuf sb = STRBUF_INIT;
	struct value v;
	const char *why;
	size_t at;

	for (int i = 0; i < JSON_VALUE_DEPTH; i++)
		strbuf_addc(&sb, '[');
	for (int i = 0; i < JSON_VALUE_DEPTH; i++)
		strbuf_addc(&sb, ']');
	assert_true(json_value_read(strbuf_span(&sb), &arena, &v, &why, &at));
	strbuf_reset(&sb);
	for (int i = 0; i < 100000; i++)
		strbuf_addc(&sb, '[');
	assert_false(json_value_read(strbuf_span(&sb), &arena, &v, &why, &at));
	assert_string_equal(why, "nested deeper than 100");
	strbuf_release(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(through), cmocka_unit_test(nothing), cmocka_unit_test(every_cut_fails),
					   cmocka_unit_test(depth)};
	int failed;

	arena_init(&arena, 4096);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_release(&arena);
	return failed;
}

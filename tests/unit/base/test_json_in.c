/* json_in: a walk over JSON text; what is broken is said, whatever was asked. */
#include "watcher/base/base.h"
#include "watcher/base/json_in.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
	const char *text;
	bool whole;
} texts[] = {
	{"{}", true},
	{" [1, -2.5e3 , \"a\\\"b\", null,true,false,{\"a\":[]}] ", true},
	{"\"\"", true},
	{"0", true},
	{"", false},
	{"{", false},
	{"{\"a\"}", false},
	{"{\"a\":}", false},
	{"{\"a\":1,}", false},
	{"{\"a\":1 \"b\":2}", false},
	{"{,}", false},
	{"[1,]", false},
	{"[1 2]", false},
	{"[", false},
	{"[1", false},
	{"{\"a\":1", false},
	{"\"a", false},
	{"\"a\\", false},
	{"\"a\nb\"", false},
	{"nul", false},
	{"hello", false},
	{"{} {}", false},
	{"<html>", false},
	{"{\"a\":[1,{\"b\":[}]}", false},
};

static void whole_or_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct json_in in;

		json_in_init(&in, span_of(texts[i].text));
		json_in_skip(&in);
		if (json_in_end(&in) != texts[i].whole)
			fail_msg("%s", texts[i].text);
	}
}

/* Every cut of a text is broken, and the walk ends. */
static void every_cut_is_broken(void **state)
{
	const char *text = "{\"items\":[{\"create\":{\"_id\":\"a\",\"status\":201}},{\"x\":[true,null,1]}]}";
	struct json_in in;

	(void)state;
	for (size_t n = 0; n <= strlen(text); n++) {
		json_in_init(&in, (struct span){text, n});
		json_in_skip(&in);
		assert_int_equal(json_in_end(&in), n == strlen(text));
	}
}

static void nesting_is_bounded(void **state)
{
	struct strbuf sb = STRBUF_INIT;
	struct json_in in;

	(void)state;
	for (int i = 0; i < 100000; i++)
		strbuf_addc(&sb, '[');
	json_in_init(&in, strbuf_span(&sb));
	json_in_skip(&in);
	assert_false(json_in_end(&in));
	strbuf_release(&sb);
}

static void members_and_kinds(void **state)
{
	struct span o = span_of("{\"n\":18446744073709551615,\"big\":18446744073709551616,\"s\":\"x\",\"b\":true,\"o\":{\"k\":[1]}}");
	struct json_in in;
	struct span key, s;
	uint64_t n = 7;
	bool b = false;

	(void)state;
	assert_true(span_is(json_in_member(o, "o"), "{\"k\":[1]}"));
	assert_true(span_is(json_in_member(json_in_member(o, "o"), "k"), "[1]"));
	assert_null(json_in_member(o, "absent").p);
	assert_null(json_in_member(json_in_member(o, "s"), "k").p);
	assert_null(json_in_member(SPAN_NONE, "k").p);
	json_in_init(&in, o);
	assert_true(json_in_object(&in));
	assert_true(json_in_key(&in, &key) && json_in_u64(&in, &n) && n == UINT64_MAX);
	assert_true(json_in_key(&in, &key) && !json_in_u64(&in, &n));
	assert_true(json_in_key(&in, &key) && !json_in_u64(&in, &n)); /* a string: skipped */
	assert_true(json_in_key(&in, &key) && json_in_bool(&in, &b) && b);
	assert_true(json_in_key(&in, &key) && !json_in_string(&in, &s));
	assert_false(json_in_key(&in, &key));
	assert_true(json_in_end(&in));
}

static const struct {
	const char *raw, *want;
} strings[] = {
	{"plain", "plain"},
	{"a\\\"b\\\\c\\/d\\n\\t", "a\"b\\c/d\n\t"},
	{"\\u00e4\\u20ac", "\xc3\xa4\xe2\x82\xac"},
	{"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
	{"\\ud83d", "\xef\xbf\xbd"},
	{"\\ud83dx", "\xef\xbf\xbdx"},
	{"\\ude00", "\xef\xbf\xbd"},
	{"\\u12", "\xef\xbf\xbd" "12"},
	{"\\q", "\xef\xbf\xbd"},
};

static void escapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		struct strbuf sb = STRBUF_INIT;

		json_in_unescape(&sb, span_of(strings[i].raw));
		assert_string_equal(sb.p, strings[i].want);
		strbuf_release(&sb);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_or_broken), cmocka_unit_test(every_cut_is_broken),
		cmocka_unit_test(nesting_is_bounded), cmocka_unit_test(members_and_kinds),
		cmocka_unit_test(escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

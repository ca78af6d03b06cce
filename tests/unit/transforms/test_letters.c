/*
 * test_letters - case and white space as Ruby 3.1 answers
 */
#include "watcher/base/base.h"
#include "transforms/letters.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void as_ruby_has_them(void **state UNUSED)
{
	static const struct {
		const char *text, *upper, *lower, *capital;
	} cases[] = {
		{"", "", "", ""},
		{"aBc 1", "ABC 1", "abc 1", "Abc 1"},
		{"stra\xc3\x9f"
		 "e",
		 "STRASSE",
		 "stra\xc3\x9f"
		 "e",
		 "Stra\xc3\x9f"
		 "e"},
		{"\xc3\xa9\x43OLE", "\xc3\x89\x43OLE", "\xc3\xa9\x63ole", "\xc3\x89\x63ole"},
		{"\xce\x91\xce\xa3", "\xce\x91\xce\xa3", "\xce\xb1\xcf\x83", "\xce\x91\xcf\x83"}, /* no final sigma */
		{"\xc4\xb0", "\xc4\xb0", "i\xcc\x87", "\xc4\xb0"},
		{"\xc7\x86x", "\xc7\x84X", "\xc7\x86x", "\xc7\x85x"}, /* dz caron has a title case */
	};
	struct arena a;

	arena_init(&a, 4096);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span s = span_of(cases[i].text);

		assert_true(span_is(letters_upper(s, &a), cases[i].upper));
		assert_true(span_is(letters_lower(s, &a), cases[i].lower));
		assert_true(span_is(letters_capitalize(s, &a), cases[i].capital));
	}
	arena_release(&a);
}

static void strips_white_space_and_nul(void **state UNUSED)
{
	assert_true(span_is(letters_strip(SPAN_LITERAL(" \0a b\t\r\n\v\f \0")), "a b"));
	assert_true(span_is(letters_strip(SPAN_LITERAL("\xc2\xa0"
						       "a")),
			    "\xc2\xa0"
			    "a")); /* a no-break space is a letter to Ruby */
	assert_int_equal(letters_strip(SPAN_LITERAL(" \0 ")).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_ruby_has_them),
		cmocka_unit_test(strips_white_space_and_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * nearest: suggestions, and the distance against its definition written as a recursion
 *
 * The source is included for distance().
 */
#include "watcher/base/nearest.c"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void test_suggestions(void **state)
{
	static const char *const names[] = {"index", "delimiter", "header", "quote", "on_error", "ab", "ba", "k"};
	static const struct {
		const char *name, *input, *want;
	} rows[] = {
		{"a letter missing", "delimter", "delimiter"},
		{"two letters turned", "delimietr", "delimiter"},
		{"a letter too many", "headerr", "header"},
		{"another letter", "quota", "quote"},
		{"capitals are the same", "INDEX", "index"},
		{"itself", "index", "index"},
		{"short names may differ by one", "a", "ab"},
		{"a name of one letter is near everything: not offered", "z", NULL},
		{"but for its other case", "K", "k"},
		{"the first of equals", "aa", "ab"},
		{"too far", "colour", NULL},
		{"three of nine", "dlmitr", NULL},
		{"three wrong in nine letters", "delxxxter", "delimiter"},
		{"nothing of that length", "", NULL},
		{"underscore is a letter", "onerror", "on_error"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = nearest_name(span_of(rows[i].input), names, ARRAY_LEN(names));

		if ((got == NULL) != (rows[i].want == NULL) || (got && strcmp(got, rows[i].want) != 0))
			fail_msg("%s: %s", rows[i].name, got ? got : "none");
	}
	assert_null(nearest_name(SPAN_LITERAL("index"), NULL, 0));
}

static void test_long_names(void **state)
{
	char text[200];
	const char *names[] = {text};

	(void)state;
	memset(text, 'a', sizeof(text));
	text[64] = '\0';
	assert_ptr_equal(nearest_name((struct span){text, 64}, names, 1), text);
	assert_ptr_equal(nearest_name((struct span){text, 60}, names, 1), text);
	text[64] = 'a';
	text[199] = '\0';
	assert_null(nearest_name((struct span){text, 64}, names, 1));
	assert_null(nearest_name((struct span){text, 199}, names, 1));
}

/* Edit distance with neighbours turned, each place edited once: by its definition. */
static unsigned slow(const char *a, size_t n, const char *b, size_t m)
{
	unsigned best, d;

	if (!n || !m)
		return (unsigned)(n + m);
	best = slow(a, n - 1, b, m - 1) + (a[n - 1] != b[m - 1]);
	d = slow(a, n - 1, b, m) + 1;
	best = d < best ? d : best;
	d = slow(a, n, b, m - 1) + 1;
	best = d < best ? d : best;
	if (n > 1 && m > 1 && a[n - 1] == b[m - 2] && a[n - 2] == b[m - 1]) {
		d = slow(a, n - 2, b, m - 2) + 1;
		best = d < best ? d : best;
	}
	return best;
}

/* All pairs of words of up to four letters out of three. */
static void test_distance(void **state)
{
	char words[121][5];
	size_t count = 0;

	(void)state;
	for (size_t n = 0; n <= 4; n++) {
		size_t all = 1;

		for (size_t i = 0; i < n; i++)
			all *= 3;
		for (size_t w = 0; w < all; w++, count++) {
			size_t v = w;

			memset(words[count], 0, sizeof(words[count]));
			for (size_t i = 0; i < n; i++, v /= 3)
				words[count][i] = (char)('a' + v % 3);
		}
	}
	assert_int_equal(count, 121);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < count; k++) {
			struct span a = span_of(words[i]), b = span_of(words[k]);

			if (distance(a, b) != slow(a.p, a.n, b.p, b.n))
				fail_msg("%s %s", words[i], words[k]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suggestions),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_number - texts to numbers; the right column is what Ruby 3.1 answers (BigDecimal().to_i, Float(), to_i, to_f)
 */
#include "watcher/base/base.h"
#include "transforms/number.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct arena arena;

#define NONE NULL

static const struct {
	const char *text;
	const char *integer, *real; /* strict */
	bool lossy;		    /* of integer */
	const char *prefix_integer, *prefix_real;
} cases[] = {
	{"12", "12", "12", false, "12", "12"},
	{"-12", "-12", "-12", false, "-12", "-12"},
	{"+5", "5", "5", false, "5", "5"},
	{"1_000", "1000", "1000", false, "1000", "1000"},
	{"1__0", NONE, NONE, false, "1", "1"},
	{"_1", NONE, NONE, false, "0", "0.0"},
	{"1.", NONE, NONE, false, "1", "1"},
	{".5", "0", "0.5", true, "0", "0.5"},
	{"-.5", "0", "-0.5", true, "0", "-0.5"},
	{"", NONE, NONE, false, "0", "0.0"},
	{"1e3", "1000", "1e3", false, "1", "1e3"},
	{"1.5e1", "15", "1.5e1", false, "1", "1.5e1"},
	{"1.55e1", "15", "1.55e1", true, "1", "1.55e1"},
	{"1e-1", "0", "1e-1", true, "1", "1e-1"},
	{"1e", NONE, NONE, false, "1", "1"},
	{"1d3", "1000", NONE, false, "1", "1"},
	{"0x1A", "26", "26", false, "0", "0"},
	{"-0x1a", "-26", "-26", false, "0", "-0"}, /* Ruby 3.1: -26.0 for to_f, and 0.0 without the minus */
	{"0x1.8p1", "3", "3", false, "0", "0"},
	{"0x1.edcdp6", "123", "123.4501953125", true, "0", "0"},
	{"0x1.p", NONE, NONE, false, "0", "0"},
	{"0x1p70", NONE, "1.1805916207174113e+21", false, "0", "0"},
	{"0x", NONE, NONE, false, "0", "0"},
	{"1.9", "1", "1.9", true, "1", "1.9"},
	{"-1.9", "-1", "-1.9", true, "-1", "-1.9"},
	{"1.0", "1", "1.0", false, "1", "1.0"},
	{"007", "7", "7", false, "7", "7"},
	{"000", "0", "0", false, "0", "0"},
	{"-0", "0", "-0", false, "0", "-0"},
	{"1 2", NONE, NONE, false, "1", "1"},
	{"NaN", NONE, NONE, false, "0", "0.0"},
	{"Infinity", NONE, NONE, false, "0", "0.0"},
	{"1e400", NULL, NONE, false, "1", "0.0"},
	{"12x", NONE, NONE, false, "12", "12"},
	{">24", NONE, NONE, false, "0", "0.0"},
	{"1._5", NONE, NONE, false, "1", "1"},
	{"123456789012345678901234567890", "123456789012345678901234567890", "123456789012345678901234567890",
	 false, "123456789012345678901234567890", "123456789012345678901234567890"},
	{"0.10000000000000000555", "0", "0.10000000000000000555", true, "0", "0.10000000000000000555"},
};

static void same(const char *text, const char *want, bool ok, struct number n)
{
	if (!want) {
		if (ok)
			fail_msg("%s: %.*s, but it is no number", text, SPAN_FMT(n.text));
		return;
	}
	if (!ok || !span_is(n.text, want))
		fail_msg("%s: %s%.*s instead of %s", text, ok ? "" : "refused ", SPAN_FMT(n.text), want);
}

static void as_ruby_reads_them(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct number n = {SPAN_NONE, false};
		struct span s = span_of(cases[i].text);
		bool ok = number_integer(s, &arena, &n);

		if (strcmp(cases[i].text, "1e400") != 0) {
			same(cases[i].text, cases[i].integer, ok, n);
			if (ok)
				assert_int_equal(n.lossy, cases[i].lossy);
		}
		n = (struct number){SPAN_NONE, false};
		ok = number_float(s, &arena, &n);
		same(cases[i].text, cases[i].real, ok, n);
		number_integer_prefix(s, &arena, &n);
		same(cases[i].text, cases[i].prefix_integer, true, n);
		number_float_prefix(s, &arena, &n);
		same(cases[i].text, cases[i].prefix_real, true, n);
	}
}

static void a_large_exponent_is_written_out_or_refused(void **state UNUSED)
{
	struct number n;

	assert_true(number_integer(SPAN_LITERAL("1e400"), &arena, &n));
	assert_int_equal(n.text.n, 401);
	assert_false(number_integer(SPAN_LITERAL("1e1001"), &arena, &n));
	assert_false(number_integer(SPAN_LITERAL("1e999999999999999999999"), &arena, &n));
	assert_true(number_integer(SPAN_LITERAL("1e-999999999999999999999"), &arena, &n));
	assert_true(span_is(n.text, "0") && n.lossy);
}

static void what_passes_through_is_not_copied(void **state UNUSED)
{
	struct span s = SPAN_LITERAL("12.50");
	struct number n;

	assert_true(number_float(s, &arena, &n));
	assert_ptr_equal(n.text.p, s.p);
	s = SPAN_LITERAL("12");
	assert_true(number_integer(s, &arena, &n));
	assert_ptr_equal(n.text.p, s.p);
}

static void floats_are_written_as_ruby_does(void **state UNUSED)
{
	static const char *const as[][2] = {
		{"10", "10.0"}, {"2.50", "2.5"}, {"1e3", "1000.0"}, {"1e20", "1.0e+20"}, {"-1.25e20", "-1.25e+20"},
		{"1e15", "1000000000000000.0"}, {"1e16", "1.0e+16"}, {"0.0001", "0.0001"}, {"0.00001", "1.0e-05"},
		{"0", "0.0"}, {"-0", "-0.0"}, {"0e5", "0.0"}, {"123.456", "123.456"}, {"12.5e-1", "1.25"},
		{"1e-100", "1.0e-100"}, {"0.10000000000000000555", "0.10000000000000000555"},
	};

	for (size_t i = 0; i < ARRAY_LEN(as); i++)
		assert_string_equal(number_float_text(span_of(as[i][0]), &arena).p, as[i][1]);
}

/* Behind an exponent of nothing the digits are taken apart and written anew: what is known at a look is the same. */
static void what_is_known_at_a_look_is_written_so(void **state UNUSED)
{
	static const char letters[] = "0001234567899.-";
	char text[24], longer[32];
	size_t known = 0, whole = 0;

	srandom(1);
	for (size_t i = 0; i < 300000; i++) {
		size_t n = 1 + (size_t)random() % 20;
		struct number number;
		struct span s = {text, n};

		for (size_t k = 0; k < n; k++)
			text[k] = letters[(size_t)random() % (sizeof(letters) - 1)];
		text[n] = '\0';
		snprintf(longer, sizeof(longer), "%se0", text);
		arena_reset(&arena);
		if (number_is_float_text(s)) {
			known++;
			assert_true(number_float(s, &arena, &number));
			assert_string_equal(number_float_text(span_of(longer), &arena).p, text);
		}
		if (number_is_plain_integer(s)) {
			whole++;
			snprintf(longer, sizeof(longer), "%s.0", text);
			assert_true(number_integer(span_of(longer), &arena, &number));
			assert_true(span_is(number.text, text) && !number.lossy);
		}
	}
	assert_true(known > 5000 && whole > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_ruby_reads_them),
		cmocka_unit_test(a_large_exponent_is_written_out_or_refused),
		cmocka_unit_test(what_passes_through_is_not_copied),
		cmocka_unit_test(floats_are_written_as_ruby_does),
		cmocka_unit_test(what_is_known_at_a_look_is_written_so),
	};
	int failed;

	arena_init(&arena, 4096);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_release(&arena);
	return failed;
}

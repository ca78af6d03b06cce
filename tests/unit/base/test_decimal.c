/*
 * test_decimal - the double is strtod's, bit for bit, and what is not of the usual form is left to it
 */
#include "watcher/base/base.h"
#include "watcher/base/decimal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define NUMBERS 2000000

static uint64_t seed = 88172645463325252u;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void same(const char *text)
{
	double have, want = strtod(text, NULL);

	if (!decimal_double(span_of(text), &have))
		fail_msg("%s is not of the usual form", text);
	if (memcmp(&have, &want, sizeof(want)) != 0)
		fail_msg("%s: %a, strtod says %a", text, have, want);
}

/* Up to 19 digits with a point before, behind or among them, and a sign or none. */
static void random_numbers(void **state UNUSED)
{
	char text[DECIMAL_DIGITS + 4];

	for (size_t i = 0; i < NUMBERS; i++) {
		size_t count = 1 + next() % DECIMAL_DIGITS, point = next() % (count + 1), n = 0;

		if (next() % 2)
			text[n++] = '-';
		for (size_t k = 0; k < count; k++) {
			if (k == point && k > 0)
				text[n++] = '.';
			text[n++] = (char)('0' + (next() % 4 ? next() % 10 : 0));
		}
		text[n] = '\0';
		same(text);
	}
}

/* A double and half a step above it stand in the middle of two; so does what is a digit beside them. */
static void middles(void **state UNUSED)
{
	static const char *const texts[] = {"9007199254740993", "9007199254740992", "9007199254740994", "9007199254740995",
					    "9007199254740993.0", "9007199254740993.001", "9007199254740992.999",
					    "18014398509481986", "18014398509481990", "4503599627370496.5",
					    "4503599627370497.5", "4503599627370496.501", "4503599627370496.499",
					    "9999999999999999999", "0.000000000000000001", "0", "-0", "0.0", "-0.0",
					    "1.000000000000000111", "0.1", "0.3", "73.480922761534406", "1125899906842624.125",
					    "1125899906842624.375"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		same(texts[i]);
	for (uint64_t n = 0; n < 100000; n++) {
		uint64_t odd = (UINT64_C(1) << 53) + 2 * (next() % (UINT64_C(1) << 52)) + 1;
		char text[24];

		snprintf(text, sizeof(text), "%llu", (unsigned long long)odd);
		same(text);
	}
}

static void left_to_strtod(void **state UNUSED)
{
	static const char *const texts[] = {"", "-", ".", "1.", ".5", "-.5", "+1", "1e3", "1.5e3", "1.2.3", "0x10", "12345678901234567890",
					    "1.2345678901234567890", "1 ", " 1", "1,5", "nan", "inf", "--1", "1-"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		double d;

		if (decimal_double(span_of(texts[i]), &d))
			fail_msg("%s is taken", texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_numbers),
		cmocka_unit_test(middles),
		cmocka_unit_test(left_to_strtod),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

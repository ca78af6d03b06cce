/* ulid: the specification's example, order, form */
#include "watcher/base/ulid.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* ulids of one process ascend, so the times of these tests ascend from test to test. */
static void test_time_part(void **state)
{
	static const struct {
		const char *name;
		int64_t input;
		const char *want;
	} rows[] = {
		{"the epoch", 0, "0000000000"},
		{"one", 1, "0000000001"},
		{"five bits", 31, "000000000Z"},
		{"six bits", 32, "0000000010"},
		{"of the specification's library", 1469918176385, "01ARYZ6S41"},
		{"of its test of order", 1469918176386, "01ARYZ6S42"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char out[ULID_TEXT];

		ulid_make(rows[i].input, out);
		if (strncmp(out, rows[i].want, 10) != 0)
			fail_msg("%s: %s", rows[i].name, out);
	}
}

static void test_ascending(void **state)
{
	char last[ULID_TEXT] = "", now[ULID_TEXT];

	(void)state;
	for (int64_t i = 0; i < 20000; i++) {
		/* many within a millisecond, and a clock that is set back */
		ulid_make(1795478462003 + i / 500 - (i % 2000 > 1500 ? 60000 : 0), now);
		assert_int_equal(strlen(now), 26);
		assert_true(ulid_valid(span_of(now)));
		assert_true(strcmp(last, now) < 0);
		memcpy(last, now, sizeof(last));
	}
}

static void test_random_part(void **state)
{
	char a[ULID_TEXT], b[ULID_TEXT];

	(void)state;
	ulid_make(1795479000000, a);
	ulid_make(1795479000001, b);
	assert_int_not_equal(strcmp(a + 10, b + 10), 0);
}

/* The largest time that 48 bits hold; the last test, nothing comes after it. */
static void test_last(void **state)
{
	char out[ULID_TEXT];

	(void)state;
	ulid_make(281474976710655, out);
	assert_int_equal(strncmp(out, "7ZZZZZZZZZ", 10), 0);
	assert_true(ulid_valid(span_of(out)));
}

static void test_valid(void **state)
{
	static const struct {
		const char *name;
		struct span input;
		bool want;
	} rows[] = {
		{"an id", {"01ARZ3NDEKTSV4RRFFQ69G5FAV", 26}, true},
		{"the largest", {"7ZZZZZZZZZZZZZZZZZZZZZZZZZ", 26}, true},
		{"zero", {"00000000000000000000000000", 26}, true},
		{"over 128 bits", {"80000000000000000000000000", 26}, false},
		{"too short", {"01ARZ3NDEKTSV4RRFFQ69G5FA", 25}, false},
		{"too long", {"01ARZ3NDEKTSV4RRFFQ69G5FAV0", 27}, false},
		{"small letters", {"01arz3ndektsv4rrffq69g5fav", 26}, false},
		{"I", {"01ARZ3NDEKTSV4RRFFQ69G5FAI", 26}, false},
		{"L", {"01ARZ3NDEKTSV4RRFFQ69G5FAL", 26}, false},
		{"O", {"01ARZ3NDEKTSV4RRFFQ69G5FAO", 26}, false},
		{"U", {"01ARZ3NDEKTSV4RRFFQ69G5FAU", 26}, false},
		{"a path", {"../../../../../../../../..", 26}, false},
		{"a NUL", {"01ARZ3NDEKTSV4RRFFQ69G5FA\0", 26}, false},
		{"a high byte first", {"\xff" "1ARZ3NDEKTSV4RRFFQ69G5FAV", 26}, false},
		{"nothing", {NULL, 0}, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (ulid_valid(rows[i].input) != rows[i].want)
			fail_msg("%s", rows[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time_part),   cmocka_unit_test(test_ascending),
		cmocka_unit_test(test_random_part), cmocka_unit_test(test_valid),
		cmocka_unit_test(test_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * map: against a plain list, and the hash against SipHash-1-3 as CPython computes it
 *
 * The source is included, so that the seed can be set: the vectors are hash(bytes(range(n))) of CPython 3.11 under
 * PYTHONHASHSEED=0, which is SipHash-1-3 with a key of zeros.
 */
#include "watcher/base/map.c"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void test_hash(void **state)
{
	static const struct {
		size_t input;
		uint64_t want;
	} rows[] = {
		{1, 0x68a914128e01e473u},  {2, 0x10bac45c41e3669u},   {7, 0x2f098ab0c751325au},
		{8, 0xead411e67ebe2eeau},  {9, 0x75927f9d95124362u},  {15, 0xf30eb725bb91c9eau},
		{16, 0x8972188433a5c5b7u}, {17, 0x4883c49a2c009c1du}, {63, 0x385d3e39e5f37359u},
		{64, 0x75e05fd5bbc870c6u},
	};
	char bytes[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	seed[0] = seed[1] = 0;
	seeded = true;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (map_hash((struct span){bytes, rows[i].input}) != rows[i].want)
			fail_msg("%zu bytes", rows[i].input);
	seeded = false;
}

static void test_seed_is_random(void **state)
{
	uint64_t a, b;

	(void)state;
	seeded = false;
	a = map_hash(SPAN_LITERAL("name"));
	assert_true(a == map_hash(SPAN_LITERAL("name")));
	seeded = false;
	b = map_hash(SPAN_LITERAL("name"));
	assert_true(a != b);
}

static void test_keys(void **state)
{
	static const struct {
		const char *name;
		struct span key;
	} rows[] = {
		{"empty", {"", 0}},
		{"text", {"abc", 3}},
		{"front of another", {"ab", 2}},
		{"with a NUL", {"abc\0", 4}},
		{"only a NUL", {"\0", 1}},
		{"no UTF-8", {"\xff\xfe", 2}},
	};
	static int values[ARRAY_LEN(rows)];
	struct map m;

	(void)state;
	map_init(&m);
	assert_null(map_get(&m, rows[0].key));
	assert_null(map_remove(&m, rows[0].key));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_null(map_put(&m, rows[i].key, &values[i]));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (map_get(&m, rows[i].key) != &values[i])
			fail_msg("%s", rows[i].name);
		assert_true(span_equal(map_key(&m, i), rows[i].key));
		assert_int_equal(map_key(&m, i).p[rows[i].key.n], 0);
		assert_ptr_equal(map_value(&m, i), &values[i]);
	}
	assert_ptr_equal(map_put(&m, rows[1].key, &values[5]), &values[1]);
	assert_int_equal(map_len(&m), ARRAY_LEN(rows));
	assert_ptr_equal(map_get(&m, (struct span){NULL, 0}), &values[0]);
	map_release(&m);
	assert_int_equal(map_len(&m), 0);
	map_release(&m);
}

static unsigned long long rng = 7;

static size_t random_below(size_t n)
{
	rng = rng * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(rng >> 33) % n;
}

/* Puts, gets and removes in any order, on few keys so that chains grow and close all the time. */
static void test_against_list(void **state)
{
	enum { KEYS = 400, STEPS = 200000 };
	static int cells[KEYS], other[KEYS];
	int *list[KEYS] = {NULL};
	size_t len = 0;
	struct map m;

	(void)state;
	map_init(&m);
	for (int step = 0; step < STEPS; step++) {
		size_t k = random_below(KEYS), what = random_below(3);
		char text[16];
		struct span key = {text, (size_t)snprintf(text, sizeof(text), "k%zu", k)};
		int *old = list[k];

		if (what == 0) {
			list[k] = random_below(2) ? &cells[k] : &other[k];
			assert_ptr_equal(map_put(&m, key, list[k]), old);
			len += old == NULL;
		} else if (what == 1) {
			assert_ptr_equal(map_remove(&m, key), old);
			len -= old != NULL;
			list[k] = NULL;
		} else {
			assert_ptr_equal(map_get(&m, key), old);
		}
		assert_int_equal(map_len(&m), len);
	}
	map_release(&m);
}

static void test_order_and_backward_removal(void **state)
{
	static int cells[1000];
	struct map m;

	(void)state;
	map_init(&m);
	for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
		char text[16];
		struct span key = {text, (size_t)snprintf(text, sizeof(text), "%zu", i)};

		map_put(&m, key, &cells[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(cells); i++)
		assert_ptr_equal(map_value(&m, i), &cells[i]);
	for (size_t i = map_len(&m); i-- > 0;)
		if (i % 2)
			map_remove(&m, map_key(&m, i));
	assert_int_equal(map_len(&m), 500);
	for (size_t i = 0; i < map_len(&m); i++)
		assert_int_equal(((int *)map_value(&m, i) - cells) % 2, 0);
	map_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_seed_is_random),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_against_list),
		cmocka_unit_test(test_order_and_backward_removal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

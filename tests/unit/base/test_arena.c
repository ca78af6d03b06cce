/* arena: alignment, no overlap, memory kept and given back */
#include "watcher/base/arena.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define KEEP (4u * 1024 * 1024)

static unsigned long long rng = 1;

static size_t random_below(size_t n)
{
	rng = rng * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(rng >> 33) % n;
}

/* Each piece is filled with its own byte; after all of them every piece still holds it. */
static void test_no_overlap(void **state)
{
	enum { PIECES = 2000 };
	static unsigned char *p[PIECES];
	static size_t n[PIECES];
	struct arena a;

	(void)state;
	arena_init(&a, 1000);
	for (int round = 0; round < 20; round++) {
		size_t sum = 0;

		for (size_t i = 0; i < PIECES; i++) {
			n[i] = random_below(50) == 0 ? random_below(5000) : random_below(100);
			p[i] = arena_alloc(&a, n[i]);
			assert_int_equal((uintptr_t)p[i] % 8, 0);
			memset(p[i], (int)(i & 255), n[i]);
			sum += n[i];
		}
		for (size_t i = 0; i < PIECES; i++)
			for (size_t k = 0; k < n[i]; k++)
				assert_int_equal(p[i][k], i & 255);
		assert_true(a.used >= sum && a.used < sum + 8 * PIECES);
		arena_reset(&a);
		assert_int_equal(a.used, 0);
	}
	arena_release(&a);
}

/* The second round of the same requests takes nothing more from malloc. */
static void test_steady(void **state)
{
	struct arena a;
	size_t total = 0;

	(void)state;
	arena_init(&a, 4096);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 50; i++) {
			arena_alloc(&a, 100);
			if (i % 10 == 5)
				arena_alloc(&a, 20000);
		}
		if (round == 1)
			total = a.total;
		if (round > 1)
			assert_int_equal(a.total, total);
		arena_reset(&a);
	}
	arena_release(&a);
}

/* Ever larger requests must not pile up what earlier ones left. */
static void test_growing_requests(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 1024);
	for (size_t n = 2000; n < 2 * KEEP; n += 40000) {
		arena_alloc(&a, 10);
		memset(arena_alloc(&a, n), 1, n);
		arena_reset(&a);
		assert_true(a.total <= KEEP);
	}
	arena_release(&a);
}

static void test_excess_is_given_back(void **state)
{
	static const struct {
		const char *name;
		size_t block, piece, count, want_max;
	} rows[] = {
		{"one huge block", 1024, 3 * KEEP, 1, 0},
		{"many normal blocks", 64 * 1024, 60 * 1024, 200, KEEP},
		{"blocks whose normal size is over the bound", 2 * KEEP, 100, 1, 2 * KEEP},
		{"under the bound nothing goes", 64 * 1024, 60 * 1024, 10, 640 * 1024},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena a;

		arena_init(&a, rows[i].block);
		for (size_t k = 0; k < rows[i].count; k++)
			arena_alloc(&a, rows[i].piece);
		arena_reset(&a);
		if (a.total != rows[i].want_max)
			fail_msg("%s: kept %zu", rows[i].name, a.total);
		memset(arena_alloc(&a, 100), 1, 100);
		arena_release(&a);
	}
}

static void test_text(void **state)
{
	struct arena a;
	struct span s;
	char *z;

	(void)state;
	arena_init(&a, 64);
	s = arena_span(&a, SPAN_LITERAL("a\0b"));
	assert_int_equal(s.n, 3);
	assert_memory_equal(s.p, "a\0b", 4);
	s = arena_span(&a, SPAN_NONE);
	assert_int_equal(s.n, 0);
	assert_string_equal(s.p, "");
	assert_string_equal(arena_strdup(&a, "text"), "text");
	s = arena_printf(&a, "%0300d", 7);
	assert_int_equal(s.n, 300);
	assert_int_equal(s.p[299], '7');
	assert_int_equal(s.p[300], 0);
	memset(arena_alloc(&a, 500), 0xee, 500);
	arena_reset(&a);
	z = arena_zalloc(&a, 500);
	for (int i = 0; i < 500; i++)
		assert_int_equal(z[i], 0);
	arena_release(&a);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_overlap),
		cmocka_unit_test(test_steady),
		cmocka_unit_test(test_growing_requests),
		cmocka_unit_test(test_excess_is_given_back),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

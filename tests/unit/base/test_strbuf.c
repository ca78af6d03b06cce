/* strbuf: growth, the NUL behind, formats longer than the room, detaching */
#include "watcher/base/strbuf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void test_empty(void **state)
{
	struct strbuf sb = STRBUF_INIT, other;

	(void)state;
	strbuf_init(&other);
	assert_non_null(sb.p);
	assert_string_equal(sb.p, "");
	assert_ptr_equal(sb.p, other.p);
	strbuf_reset(&sb);
	strbuf_cut(&sb, 0);
	strbuf_add(&sb, NULL, 0);
	assert_int_equal(sb.n, 0);
	assert_string_equal(sb.p, "");
	strbuf_release(&sb);
	strbuf_release(&sb);
	assert_int_equal(strbuf_empty[0], 0);
}

/* The buffer against a plain array, whatever the steps are. */
static void test_growth(void **state)
{
	static char want[70000];
	struct strbuf sb = STRBUF_INIT;
	size_t n = 0;

	(void)state;
	for (size_t step = 0; n + step < sizeof(want); step++) {
		memset(want + n, (int)('a' + step % 26), step);
		strbuf_add(&sb, want + n, step);
		n += step;
		assert_int_equal(sb.n, n);
		assert_int_equal(sb.p[n], 0);
		assert_true(sb.cap > n && sb.cap <= 4 * (n + 64));
	}
	assert_memory_equal(sb.p, want, n);
	strbuf_cut(&sb, 10);
	assert_int_equal(strlen(sb.p), 10);
	strbuf_reset(&sb);
	assert_string_equal(sb.p, "");
	assert_true(sb.cap > n);
	strbuf_release(&sb);
}

static void test_pieces(void **state)
{
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	strbuf_adds(&sb, "a");
	strbuf_addc(&sb, '\0');
	strbuf_addspan(&sb, SPAN_LITERAL("b\0c"));
	strbuf_addf(&sb, "%d%s", -7, "!");
	strbuf_adds(&sb, "");
	assert_int_equal(sb.n, 8);
	assert_memory_equal(sb.p, "a\0b\0c-7!", 9);
	assert_true(span_equal(strbuf_span(&sb), SPAN_LITERAL("a\0b\0c-7!")));
	strbuf_release(&sb);
}

/* Every length around the first and the second allocation. */
static void test_formats(void **state)
{
	(void)state;
	for (int front = 0; front < 70; front += 23) {
		for (int n = 0; n < 300; n++) {
			struct strbuf sb = STRBUF_INIT;

			strbuf_addf(&sb, "%*s", front, "");
			strbuf_addf(&sb, "%0*d", n, 0);
			assert_int_equal(sb.n, front + (n ? n : 1));
			assert_int_equal(strlen(sb.p), sb.n);
			strbuf_release(&sb);
		}
	}
}

static void test_detach(void **state)
{
	struct strbuf sb = STRBUF_INIT;
	char *p = strbuf_detach(&sb), *q;

	(void)state;
	assert_string_equal(p, "");
	assert_true(p != strbuf_empty);
	strbuf_adds(&sb, "mine");
	q = strbuf_detach(&sb);
	assert_string_equal(q, "mine");
	assert_int_equal(sb.n, 0);
	assert_ptr_equal(sb.p, strbuf_empty);
	free(p);
	free(q);
}

static void test_reserve(void **state)
{
	struct strbuf sb = STRBUF_INIT;
	char *p;

	(void)state;
	strbuf_reserve(&sb, 1000);
	assert_true(sb.cap >= 1001);
	assert_string_equal(sb.p, "");
	p = sb.p;
	for (int i = 0; i < 1000; i++)
		strbuf_addc(&sb, 'x');
	assert_ptr_equal(sb.p, p);
	strbuf_release(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_reserve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

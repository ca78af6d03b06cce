/*
 * test_due - whose turn it is, against a plain list; the source is included, so that a tenant's time is what the test says
 */
#include "watcher/arrival/due.c"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MANY 200
#define STEPS 20000

int64_t tenant_next(const struct tenant *t)
{
	return t->scan_at;
}

static struct tenant *earliest(struct tenant *t, const bool *in)
{
	struct tenant *found = NULL;

	for (size_t i = 0; i < MANY; i++)
		if (in[i] && (!found || t[i].scan_at < found->scan_at))
			found = &t[i];
	return found;
}

static void test_as_a_plain_list(void **state)
{
	static struct tenant t[MANY];
	static bool in[MANY];
	struct due d = {0};
	unsigned random = 1;

	(void)state;
	for (size_t step = 0; step < STEPS; step++) {
		size_t i = (random = random * 1103515245u + 12345u) / 65536 % MANY;
		struct tenant *first;

		if (step % 7 == 0 && in[i]) {
			due_remove(&d, &t[i]);
			in[i] = false;
		} else {
			/* all different: which of two equal ones comes first is nobody's business */
			t[i].scan_at = (int64_t)(random % 100000) * STEPS + (int64_t)step;
			due_set(&d, &t[i]);
			in[i] = true;
		}
		first = earliest(t, in);
		assert_int_equal(due_next(&d), first ? first->scan_at : INT64_MAX);
		if (!first || step % 3)
			continue;
		assert_null(due_take(&d, first->scan_at - 1));
		assert_ptr_equal(due_take(&d, first->scan_at), first);
		in[first - t] = false;
	}
	due_release(&d);
}

/* One that always has something to do comes again behind all the others that are due. */
static void test_a_busy_one_waits_for_its_turn(void **state)
{
	struct tenant t[4] = {0};
	struct due d = {0};

	(void)state;
	t[3].scan_at = 100;
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		due_set(&d, &t[i]);
	for (size_t round = 0; round < 5; round++) {
		bool had[4] = {false};

		for (size_t i = 0; i < 3; i++) {
			struct tenant *one = due_take(&d, 10);

			assert_non_null(one);
			assert_false(had[one - t]);
			had[one - t] = true;
			due_set(&d, one);
			assert_int_equal(due_next(&d), 0);
		}
		assert_false(had[3]);
	}
	/* one in the queue may go, and those that are left keep their order */
	due_remove(&d, &t[1]);
	t[0].scan_at = t[2].scan_at = 1000;
	for (struct tenant *one; (one = due_take(&d, 10));) {
		assert_true(one != &t[1]);
		due_set(&d, one);
	}
	assert_int_equal(due_next(&d), 100);
	due_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_a_plain_list),
		cmocka_unit_test(test_a_busy_one_waits_for_its_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

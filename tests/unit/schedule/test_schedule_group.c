/*
 * test_schedule_group - small files of one tenant are given to a worker together, and what comes of that
 */
#include "tests/unit/schedule/fake_daemon.h"

#define MANY 40

static void fill(struct job_of_test *j, size_t n, const char *tenant)
{
	for (size_t i = 0; i < n; i++)
		j[i] = (struct job_of_test){.tenant = tenant, .file = "ok", .bytes = 100};
}

static void test_10_7_many_small_files_at_once(void **state)
{
	struct job_of_test j[MANY];

	(void)state;
	fill(j, MANY, "alice");
	j[3].drop = true;
	j[4].refuse = true;
	begin(2, 0);
	grouping = true;
	schedule_tenant(s, "alice", 1);
	run_jobs(j, MANY);
	assert_int_equal(most_at_once, SCHEDULE_GROUP);
	assert_int_equal(schedule_workers(s), 1);
	assert_int_equal(schedule_running(s), 0);
	assert_int_equal(schedule_busy(s, "alice"), 0);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(j[i].results, i != 3 && i != 4);
	assert_int_equal(j[0].pid, j[MANY - 1].pid);
	end();
}

/* Its slot is one: those of another worker are left. */
static void test_10_7_a_group_takes_one_slot(void **state)
{
	struct job_of_test j[4 * MANY];

	(void)state;
	fill(j, 4 * MANY, "alice");
	begin(2, 0);
	grouping = true;
	schedule_tenant(s, "alice", 2);
	run_jobs(j, 4 * MANY);
	assert_true(most_at_once > SCHEDULE_GROUP && most_at_once <= 2 * SCHEDULE_GROUP);
	assert_int_equal(schedule_workers(s), 2);
	end();
}

static void test_10_7_few_are_spread(void **state)
{
	struct job_of_test j[SCHEDULE_GROUP_FROM - 1];

	(void)state;
	fill(j, ARRAY_LEN(j), "alice");
	begin(1, 0);
	grouping = true;
	run_jobs(j, ARRAY_LEN(j));
	assert_int_equal(most_at_once, 1);
	end();
}

/* One group goes before it and no more. */
static void test_10_7_another_waits_for_one_group(void **state)
{
	struct job_of_test j[4 * MANY];

	(void)state;
	fill(j, ARRAY_LEN(j), "alice");
	j[ARRAY_LEN(j) - 1].tenant = "bob";
	begin(1, 0);
	grouping = true;
	run_jobs(j, ARRAY_LEN(j));
	assert_in_range(j[ARRAY_LEN(j) - 1].begun, 1, SCHEDULE_GROUP + 1);
	end();
}

static bool name_of(void *ctx, const struct task *t, size_t position, int64_t wait_ms)
{
	(void)wait_ms;
	((char *)ctx)[position - 1] = t->tenant[0];
	return true;
}

static size_t changes(const char *turns)
{
	size_t n = 1;

	for (size_t i = 1; turns[i]; i++)
		n += turns[i] != turns[i - 1];
	return n;
}

/* Each of its files is charged: the next group is another's, and the forecast knows. */
static void test_10_7_groups_take_turns(void **state)
{
	enum { EACH = 2 * SCHEDULE_GROUP, ALL = 3 * EACH };
	static const char *const tenants[] = {"alice", "bob", "carol"};
	struct job_of_test j[ALL];
	char foretold[ALL + 1] = "", came[ALL + 1] = "";

	(void)state;
	for (size_t i = 0; i < 3; i++)
		fill(j + i * EACH, EACH, tenants[i]);
	begin(1, 0);
	grouping = true;
	queue_jobs(j, ALL);
	schedule_forecast(s, name_of, foretold);
	for (size_t i = 0; i < ALL; i++)
		schedule_remove(s, j[i].task);
	run_jobs(j, ALL);
	for (size_t i = 0; i < ALL; i++)
		came[j[i].begun - 1] = j[i].tenant[0];
	assert_string_equal(came, foretold);
	assert_int_equal(changes(came), 6);
	/* a process a group: alone each file would have its own */
	for (size_t i = 0; i < ALL; i++)
		assert_int_equal(j[i].pid, j[i / SCHEDULE_GROUP * SCHEDULE_GROUP].pid);
	end();
}

/* Nobody is blamed for what one of a group did: each goes alone then, and the death is its own. */
static void test_10_7_a_death_in_a_group(void **state)
{
	struct job_of_test j[20];

	(void)state;
	fill(j, ARRAY_LEN(j), "alice");
	for (size_t i = 0; i < ARRAY_LEN(j); i++)
		j[i].tries = 1;
	j[11].file = "segv";
	begin(1, 0);
	grouping = true;
	run_jobs(j, ARRAY_LEN(j));
	for (size_t i = 0; i < ARRAY_LEN(j); i++) {
		assert_int_equal(j[i].losts, i == 11 ? 2 : 1);
		assert_int_equal(j[i].results, i != 11);
		assert_int_equal(j[i].group, i == 11 ? 1 : ARRAY_LEN(j));
	}
	end();
}

/* What is taken from a worker of many is not the others' loss. */
static void take_ninth(struct job_of_test *j)
{
	struct job_of_test *other = j + 8;

	on_result = NULL;
	schedule_remove(s, other->task);
	leave(other);
	finish_one(other);
}

static void test_10_7_one_of_a_group_is_taken_away(void **state)
{
	struct job_of_test j[20];

	(void)state;
	fill(j, ARRAY_LEN(j), "alice");
	for (size_t i = 0; i < ARRAY_LEN(j); i++)
		j[i].tries = 1;
	begin(1, 0);
	grouping = true;
	on_result = take_ninth;
	run_jobs(j, ARRAY_LEN(j));
	for (size_t i = 0; i < ARRAY_LEN(j); i++) {
		assert_int_equal(j[i].results, i != 8);
		assert_true(j[i].losts == 0 || j[i].end.why == WORKER_KILLED);
	}
	end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_10_7_many_small_files_at_once),
		cmocka_unit_test(test_10_7_a_group_takes_one_slot),
		cmocka_unit_test(test_10_7_few_are_spread),
		cmocka_unit_test(test_10_7_another_waits_for_one_group),
		cmocka_unit_test(test_10_7_groups_take_turns),
		cmocka_unit_test(test_10_7_a_death_in_a_group),
		cmocka_unit_test(test_10_7_one_of_a_group_is_taken_away),
	};

	return run_group(argc, argv, tests, ARRAY_LEN(tests));
}

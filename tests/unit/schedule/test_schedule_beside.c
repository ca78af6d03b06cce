/*
 * test_schedule_beside - tasks whose worker takes no slot: those that stall, and the queue of those that will
 */
#include "tests/unit/schedule/fake_daemon.h"

/* One slot, a worker a tenant, and more that only wait than there is room for: those that work do not wait for any of them. */
static void test_beside(void **state)
{
	struct job_of_test j[SCHEDULE_BESIDE + 12] = {{0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(j); i++) {
		j[i] = (struct job_of_test){.tenant = i % 2 ? "bob" : "alice", .file = i < SCHEDULE_BESIDE + 2 ? "silent" : "ok"};
		j[i].beside = i < SCHEDULE_BESIDE - 1;
		j[i].stalls = !j[i].beside && i < SCHEDULE_BESIDE + 2;
	}
	begin(1, 2000);
	schedule_tenant(s, "alice", 1);
	schedule_tenant(s, "bob", 1);
	run_jobs(j, ARRAY_LEN(j));
	for (size_t i = 0; i < ARRAY_LEN(j); i++) {
		assert_int_equal(j[i].losts, i < SCHEDULE_BESIDE + 2);
		assert_int_equal(j[i].results, i >= SCHEDULE_BESIDE + 2);
		assert_int_equal(j[i].dead_before, 0);
	}
	/* those that stalled in a slot gave it away, whatever room there is beside */
	assert_true(most_at_once <= SCHEDULE_BESIDE + 3 && most_at_once > SCHEDULE_BESIDE);
	assert_true(schedule_workers(s) <= 1);
	assert_false(schedule_beside_full(s));
	end();
}

/* A queue of them: taken away, and the lane goes with the last one. */
static void test_beside_is_queued(void **state)
{
	struct job_of_test j[] = {{.tenant = "alice", .file = "ok"}};
	struct task *gone;

	(void)state;
	begin(1, 0);
	gone = schedule_add_beside(s, "bob", NULL, RESOURCES_MEDIUM);
	assert_int_equal(schedule_queued(s, "bob"), 1);
	schedule_forget(s, "bob");
	assert_int_equal(schedule_queued(s, NULL), 1);
	schedule_remove(s, gone);
	assert_int_equal(schedule_queued(s, NULL), 0);
	schedule_forget(s, "bob");
	j[0].beside = true;
	run_jobs(j, 1);
	assert_int_equal(j[0].results, 1);
	end();
}

/* A tenant with many that wait beside leaves the next room to another one's first. */
static void test_beside_is_in_turn(void **state)
{
	struct job_of_test j[3 * SCHEDULE_BESIDE + 1] = {{0}};
	size_t bob = ARRAY_LEN(j) - 1;

	(void)state;
	for (size_t i = 0; i < bob; i++)
		j[i] = (struct job_of_test){.tenant = "alice", .file = "ok", .beside = true};
	j[bob] = (struct job_of_test){.tenant = "bob", .file = "ok", .beside = true};
	begin(1, 0);
	run_jobs(j, ARRAY_LEN(j));
	assert_int_equal(j[bob].results, 1);
	/* alice's first began before it, and no second */
	assert_int_equal(j[bob].begun, 2);
	end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_beside),
		cmocka_unit_test(test_beside_is_queued),
		cmocka_unit_test(test_beside_is_in_turn),
	};

	return run_group(argc, argv, tests, ARRAY_LEN(tests));
}

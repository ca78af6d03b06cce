/*
 * test_schedule_beside - tasks whose worker takes no slot: those that stall, and the queue of those that will
 */
#include "tests/unit/schedule/fake_daemon.h"

#define WAITING (SCHEDULE_BESIDE + 2)
static struct job_of_test waits_or_works[WAITING + 10];
static size_t worked;

/* Not one of those that wait has ended, or ends by itself, when all that work are through. */
static void end_those_that_wait(struct job_of_test *j)
{
	(void)j;
	if (++worked < ARRAY_LEN(waits_or_works) - WAITING)
		return;
	for (size_t i = 0; i < WAITING; i++) {
		assert_non_null(waits_or_works[i].task->worker);
		schedule_remove(s, waits_or_works[i].task);
		leave(&waits_or_works[i]);
		finish_one(&waits_or_works[i]);
	}
}

/* One slot, a worker a tenant, and more that only wait than there is room for: those that work do not wait for any of them. */
static void test_beside(void **state)
{
	struct job_of_test *j = waits_or_works;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(waits_or_works); i++) {
		j[i] = (struct job_of_test){.tenant = i % 2 ? "bob" : "alice", .file = i < WAITING ? "silent" : "ok"};
		j[i].beside = i < SCHEDULE_BESIDE - 1;
		j[i].stalls = !j[i].beside && i < WAITING;
	}
	begin(1, 0);
	worked = 0;
	on_result = end_those_that_wait;
	schedule_tenant(s, "alice", 1);
	schedule_tenant(s, "bob", 1);
	run_jobs(j, ARRAY_LEN(waits_or_works));
	for (size_t i = 0; i < ARRAY_LEN(waits_or_works); i++) {
		assert_int_equal(j[i].results, i >= WAITING);
		assert_int_equal(j[i].losts, 0);
	}
	/* those that stalled in a slot gave it away, whatever room there is beside */
	assert_int_equal(most_at_once, WAITING + 1);
	while (schedule_workers(s) > 1)
		ev_run(EV_DEFAULT, EVRUN_ONCE);
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

/* Of many tenants, and none may begin now: there are never more processes than slots and room beside for it. */
static void test_refused_beside(void **state)
{
	struct job_of_test j[40] = {{0}};
	char names[ARRAY_LEN(j)][16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(j); i++) {
		snprintf(names[i], sizeof(names[i]), "tenant-%zu", i);
		j[i] = (struct job_of_test){.tenant = names[i], .file = "ok", .beside = true, .refuse = true};
	}
	begin(1, 0);
	run_jobs(j, ARRAY_LEN(j));
	assert_true(schedule_workers(s) <= 1 + SCHEDULE_BESIDE);
	for (int i = 0; i < 1000 && schedule_workers(s) > 1; i++)
		ev_run(EV_DEFAULT, EVRUN_ONCE);
	assert_true(schedule_workers(s) <= 1);
	end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_beside),
		cmocka_unit_test(test_beside_is_queued),
		cmocka_unit_test(test_beside_is_in_turn),
		cmocka_unit_test(test_refused_beside),
	};

	return run_group(argc, argv, tests, ARRAY_LEN(tests));
}

/*
 * test_schedule - real processes, a fake worker and a fake daemon
 */
#include "tests/unit/schedule/fake_daemon.h"
#include <sys/resource.h>

static void test_one(void **state)
{
	struct job_of_test j[] = {{.tenant = "alice", .file = "ok"}};

	(void)state;
	begin(2, 0);
	run_jobs(j, 1);
	assert_int_equal(j[0].results, 1);
	assert_int_equal(schedule_running(s), 0);
	assert_int_equal(schedule_workers(s), 1);
	end();
}

static void test_unwrap_in_both_passes(void **state)
{
	struct job_of_test j[] = {{.tenant = "alice", .file = "unwrap"}};

	(void)state;
	begin(2, 0);
	run_jobs(j, 1);
	assert_int_equal(j[0].results, 1);
	assert_int_equal(j[0].unwraps, 4);
	end();
}

static void test_worker_is_kept(void **state)
{
	struct job_of_test j[] = {{.tenant = "alice", .file = "ok"},
				  {.tenant = "alice", .file = "drop", .drop = true},
				  {.tenant = "alice", .file = "ok"}};

	(void)state;
	begin(2, 0);
	schedule_tenant(s, "alice", 1);
	run_jobs(j, 3);
	assert_int_equal(j[0].pid, j[1].pid);
	assert_int_equal(j[0].pid, j[2].pid);
	assert_int_equal(j[1].results, 0);
	end();
}

static void test_max_workers(void **state)
{
	struct job_of_test j[12] = {{0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(j); i++)
		j[i] = (struct job_of_test){.tenant = i % 2 ? "bob" : "alice", .file = "ok"};
	begin(2, 0);
	schedule_tenant(s, "alice", 1);
	schedule_tenant(s, "bob", 1);
	run_jobs(j, ARRAY_LEN(j));
	assert_int_equal(tenant_most, 1);
	assert_true(most_at_once <= 2);
	for (size_t i = 0; i < ARRAY_LEN(j); i++)
		assert_int_equal(j[i].results, 1);
	end();
}

/* One slot: a worker that may not reach what the next task needs ends, and another one serves it; what cannot be had is no worker's. */
static void test_worker_of_its_reach(void **state)
{
	struct job_of_test j[] = {{.tenant = "alice", .file = "ok", .port = 9200},
				  {.tenant = "alice", .file = "ok", .port = 9200},
				  {.tenant = "alice", .file = "ok", .beyond = true},
				  {.tenant = "alice", .file = "ok", .port = 9201}};

	(void)state;
	begin(1, 0);
	run_jobs(j, ARRAY_LEN(j));
	assert_int_equal(j[0].pid, j[1].pid);
	assert_int_not_equal(j[1].pid, j[3].pid);
	assert_int_equal(j[2].pid, 0);
	assert_int_equal(j[0].results + j[1].results + j[3].results, 3);
	assert_int_equal(most_at_once, 1);
	end();
}

/* One slot, three tenants: idle workers give way, each tenant has processes of its own. */
static void test_slot_changes_hands(void **state)
{
	struct job_of_test j[9] = {{0}};
	static const char *const names[] = {"alice", "bob", "carol"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(j); i++)
		j[i] = (struct job_of_test){.tenant = names[i % 3], .file = "ok"};
	begin(1, 0);
	run_jobs(j, ARRAY_LEN(j));
	assert_int_equal(most_at_once, 1);
	for (size_t i = 0; i < ARRAY_LEN(j); i++) {
		assert_int_equal(j[i].results, 1);
		for (size_t k = 0; k < i; k++)
			if (i % 3 != k % 3)
				assert_int_not_equal(j[i].pid, j[k].pid);
	}
	end();
}

static const struct {
	const char *file;
	enum worker_why why;
	bool counts;
} deaths[] = {
	{"segv", WORKER_CRASHED, true},	   {"kill", WORKER_KILLED, false}, {"exit", WORKER_EXITED, false},
	{"babble", WORKER_BABBLED, false}, {"early", WORKER_BABBLED, false}, {"stranger", WORKER_BABBLED, false},
	{"gives key", WORKER_BABBLED, false},
	{"silent", WORKER_SILENT, false},
};

static void test_deaths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(deaths); i++) {
		struct job_of_test j[] = {{.tenant = "alice", .file = deaths[i].file, .tries = 1},
					  {.tenant = "bob", .file = "ok"}};

		begin(2, 300);
		run_jobs(j, 2);
		if (j[0].losts != 2 || j[0].results || j[0].end.why != deaths[i].why ||
		    worker_end_counts(&j[0].end) != deaths[i].counts)
			fail_msg("%s: lost %d times, why %d: %s", deaths[i].file, j[0].losts, j[0].end.why,
				 j[0].end.text);
		assert_int_equal(j[1].results, 1);
		assert_int_equal(dead, 2);
		end();
	}
}

static void test_result_before_death(void **state)
{
	struct job_of_test j[] = {{.tenant = "alice", .file = "last"}};

	(void)state;
	begin(1, 0);
	run_jobs(j, 1);
	assert_int_equal(j[0].results, 1);
	assert_int_equal(j[0].losts, 0);
	end();
}

static void test_stderr_is_heard(void **state)
{
	struct job_of_test j[] = {{.tenant = "alice", .file = "noise"}, {.tenant = "bob", .file = "ok"},
				  {.tenant = "alice", .file = "ok"}};

	(void)state;
	begin(1, 0);
	run_jobs(j, 3); /* bob needs the slot: alice's worker ends, and what it wrote was read */
	assert_string_equal(heard, "[one line][and \033[31manother]");
	end();
}

static void test_begin_refuses(void **state)
{
	struct job_of_test j[] = {{.tenant = "alice", .file = "ok", .refuse = true},
				  {.tenant = "alice", .file = "ok"}};

	(void)state;
	begin(1, 0);
	run_jobs(j, 2);
	assert_int_equal(j[0].results, 0);
	assert_int_equal(j[1].results, 1);
	end();
}

static void test_descriptors_come_back(void **state)
{
	struct job_of_test j[10] = {{0}};
	int before = dup(0), after;

	(void)state;
	close(before);
	for (size_t i = 0; i < ARRAY_LEN(j); i++)
		j[i] = (struct job_of_test){.tenant = i % 2 ? "bob" : "alice", .file = i % 3 ? "ok" : "segv"};
	begin(1, 0);
	run_jobs(j, ARRAY_LEN(j));
	end();
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

static void test_remove_and_pause(void **state)
{
	struct job_of_test j[] = {{.tenant = "alice", .file = "ok"}, {.tenant = "alice", .file = "ok"}};
	struct task *gone;

	(void)state;
	begin(1, 0);
	schedule_pause(s, true);
	gone = schedule_add(s, "alice", &j[0], RESOURCES_MEDIUM, false);
	schedule_run(s);
	assert_int_equal(schedule_running(s), 0);
	assert_int_equal(schedule_queued(s, "alice"), 1);
	schedule_remove(s, gone);
	assert_int_equal(schedule_queued(s, NULL), 0);
	schedule_pause(s, false);
	run_jobs(j, 2);
	assert_int_equal(j[1].results, 1);
	end();
}

/* Her idle worker may not reach what comes next, and no other can be started: the loop goes on meanwhile, and so does everybody else. */
static void test_start_fails_beside_an_idle_one(void **state)
{
	struct job_of_test first[] = {{.tenant = "alice", .file = "ok", .port = 9200}, {.tenant = "bob", .file = "ok"}};
	struct job_of_test j[] = {{.tenant = "alice", .file = "ok", .port = 9201}, {.tenant = "bob", .file = "ok"}};
	struct rlimit had, none;

	(void)state;
	begin(3, 0);
	run_jobs(first, ARRAY_LEN(first));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &had), 0);
	none = had;
	none.rlim_cur = 5;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	j[0].task = schedule_add(s, "alice", &j[0], RESOURCES_MEDIUM, false);
	alarm(10);
	schedule_run(s);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &had), 0);
	assert_non_null(schedule_trouble(s));
	j[1].task = schedule_add(s, "bob", &j[1], RESOURCES_MEDIUM, false);
	schedule_run(s);
	alarm(0);
	assert_int_equal(schedule_queued(s, "alice"), 1);
	assert_int_equal(schedule_running(s), 1);
	open_jobs = ARRAY_LEN(j);
	ev_run(EV_DEFAULT, 0);
	assert_false(timed_out);
	for (size_t i = 0; i < ARRAY_LEN(j); i++)
		assert_int_equal(j[i].results, 1);
	end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_unwrap_in_both_passes),
		cmocka_unit_test(test_worker_is_kept),
		cmocka_unit_test(test_max_workers),
		cmocka_unit_test(test_worker_of_its_reach),
		cmocka_unit_test(test_slot_changes_hands),
		cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_result_before_death),
		cmocka_unit_test(test_stderr_is_heard),
		cmocka_unit_test(test_begin_refuses),
		cmocka_unit_test(test_descriptors_come_back),
		cmocka_unit_test(test_remove_and_pause),
		cmocka_unit_test(test_start_fails_beside_an_idle_one),
	};

	return run_group(argc, argv, tests, ARRAY_LEN(tests));
}

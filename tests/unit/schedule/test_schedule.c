/*
 * test_schedule - real processes, a fake worker (fake_worker.h): this program itself, when it is called ingest-worker
 */
#include "tests/unit/schedule/fake_worker.h"
#include "watcher/schedule/schedule.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* --- the daemon's side --- */

struct job_of_test {
	const char *tenant;
	const char *file;
	struct task *task;
	int results, losts, unwraps;
	struct worker_end end;
	bool drop;
	bool refuse; /* begin says no */
	bool beyond; /* what it reaches cannot be had */
	unsigned port; /* it reaches that; 0: none */
	int tries;   /* added again so often when lost */
	bool beside; /* queued so */
	bool stalls; /* becomes so when it has begun */
	int dead_before; /* its result */
	pid_t pid;
};

static struct schedule *s;
static struct job_of_test *jobs_now;
static size_t job_count;
static size_t open_jobs;
static size_t at_once, most_at_once;
static size_t tenant_now, tenant_most; /* of "alice" */
static char heard[512];
static int dead;
static ev_prepare prepare;
static ev_timer limit;
static bool timed_out;

static void finish_one(struct job_of_test *j)
{
	j->task = NULL;
	if (--open_jobs == 0)
		ev_break(EV_DEFAULT, EVBREAK_ALL);
}

static int on_reach(void *ctx, struct task *t, struct reach *r)
{
	struct job_of_test *j = t->owner;

	(void)ctx;
	if (j->port)
		reach_port(r, j->port);
	if (!j->beyond)
		return 0;
	finish_one(j);
	return -1;
}

static int on_begin(void *ctx, struct task *t, struct message *m, int fds[MESSAGE_FD_COUNT])
{
	struct job_of_test *j = t->owner;

	(void)ctx;
	if (j->refuse) {
		finish_one(j);
		return -1;
	}
	snprintf(m->arrival, sizeof(m->arrival), "01M85P8SAH5NWN36TH784ZGC%c%c", 'A',
		 "0123456789ABCDEFGHJKMNPQ"[j - jobs_now]);
	m->tenant = xstrdup(j->tenant);
	m->file = xstrdup(j->file);
	memset(m->version, 'v', VERSION_HASH - 1);
	m->claimed_ms = 1;
	m->sink.name = xstrdup("local");
	m->sink.path = xstrdup("/nowhere");
	for (size_t i = 0; i < MESSAGE_FD_COUNT; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (j->stalls)
		schedule_beside(s, t, true);
	at_once++;
	if (at_once > most_at_once)
		most_at_once = at_once;
	if (strcmp(j->tenant, "alice") == 0 && ++tenant_now > tenant_most)
		tenant_most = tenant_now;
	return 0;
}

static void leave(const struct job_of_test *j)
{
	at_once--;
	if (strcmp(j->tenant, "alice") == 0)
		tenant_now--;
}

static void on_message(void *ctx, struct task *t, const struct message *m)
{
	struct job_of_test *j = t->owner;
	struct fault f = FAULT_INIT;
	struct message answer;

	(void)ctx;
	if (m->type == MESSAGE_RESULT) {
		j->results++;
		j->dead_before = dead;
		leave(j);
		finish_one(j);
		return;
	}
	if (m->type == MESSAGE_UNWRAP) {
		message_init(&answer, MESSAGE_KEY);
		memcpy(answer.arrival, m->arrival, sizeof(answer.arrival));
		answer.has_file_key = m->stanzas[0].share[0] == 1;
		assert_int_equal(schedule_tell(s, t, &answer, &f), 0);
		message_release(&answer);
		j->unwraps++;
		return;
	}
	if (m->type != MESSAGE_GATED)
		return;
	j->pid = t->worker->pid;
	message_init(&answer, j->drop ? MESSAGE_DROP : MESSAGE_LOAD);
	memcpy(answer.arrival, m->arrival, sizeof(answer.arrival));
	if (!j->drop)
		answer.index = xstrdup("alice-x");
	assert_int_equal(schedule_tell(s, t, &answer, &f), 0);
	message_release(&answer);
	if (j->drop) {
		leave(j);
		finish_one(j);
	}
}

static void on_lost(void *ctx, struct task *t, const struct worker_end *end)
{
	struct job_of_test *j = t->owner;

	(void)ctx;
	j->losts++;
	j->end = *end;
	leave(j);
	if (j->tries-- > 0)
		j->task = schedule_add(s, j->tenant, j, false);
	else
		finish_one(j);
}

static void on_died(void *ctx, const char *tenant, pid_t pid, const struct worker_end *end)
{
	(void)ctx;
	(void)tenant;
	(void)pid;
	(void)end;
	dead++;
}

static void on_said(void *ctx, const char *tenant, pid_t pid, struct span line)
{
	size_t n = strlen(heard);

	(void)ctx;
	(void)tenant;
	(void)pid;
	snprintf(heard + n, sizeof(heard) - n, "[%.*s]", SPAN_FMT(line));
}

static void on_trouble(void *ctx, const struct fault *f)
{
	(void)ctx;
	(void)f;
}

static void on_prepare(struct ev_loop *loop, ev_prepare *p, int events)
{
	(void)loop;
	(void)p;
	(void)events;
	schedule_run(s);
}

static void on_limit(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)t;
	(void)events;
	timed_out = true;
	ev_break(loop, EVBREAK_ALL);
}

static void begin(unsigned slots, int64_t silence_ms)
{
	static const struct schedule_ops ops = {on_reach, on_begin, on_message, on_lost, on_died, on_said, on_trouble};
	struct schedule_options o = {.program = "/proc/self/exe", .slots = slots, .silence_ms = silence_ms};
	struct fault f = FAULT_INIT;

	at_once = most_at_once = tenant_now = tenant_most = 0;
	heard[0] = '\0';
	dead = 0;
	timed_out = false;
	assert_int_equal(schedule_new(EV_DEFAULT, &o, &ops, NULL, &s, &f), 0);
	ev_prepare_init(&prepare, on_prepare);
	ev_prepare_start(EV_DEFAULT, &prepare);
	ev_timer_init(&limit, on_limit, 20., 0.);
	ev_timer_start(EV_DEFAULT, &limit);
}

static void run_jobs(struct job_of_test *jobs, size_t n)
{
	jobs_now = jobs;
	job_count = open_jobs = n;
	for (size_t i = 0; i < n; i++)
		jobs[i].task = jobs[i].beside ? schedule_add_beside(s, jobs[i].tenant, &jobs[i]) :
						schedule_add(s, jobs[i].tenant, &jobs[i], false);
	ev_run(EV_DEFAULT, 0);
	assert_false(timed_out);
}

static void end(void)
{
	ev_prepare_stop(EV_DEFAULT, &prepare);
	ev_timer_stop(EV_DEFAULT, &limit);
	schedule_free(&s);
}

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
	gone = schedule_add_beside(s, "bob", NULL);
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
	gone = schedule_add(s, "alice", &j[0], false);
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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_unwrap_in_both_passes),
		cmocka_unit_test(test_worker_is_kept),
		cmocka_unit_test(test_max_workers),
		cmocka_unit_test(test_worker_of_its_reach),
		cmocka_unit_test(test_slot_changes_hands),
		cmocka_unit_test(test_beside),
		cmocka_unit_test(test_beside_is_queued),
		cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_result_before_death),
		cmocka_unit_test(test_stderr_is_heard),
		cmocka_unit_test(test_begin_refuses),
		cmocka_unit_test(test_descriptors_come_back),
		cmocka_unit_test(test_remove_and_pause),
	};

	if (argc > 0 && strcmp(argv[0], "ingest-worker") == 0)
		fake_worker();
	signal(SIGPIPE, SIG_IGN);
	(void)EV_DEFAULT; /* its descriptors are there before any test counts */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

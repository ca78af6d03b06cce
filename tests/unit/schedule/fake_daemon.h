/*
 * fake_daemon - the daemon's side of a schedule: jobs that are queued, answered and counted until all are over
 *
 * begin(slots, silence_ms); run_jobs(jobs, n); end(): real processes, a fake worker (fake_worker.h), which is the test program itself
 * when it is called ingest-worker.
 */
#ifndef TEST_SCHEDULE_FAKE_DAEMON_H
#define TEST_SCHEDULE_FAKE_DAEMON_H

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
	size_t begun;	 /* as the how manieth of all */
	uint64_t bytes;
	enum resources resources;
	pid_t pid;
	unsigned group; /* it was lost in one of so many */
};

static struct schedule *s;
static size_t open_jobs;
static size_t at_once, most_at_once, begun;
static size_t tenant_now, tenant_most; /* of "alice" */
static char heard[512];
static int dead;
static ev_prepare prepare;
static ev_timer limit;
static bool timed_out;
static bool grouping; /* what was never lost may be of a group */

static void (*on_result)(struct job_of_test *j); /* NULL: nothing more */

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
	static const char letters[] = "0123456789ABCDEFGHJKMNPQ";
	struct job_of_test *j = t->owner;

	(void)ctx;
	if (j->refuse) {
		finish_one(j);
		return -1;
	}
	snprintf(m->arrival, sizeof(m->arrival), "01M85P8SAH5NWN36TH784ZGC%c%c", letters[begun / 24 % 24],
		 letters[begun % 24]);
	m->tenant = xstrdup(j->tenant);
	m->file = xstrdup(j->file);
	memset(m->version, 'v', VERSION_HASH - 1);
	m->claimed_ms = 1;
	m->bytes = j->bytes;
	m->sink.name = xstrdup("local");
	m->sink.path = xstrdup("/nowhere");
	for (size_t i = 0; i < MESSAGE_FD_COUNT; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (j->stalls)
		schedule_beside(s, t, true);
	j->begun = ++begun;
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
		leave(j);
		if (on_result)
			on_result(j);
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
	/* one of a group may be dead by another one: lost follows */
	if (schedule_tell(s, t, &answer, &f) < 0)
		assert_true(t->group > 1);
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
	j->group = t->group;
	j->end = *end;
	leave(j);
	if (j->tries-- > 0)
		j->task = schedule_add(s, j->tenant, j, RESOURCES_MEDIUM, false);
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

static bool on_joins(void *ctx, const struct task *first, const struct task *t)
{
	const struct job_of_test *j = t->owner;

	(void)ctx;
	(void)first;
	return grouping && !j->losts;
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
	static const struct schedule_ops ops = {on_reach, on_begin, on_message, on_lost, on_died, on_said, on_trouble, on_joins};
	struct schedule_options o = {.program = "/proc/self/exe", .slots = slots, .silence_ms = silence_ms, .any_memory = true};
	struct fault f = FAULT_INIT;

	begun = at_once = most_at_once = tenant_now = tenant_most = 0;
	heard[0] = '\0';
	dead = 0;
	on_result = NULL;
	timed_out = grouping = false;
	assert_int_equal(schedule_new(EV_DEFAULT, &o, &ops, NULL, &s, &f), 0);
	ev_prepare_init(&prepare, on_prepare);
	ev_prepare_start(EV_DEFAULT, &prepare);
	ev_timer_init(&limit, on_limit, 20., 0.);
	ev_timer_start(EV_DEFAULT, &limit);
}

static inline void queue_jobs(struct job_of_test *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		jobs[i].task = schedule_add(s, jobs[i].tenant, &jobs[i], RESOURCES_MEDIUM, false);
		jobs[i].task->bytes = jobs[i].bytes;
	}
}

static void run_jobs(struct job_of_test *jobs, size_t n)
{
	open_jobs = n;
	for (size_t i = 0; i < n; i++) {
		jobs[i].task = jobs[i].beside ? schedule_add_beside(s, jobs[i].tenant, &jobs[i], jobs[i].resources) :
						schedule_add(s, jobs[i].tenant, &jobs[i], jobs[i].resources, false);
		jobs[i].task->bytes = jobs[i].bytes;
	}
	ev_run(EV_DEFAULT, 0);
	assert_false(timed_out);
}

static void end(void)
{
	ev_prepare_stop(EV_DEFAULT, &prepare);
	ev_timer_stop(EV_DEFAULT, &limit);
	schedule_free(&s);
}

/* Every test program's main. */
static int run_group(int argc, char **argv, const struct CMUnitTest *tests, size_t n)
{
	if (argc > 0 && strcmp(argv[0], "ingest-worker") == 0)
		fake_worker();
	signal(SIGPIPE, SIG_IGN);
	(void)EV_DEFAULT; /* its descriptors are there before any test counts */
	return _cmocka_run_group_tests("schedule", tests, n, NULL, NULL);
}

#endif

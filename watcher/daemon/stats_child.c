/*
 * stats_child - statistics of the journal, made by a child; see the header
 *
 * Called by main and views.  Owns the children, their pipes and the answers that wait for them.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/stats_child.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/daemon/disk_usage.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/refusal.h"
#include "watcher/schedule/spawn.h"
#include "watcher/spool/stats.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUNNING_MAX 2
#define CHILD_SECONDS 50 /* the API's answer has a minute */
#define ANSWER_MAX (16u * 1024 * 1024)

/* --- which time --- */

static int take_time(const char *name, const char *text, int64_t otherwise, int64_t *ms, struct fault *f)
{
	*ms = otherwise;
	if (text && !clock_parse(text, ms))
		return fault_set(f, FAULT_CONFIG, "%s \"%.40s\" is no time; " CLOCK_FORMS " are", name, text);
	return 0;
}

static int take_query(const char *tenant, const char *since, const char *until, struct stats_query *q, struct fault *f)
{
	q->tenant = tenant;
	if (take_time("until", until, clock_now_ms(), &q->until_ms, f) < 0 ||
	    take_time("since", since, q->until_ms - CLOCK_DAY_MS, &q->since_ms, f) < 0)
		return -1;
	if (q->since_ms >= q->until_ms)
		return fault_set(f, FAULT_CONFIG, "since must be before until");
	return 0;
}

/* --- the child --- */

int stats_print(const struct config *c, const struct options *o)
{
	char *path = xasprintf("%s/journal.db", c->state);
	struct strbuf out = STRBUF_INIT;
	struct journal *j = NULL;
	struct fault f = FAULT_INIT;
	struct stats_query q;
	struct stats s = {0};
	int r = take_query(o->tenant, o->since, o->until, &q, &f);

	if (r == 0)
		r = journal_open_read(path, &j, &f);
	if (r == 0)
		r = stats_read(j, &q, &s, &f);
	if (r == 0) {
		stats_add_json(&out, &s);
		puts(out.p);
		stats_release(&s);
	} else {
		fprintf(stderr, "ingestd: %s\n", f.text);
	}
	journal_free(&j);
	strbuf_release(&out);
	free(path);
	return r < 0 ? EXIT_COULD_NOT : EXIT_WORKED;
}

/* --- the daemon's side --- */

struct stats_ask {
	struct stats_ask *next;
	struct ingestd *d;
	struct admin_reply *reply;
	char *tenant;
	char since[CLOCK_TEXT], until[CLOCK_TEXT];
	pid_t pid; /* 0: it waits for its turn */
	int pipe;
	ev_io io;
	ev_child child;
	struct strbuf said;
};

static void free_ask(struct stats_ask *a)
{
	if (a->pid) {
		ev_io_stop(a->d->loop, &a->io);
		ev_child_stop(a->d->loop, &a->child);
	}
	fs_close(&a->pipe);
	strbuf_release(&a->said);
	free(a->tenant);
	free(a);
}

static void start_waiting(struct ingestd *d);

static void end_ask(struct stats_ask *a, bool ok)
{
	struct ingestd *d = a->d;
	struct stats_ask **at = &d->stats.first;
	struct fault f = FAULT_INIT;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	if (a->pid)
		d->stats.running--;
	if (ok) {
		admin_answer(a->reply, 200, &a->said, NULL);
	} else {
		fault_set(&f, FAULT_TEMPORARY, "the journal could not be read to its end within %d seconds", CHILD_SECONDS);
		admin_answer(a->reply, 503, NULL, &f);
	}
	free_ask(a);
}

static void take_said(struct stats_ask *a)
{
	char part[65536];
	ssize_t n;

	while ((n = read(a->pipe, part, sizeof(part))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0 && a->said.n <= ANSWER_MAX)
			strbuf_add(&a->said, part, (size_t)n);
	if (n == 0)
		ev_io_stop(a->d->loop, &a->io);
}

static void on_said(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	take_said(io->data);
}

static void on_ended(struct ev_loop *loop, ev_child *w, int events)
{
	struct stats_ask *a = w->data;
	struct ingestd *d = a->d;
	int status = w->rstatus;

	(void)loop;
	(void)events;
	take_said(a);
	if (a->said.n && a->said.p[a->said.n - 1] == '\n')
		strbuf_cut(&a->said, a->said.n - 1);
	end_ask(a, WIFEXITED(status) && WEXITSTATUS(status) == EXIT_WORKED && a->said.n <= ANSWER_MAX);
	start_waiting(d);
}

/* With nothing of ours but the pipe. */
static void become(const struct stats_ask *a, int out)
{
	char *since = xasprintf("--since=%s", a->since), *until = xasprintf("--until=%s", a->until);
	char *tenant = a->tenant ? xasprintf("--tenant=%s", a->tenant) : NULL;
	char name[] = "ingestd", config[] = "-c", mode[] = "--stats";
	char *argv[] = {name, config, a->d->config->file, mode, since, until, tenant, NULL};
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	disk_usage_become_child();
	(void)alarm(CHILD_SECONDS);
	if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 2) < 0 || dup2(out, 1) < 0)
		_exit(EXIT_COULD_NOT);
	closefrom(3);
	execve("/proc/self/exe", argv, spawn_environment());
	_exit(EXIT_COULD_NOT);
}

static int start(struct stats_ask *a)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid = fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? -1 : fork();
	if (pid == 0)
		become(a, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -1;
	}
	a->pid = pid;
	a->pipe = ends[0];
	a->d->stats.running++;
	ev_io_init(&a->io, on_said, a->pipe, EV_READ);
	ev_child_init(&a->child, on_ended, pid, 0);
	a->io.data = a->child.data = a;
	ev_io_start(a->d->loop, &a->io);
	ev_child_start(a->d->loop, &a->child);
	return 0;
}

static void start_waiting(struct ingestd *d)
{
	struct stats_ask *next;

	for (struct stats_ask *a = d->stats.first; a && d->stats.running < RUNNING_MAX; a = next) {
		next = a->next;
		if (!a->pid && start(a) < 0)
			end_ask(a, false);
	}
}

unsigned views_stats(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	const char *tenant = args->query(args, "tenant");
	struct stats_ask **at = &d->stats.first;
	struct stats_ask *a;
	struct stats_query q;

	(void)out;
	if (tenant && !admin_sees(args, tenant))
		return refusal_no_such(f, "tenant", tenant);
	if (take_query(args->scope ? args->scope : tenant, args->query(args, "since"), args->query(args, "until"), &q, f) < 0)
		return 400;
	a = xcalloc(1, sizeof(*a));
	a->d = d;
	a->pipe = -1;
	a->tenant = q.tenant ? xstrdup(q.tenant) : NULL;
	clock_format(q.since_ms, a->since);
	clock_format(q.until_ms, a->until);
	strbuf_init(&a->said);
	a->reply = admin_defer(args);
	while (*at)
		at = &(*at)->next;
	*at = a;
	start_waiting(d);
	return ADMIN_DEFERRED;
}

void stats_child_release(struct ingestd *d)
{
	while (d->stats.first) {
		struct stats_ask *a = d->stats.first;
		int status;

		d->stats.first = a->next;
		if (a->pid) {
			(void)kill(a->pid, SIGKILL);
			while (waitpid(a->pid, &status, 0) < 0 && errno == EINTR)
				;
		}
		free_ask(a);
	}
	d->stats.running = 0;
}

/*
 * check - can a job version run?  see the header
 *
 * A question is queued, running (a child with its pipe), or answered.  It is answered when the child was reaped and its pipe is empty.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/check.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/map.h"
#include "watcher/schedule/starter.h"
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 2
#define GOOD_MAX 10000
#define SECONDS_MAX 30.0
#define ERRORS_MAX (64 * 1024)
#define STATUS_REFUSED 78

struct question {
	struct question *next;
	struct checks *checks;
	char *hash;
	int text; /* memfd */
	check_done *done;
	void *ctx;
	pid_t pid; /* 0: queued */
	int pipe;
	struct strbuf errors;
	ev_child child;
	ev_io io;
	ev_timer timer;
	bool timed_out;
};

struct checks {
	struct ev_loop *loop;
	char *program;
	struct starter *starter; /* NULL: none */
	struct question *first;
	size_t running;
	struct map good; /* hashes */
};

static void run_next(struct checks *c);

struct checks *checks_new(struct ev_loop *loop, const char *program, struct starter *starter)
{
	struct checks *c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->program = xstrdup(program);
	c->starter = starter;
	map_init(&c->good);
	return c;
}

static void free_question(struct question *q)
{
	struct checks *c = q->checks;

	if (q->pid) {
		ev_child_stop(c->loop, &q->child);
		ev_io_stop(c->loop, &q->io);
		ev_timer_stop(c->loop, &q->timer);
	}
	fs_close(&q->text);
	fs_close(&q->pipe);
	strbuf_release(&q->errors);
	free(q->hash);
	free(q);
}

void checks_free(struct checks **cp)
{
	struct checks *c = *cp;

	if (!c)
		return;
	while (c->first) {
		struct question *q = c->first;
		int status;

		c->first = q->next;
		if (q->pid) {
			starter_kill(q->checks->starter, q->pid);
			while (waitpid(q->pid, &status, 0) < 0 && errno == EINTR)
				;
		}
		free_question(q);
	}
	map_release(&c->good);
	free(c->program);
	free(c);
	*cp = NULL;
}

size_t checks_pending(const struct checks *c)
{
	size_t n = 0;

	for (const struct question *q = c->first; q; q = q->next)
		n++;
	return n;
}

static void answer(struct question *q, enum check_answer a)
{
	struct checks *c = q->checks;
	struct question **at = &c->first;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	if (a == CHECK_OK && map_get(&c->good, span_of(q->hash)))
		strbuf_reset(&q->errors); /* asked twice before the first answer: told once */
	if (a == CHECK_OK && map_len(&c->good) >= GOOD_MAX) {
		/* versions come without end over the API; what is forgotten is asked again */
		map_release(&c->good);
		map_init(&c->good);
	}
	if (a == CHECK_OK)
		map_put(&c->good, span_of(q->hash), c);
	q->done(q->ctx, a, q->errors.p);
	free_question(q);
	run_next(c);
}

/* false: no more now. */
static bool take_errors(struct question *q)
{
	char buffer[4096];
	ssize_t n = read(q->pipe, buffer, sizeof(buffer));

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0) {
		if (n == 0)
			ev_io_stop(q->checks->loop, &q->io);
		return false;
	}
	if (q->errors.n + (size_t)n <= ERRORS_MAX)
		strbuf_add(&q->errors, buffer, (size_t)n);
	return true;
}

static void on_pipe(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	(void)take_errors(io->data);
}

static void on_child(struct ev_loop *loop, ev_child *w, int events)
{
	struct question *q = w->data;
	int status = w->rstatus;
	enum check_answer a = CHECK_UNKNOWN;

	(void)loop;
	(void)events;
	while (take_errors(q))
		;
	q->checks->running--;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		a = CHECK_OK;
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_REFUSED) {
		a = CHECK_REFUSED;
	} else if (q->timed_out || (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)) {
		/* a filter that cannot be compiled within its limits, or kills the compiler */
		a = CHECK_REFUSED;
		strbuf_adds(&q->errors, "the filter could not be compiled within its limits\n");
	}
	answer(q, a);
}

static void on_time(struct ev_loop *loop, ev_timer *t, int events)
{
	struct question *q = t->data;

	(void)loop;
	(void)events;
	q->timed_out = true;
	starter_kill(q->checks->starter, q->pid);
}

static void watch_question(struct question *q)
{
	struct checks *c = q->checks;

	ev_child_init(&q->child, on_child, q->pid, 0);
	ev_io_init(&q->io, on_pipe, q->pipe, EV_READ);
	ev_timer_init(&q->timer, on_time, SECONDS_MAX, 0.);
	q->child.data = q->io.data = q->timer.data = q;
	ev_child_start(c->loop, &q->child);
	ev_io_start(c->loop, &q->io);
	ev_timer_start(c->loop, &q->timer);
}

static int start_child(struct question *q, struct fault *f)
{
	char name[] = "ingest-worker", option[] = "--check", file[] = "/dev/stdin";
	char *argv[] = {name, option, file, NULL};
	struct spawn_limits limits = {.cpu_seconds = 30};
	int ends[2], r;

#ifndef __SANITIZE_ADDRESS__
	limits.memory_bytes = 1024u * 1024 * 1024;
#endif
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return fault_errno(f, FAULT_SYSTEM, "pipe");
	r = starter_start(q->checks->starter, q->checks->program, argv, q->text, -1, ends[1], 10, &q->pid, f);
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		q->pid = 0;
		return -1;
	}
	q->pipe = ends[0];
	starter_limit(q->checks->starter, q->pid, &limits);
	return 0;
}

static void run_next(struct checks *c)
{
	struct question *q = c->first;
	struct fault f = FAULT_INIT;

	while (q && q->pid)
		q = q->next;
	if (!q || c->running >= AT_ONCE)
		return;
	if (start_child(q, &f) < 0) {
		strbuf_adds(&q->errors, f.text);
		answer(q, CHECK_UNKNOWN);
		return;
	}
	c->running++;
	watch_question(q);
}

static int make_text(struct span text)
{
	struct fault f = FAULT_INIT;
	int fd = memfd_create("job-version", MFD_CLOEXEC);

	if (fd >= 0 && (fs_write_all(fd, text.p, text.n, &f) < 0 || lseek(fd, 0, SEEK_SET) < 0))
		fs_close(&fd);
	return fd;
}

void checks_ask(struct checks *c, const char *hash, struct span text, check_done *done, void *ctx)
{
	struct question *q, **end = &c->first;
	int fd;

	if (map_get(&c->good, span_of(hash))) {
		done(ctx, CHECK_OK, "");
		return;
	}
	fd = make_text(text);
	if (fd < 0) {
		done(ctx, CHECK_UNKNOWN, "no memory for a job version");
		return;
	}
	q = xcalloc(1, sizeof(*q));
	q->checks = c;
	q->hash = xstrdup(hash);
	q->text = fd;
	q->pipe = -1;
	q->done = done;
	q->ctx = ctx;
	strbuf_init(&q->errors);
	while (*end)
		end = &(*end)->next;
	*end = q;
	run_next(c);
}

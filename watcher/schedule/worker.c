/*
 * worker - one ingest-worker process; see the header
 *
 * The scheduler calls it.  It owns the process and the socket.  What can go wrong with a process ends in one place, on_child,
 * and so in one ops->ended.
 */
#include "watcher/base/base.h"
#include "watcher/schedule/worker.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/ipc.h"
#include "watcher/schedule/starter.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define DYING_SECONDS 5.0
#define PACKETS_A_TURN 64

static void free_worker(struct worker *w)
{
	ev_io_stop(w->loop, &w->io);
	ev_timer_stop(w->loop, &w->silence);
	ev_child_stop(w->loop, &w->child);
	fs_close(&w->sock);
	child_lines_release(&w->said);
	strbuf_release(&w->packet);
	reach_release(&w->reach);
	free(w->tenant);
	free(w);
}

static void close_socket(struct worker *w)
{
	ev_io_stop(w->loop, &w->io);
	fs_close(&w->sock);
	w->ending = true;
}

/* The process has this long to end; then on_silence kills it. */
static void give_grace(struct worker *w)
{
	ev_timer_stop(w->loop, &w->silence);
	ev_timer_set(&w->silence, DYING_SECONDS, 0.);
	ev_timer_start(w->loop, &w->silence);
}

void worker_limit(struct worker *w, const struct spawn_limits *limits)
{
	starter_limit(w->starter, w->pid, limits);
}

void worker_kill(struct worker *w, enum worker_why why, const char *text)
{
	if (!w->killed) {
		w->killed = true;
		w->why = why;
		snprintf(w->why_text, sizeof(w->why_text), "%s", text);
	}
	w->ending = true;
	ev_io_stop(w->loop, &w->io);
	ev_timer_stop(w->loop, &w->silence);
	starter_kill(w->starter, w->pid);
}

void worker_retire(struct worker *w)
{
	if (w->ending)
		return;
	w->killed = true; /* whatever it dies of now is no news */
	w->why = WORKER_RETIRED;
	close_socket(w);
	give_grace(w);
}

void worker_listen(struct worker *w, int64_t silence_ms)
{
	if (w->ending)
		return;
	w->silence_ms = silence_ms;
	ev_timer_stop(w->loop, &w->silence);
	if (!silence_ms)
		return;
	ev_timer_set(&w->silence, (double)silence_ms / 1000., 0.);
	ev_timer_start(w->loop, &w->silence);
}

static void on_silence(struct ev_loop *loop, ev_timer *t, int events)
{
	struct worker *w = t->data;
	char text[100];

	(void)loop;
	(void)events;
	snprintf(text, sizeof(text), "no sign of life for %lld ms", (long long)w->silence_ms);
	worker_kill(w, WORKER_SILENT, text);
}

static void take_packet(struct worker *w)
{
	struct fault f = FAULT_INIT;
	struct message m;

	if (message_parse(strbuf_span(&w->packet), &m, &f) < 0) {
		worker_kill(w, WORKER_BABBLED, f.text);
		return;
	}
	w->heard = true;
	if (w->silence_ms && !w->ending)
		worker_listen(w, w->silence_ms);
	w->ops->message(w->ctx, w, &m);
	message_release(&m);
}

/* 1 one packet was taken, 0 none now, -1 the other side has closed. */
static int take_one(struct worker *w)
{
	struct fault f = FAULT_INIT;
	size_t none = 0;
	int r = ipc_recv(w->sock, &w->packet, NULL, &none, &f);

	if (r > 0) {
		take_packet(w);
		return 1;
	}
	if (r < 0 && (f.error == EAGAIN || f.error == EWOULDBLOCK))
		return 0;
	if (r < 0)
		worker_kill(w, WORKER_BABBLED, f.text);
	return -1;
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
	struct worker *w = io->data;

	(void)loop;
	(void)events;
	for (int i = 0; i < PACKETS_A_TURN; i++) {
		int r = take_one(w);

		if (r == 0 || w->killed || w->sock < 0)
			return;
		if (r < 0) {
			close_socket(w);
			give_grace(w);
			return;
		}
	}
}

static void on_line(void *ctx, struct span line)
{
	struct worker *w = ctx;

	w->ops->said(w->ctx, w, line);
}

bool worker_end_counts(const struct worker_end *end)
{
	if (end->why != WORKER_CRASHED)
		return false;
	return end->signal == SIGSEGV || end->signal == SIGABRT || end->signal == SIGBUS ||
	       end->signal == SIGXCPU || end->signal == SIGSYS;
}

static void describe(const struct worker *w, int status, struct worker_end *end)
{
	end->heard = w->heard;
	if (w->killed) {
		end->why = w->why;
		snprintf(end->text, sizeof(end->text), "%s", w->why_text);
	} else if (WIFSIGNALED(status)) {
		end->signal = WTERMSIG(status);
		end->why = end->signal == SIGKILL || end->signal == SIGTERM ||
					   end->signal == SIGINT || end->signal == SIGHUP ?
				   WORKER_KILLED :
				   WORKER_CRASHED;
		snprintf(end->text, sizeof(end->text), "%s by SIG%s",
			 end->why == WORKER_KILLED ? "killed" : "crashed",
			 sigabbrev_np(end->signal) ? sigabbrev_np(end->signal) : "?");
	} else {
		end->why = WORKER_EXITED;
		end->status = WEXITSTATUS(status);
		snprintf(end->text, sizeof(end->text), "ended with status %d", end->status);
	}
}

static void on_child(struct ev_loop *loop, ev_child *c, int events)
{
	struct worker *w = c->data;
	struct worker_end end = {0};

	(void)loop;
	(void)events;
	ev_child_stop(w->loop, c);
	while (w->sock >= 0 && !w->killed && take_one(w) > 0)
		;
	child_lines_end(&w->said);
	w->ending = true;
	describe(w, c->rstatus, &end);
	w->ops->ended(w->ctx, w, &end);
	free_worker(w);
}

int worker_send(struct worker *w, const struct message *m, const int *fds, size_t nfds, struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	int r;

	if (w->ending)
		return fault_set(f, FAULT_SYSTEM, "the worker is ending");
	message_write(m, &text);
	r = ipc_send(w->sock, strbuf_span(&text), fds, nfds, f);
	if (message_holds_key(m))
		explicit_bzero(text.p, text.n);
	strbuf_release(&text);
	/* EAGAIN: it does not read; it is of no use.  Else it is dead already and on_child comes. */
	if (r < 0)
		worker_kill(w, WORKER_KILLED, "it takes no messages");
	return r;
}

static void watch_it(struct worker *w)
{
	ev_io_init(&w->io, on_socket, w->sock, EV_READ);
	ev_child_init(&w->child, on_child, w->pid, 0);
	ev_init(&w->silence, on_silence);
	w->io.data = w->child.data = w->silence.data = w;
	ev_io_start(w->loop, &w->io);
	ev_child_start(w->loop, &w->child);
}

static int start_process(const struct worker_start *how, const struct reach *reach, int pair[2], int errors[2],
			 pid_t *pid, struct fault *f)
{
	char **argv;
	int r;

	if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(errors[0], F_SETFL, O_NONBLOCK) < 0)
		return fault_errno(f, FAULT_SYSTEM, "set a descriptor non-blocking");
	argv = reach_argv(reach, "ingest-worker");
	r = starter_start(how->starter, how->program, argv, -1, pair[1], errors[1], how->nice, pid, f);
	free(argv);
	return r;
}

int worker_new(struct ev_loop *loop, const struct worker_ops *ops, void *ctx, const struct worker_start *how,
	       const char *tenant, struct reach *reach, struct worker **out, struct fault *f)
{
	int pair[2], errors[2] = {-1, -1};
	struct worker *w;
	pid_t pid = -1;
	int r = -1;

	if (ipc_pair(pair, f) < 0)
		return -1;
	if (pipe2(errors, O_CLOEXEC) < 0)
		fault_errno(f, FAULT_SYSTEM, "pipe");
	else
		r = start_process(how, reach, pair, errors, &pid, f);
	fs_close(&pair[1]);
	fs_close(&errors[1]);
	if (r < 0) {
		fs_close(&pair[0]);
		fs_close(&errors[0]);
		return -1;
	}
	w = xcalloc(1, sizeof(*w));
	w->loop = loop;
	w->ops = ops;
	w->ctx = ctx;
	w->tenant = xstrdup(tenant);
	w->reach = *reach;
	reach_init(reach, tenant);
	w->pid = pid;
	w->starter = how->starter;
	w->sock = pair[0];
	strbuf_init(&w->packet);
	child_lines_init(&w->said);
	child_lines_start(&w->said, loop, errors[0], on_line, w);
	watch_it(w);
	*out = w;
	return 0;
}

void worker_destroy(struct worker *w)
{
	int status;

	starter_kill(w->starter, w->pid);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	free_worker(w);
}

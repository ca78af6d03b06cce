/*
 * helper - one process that serves the daemon; see the header
 *
 * The recorder and the notifier call it.  It owns process and socket.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/helper.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/ipc.h"
#include "watcher/schedule/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PACKETS_A_TURN 64
#define MOMENT_MS 500

void helper_init(struct helper *c)
{
	memset(c, 0, sizeof(*c));
	c->sock = -1;
	strbuf_init(&c->packet);
	child_lines_init(&c->said);
}

static void release(struct helper *c)
{
	ev_io_stop(c->loop, &c->io);
	ev_child_stop(c->loop, &c->child);
	fs_close(&c->sock);
	child_lines_release(&c->said);
	strbuf_release(&c->packet);
	helper_init(c);
}

void helper_kill(struct helper *c)
{
	if (!c->pid)
		return;
	ev_io_stop(c->loop, &c->io);
	(void)kill(c->pid, SIGKILL);
}

/* 1 one packet was taken, 0 none now, -1 the other side has closed, or makes no sense. */
static int take_one(struct helper *c)
{
	struct fault f = FAULT_INIT;
	size_t none = 0;
	int r = ipc_recv(c->sock, &c->packet, NULL, &none, &f);

	if (r < 0 && (f.error == EAGAIN || f.error == EWOULDBLOCK))
		return 0;
	if (r <= 0)
		return -1;
	if (c->ops->packet(c->ctx, strbuf_span(&c->packet), &f) == 0)
		return 1;
	c->ops->said(c->ctx, span_of(f.text));
	helper_kill(c);
	return -1;
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
	struct helper *c = io->data;
	int r = 1;

	(void)events;
	for (int i = 0; i < PACKETS_A_TURN && r > 0 && c->sock >= 0; i++)
		r = take_one(c);
	if (r < 0)
		ev_io_stop(loop, &c->io);
}

static void on_line(void *ctx, struct span line)
{
	struct helper *c = ctx;

	c->ops->said(c->ctx, line);
}

static void on_child(struct ev_loop *loop, ev_child *w, int events)
{
	struct helper *c = w->data;
	const struct helper_ops *ops = c->ops;
	const char *name = c->name;
	void *ctx = c->ctx;
	int status = w->rstatus;
	char how[80];

	(void)loop;
	(void)events;
	while (take_one(c) > 0)
		;
	child_lines_end(&c->said);
	if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "%s was killed by SIG%s", name,
			 sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
	else
		snprintf(how, sizeof(how), "%s ended with status %d", name, WEXITSTATUS(status));
	release(c);
	ops->ended(ctx, how);
}

static void watch_it(struct helper *c)
{
	ev_io_init(&c->io, on_socket, c->sock, EV_READ);
	ev_child_init(&c->child, on_child, c->pid, 0);
	c->io.data = c->child.data = c;
	ev_io_start(c->loop, &c->io);
	ev_child_start(c->loop, &c->child);
}

int helper_start(struct helper *c, struct ev_loop *loop, const char *name, const char *program,
			 const struct helper_ops *ops, void *ctx, struct fault *f)
{
	char *argv[] = {xstrdup(name), NULL};
	int pair[2], errors[2] = {-1, -1};
	pid_t pid = 0;
	int r = -1;

	CHECK(!c->pid);
	if (ipc_pair(pair, f) < 0) {
		free(argv[0]);
		return -1;
	}
	if (pipe2(errors, O_CLOEXEC) < 0)
		fault_errno(f, FAULT_SYSTEM, "pipe");
	else if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(errors[0], F_SETFL, O_NONBLOCK) < 0)
		fault_errno(f, FAULT_SYSTEM, "set a descriptor non-blocking");
	else
		r = spawn_start(program, argv, -1, pair[1], errors[1], 0, &pid, f);
	free(argv[0]);
	fs_close(&pair[1]);
	fs_close(&errors[1]);
	if (r < 0) {
		fs_close(&pair[0]);
		fs_close(&errors[0]);
		return -1;
	}
	c->loop = loop;
	c->ops = ops;
	c->ctx = ctx;
	c->name = name;
	c->pid = pid;
	c->sock = pair[0];
	child_lines_start(&c->said, loop, errors[0], on_line, c);
	watch_it(c);
	return 0;
}

int helper_send(struct helper *c, struct span packet, int fd, struct fault *f)
{
	int r;

	CHECK(c->pid);
	r = ipc_send(c->sock, packet, &fd, 1, f);
	if (r < 0)
		helper_kill(c);
	return r;
}

void helper_stop(struct helper *c)
{
	const struct timespec look = {0, 5 * 1000 * 1000};
	int status;
	pid_t r = 0;

	if (!c->pid)
		return;
	fs_close(&c->sock);
	for (int ms = 0; ms < MOMENT_MS && r == 0; ms += 5) {
		r = waitpid(c->pid, &status, WNOHANG);
		if (r == 0)
			(void)nanosleep(&look, NULL);
	}
	if (r == 0) {
		(void)kill(c->pid, SIGKILL);
		while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	release(c);
}

/*
 * starter_serve - the starter's own process; see starter.h
 *
 * Entered once, after the fork.  Holds a descriptor for each process it started, so that a number given again by the kernel is never met.
 */
#include "watcher/base/base.h"
#include "watcher/schedule/starter_own.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/ipc.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHILDREN_MAX 1024
#define CHILD_UMASK 0007 /* the daemon's group may look into the stores */

struct child {
	pid_t pid;
	int fd;
};

struct service {
	int socket, program;
	struct child children[CHILDREN_MAX];
	size_t count;
	char *argv[STARTER_WORDS + 1];
};

static bool is_over(const struct child *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

static void forget_the_dead(struct service *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		if (is_over(&s->children[i]))
			close(s->children[i].fd);
		else
			s->children[kept++] = s->children[i];
	}
	s->count = kept;
}

static struct child *find(struct service *s, pid_t pid)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->children[i].pid == pid)
			return &s->children[i];
	return NULL;
}

/* What is meant for the daemon does not end the starter. */
static void set_signals(void (*to)(int))
{
	static const int numbers[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGUSR1};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		signal(numbers[i], to);
}

/* --- in the child --- */

/* Nothing below overwrites a descriptor that is still to be copied: all are above 3. */
static void set_descriptors(const struct starter_order *o, const int *fds)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), n = 1;
	int input = o->input ? fds[n++] : null;

	dup2(input, 0);
	dup2(null, 1);
	dup2(fds[0], 2);
	if (o->socket)
		dup2(fds[n], 3);
}

static void become(struct service *s, const struct starter_order *o, const int *fds, int failed) NORETURN;
static void become(struct service *s, const struct starter_order *o, const int *fds, int failed)
{
	int error;

	setpgid(0, 0);
	set_signals(SIG_DFL);
	umask(CHILD_UMASK);
	if (o->nice)
		(void)setpriority(PRIO_PROCESS, 0, o->nice);
	set_descriptors(o, fds);
	/* failed and the program close themselves when it runs */
	(void)close_range(o->socket ? 4 : 3, ~0u, CLOSE_RANGE_CLOEXEC);
	syscall(SYS_execveat, s->program, "", s->argv, spawn_environment(), AT_EMPTY_PATH);
	error = errno;
	(void)!write(failed, &error, sizeof(error));
	_exit(127);
}

/* --- orders --- */

/* The daemon is the parent: its child watchers, and its death, hold as if it had started the process itself. */
static int start(struct service *s, const struct starter_order *o, const int *fds, pid_t *pid)
{
	int ends[2], fd = -1, error = 0;
	long r;

	if (s->count == CHILDREN_MAX)
		return EAGAIN;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	r = syscall(SYS_clone, CLONE_PARENT | CLONE_PIDFD | SIGCHLD, NULL, &fd, NULL, NULL);
	if (r == 0)
		become(s, o, fds, ends[1]);
	if (r < 0)
		error = errno;
	close(ends[1]);
	if (r > 0 && read(ends[0], &error, sizeof(error)) != (ssize_t)sizeof(error))
		error = 0;
	close(ends[0]);
	if (r > 0)
		s->children[s->count++] = (struct child){(pid_t)r, fd};
	*pid = (pid_t)r;
	return error;
}

/* The words lie behind the order. */
static bool take_words(struct service *s, struct strbuf *packet)
{
	char *at = packet->p + sizeof(struct starter_order), *end = packet->p + packet->n;
	size_t n = 0;

	if (at == end || end[-1] != '\0')
		return false;
	for (; at < end && n < STARTER_WORDS; at += strlen(at) + 1)
		s->argv[n++] = at;
	s->argv[n] = NULL;
	return at == end;
}

static int on_process(struct service *s, const struct starter_order *o)
{
	struct child *c = find(s, o->pid);

	if (!c)
		return ESRCH;
	if (o->kind == ORDER_KILL)
		return syscall(SYS_pidfd_send_signal, c->fd, SIGKILL, NULL, 0) < 0 ? errno : 0;
	spawn_limit(o->pid, &o->limits);
	return 0;
}

static int carry_out(struct service *s, struct strbuf *packet, const int *fds, size_t nfds, pid_t *pid)
{
	struct starter_order o;

	if (packet->n < sizeof(o))
		return EINVAL;
	memcpy(&o, packet->p, sizeof(o));
	if (o.kind != ORDER_START)
		return on_process(s, &o);
	if (nfds != 1u + o.input + o.socket || !take_words(s, packet))
		return EINVAL;
	return start(s, &o, fds, pid);
}

void starter_serve(int socket, int program)
{
	struct service *s = xcalloc(1, sizeof(*s));
	struct strbuf packet = STRBUF_INIT;
	struct fault f = FAULT_INIT;

	prctl(PR_SET_NAME, "ingest-starter");
	set_signals(SIG_IGN);
	/* 3 is taken, and nothing that is kept is below it: see set_descriptors */
	s->socket = fcntl(socket, F_DUPFD_CLOEXEC, 5);
	s->program = fcntl(program, F_DUPFD_CLOEXEC, 5);
	CHECK(s->socket > 4 && s->program > 4 && dup3(s->program, 3, O_CLOEXEC) == 3);
	CHECK(close_range(4, 4, 0) == 0);
	for (;;) {
		struct starter_answer answer = {0, 0};
		int fds[IPC_FDS];
		size_t nfds = IPC_FDS;

		if (ipc_recv(s->socket, &packet, fds, &nfds, &f) <= 0)
			break;
		forget_the_dead(s);
		answer.error = carry_out(s, &packet, fds, nfds, &answer.pid);
		for (size_t i = 0; i < nfds; i++)
			close(fds[i]);
		if (ipc_send(s->socket, (struct span){(const char *)&answer, sizeof(answer)}, NULL, 0, &f) < 0)
			break;
	}
	for (size_t i = 0; i < s->count; i++)
		(void)syscall(SYS_pidfd_send_signal, s->children[i].fd, SIGKILL, NULL, 0);
	_exit(0);
}

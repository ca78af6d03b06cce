/*
 * starter - the daemon's side of the process that starts workers; see the header
 *
 * Called by the daemon's start, by worker and check.  Owns the socket; the process ends with it.
 */
#include "watcher/base/base.h"
#include "watcher/schedule/starter.h"
#include "watcher/base/capabilities.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/ipc.h"
#include "watcher/schedule/starter_own.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct starter {
	int socket;
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

static int change_user(uid_t uid, gid_t gid, struct fault *f)
{
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot become user %u", (unsigned)uid);
	return capabilities_keep(0, f);
}

/* In the child: what it could not do is its first answer. */
static void enter(int socket, int program, uid_t uid, gid_t gid) NORETURN;
static void enter(int socket, int program, uid_t uid, gid_t gid)
{
	struct starter_answer answer = {0, 0};
	struct fault f = FAULT_INIT;

	if (change_user(uid, gid, &f) < 0)
		answer.error = f.error;
	if (ipc_send(socket, (struct span){(const char *)&answer, sizeof(answer)}, NULL, 0, &f) < 0 || answer.error)
		_exit(1);
	starter_serve(socket, program);
}

static int take_answer(struct starter *st, struct starter_answer *answer, struct fault *f)
{
	struct strbuf packet = STRBUF_INIT;
	size_t none = 0;
	int r = ipc_recv(st->socket, &packet, NULL, &none, f);

	if (r > 0 && packet.n == sizeof(*answer))
		memcpy(answer, packet.p, sizeof(*answer));
	else
		r = fault_set(f, FAULT_SYSTEM, "the starter of workers is gone");
	strbuf_release(&packet);
	if (r < 0)
		return -1;
	if (!answer->error)
		return 0;
	errno = answer->error;
	return fault_errno(f, FAULT_SYSTEM, "the starter of workers");
}

int starter_new(uid_t uid, gid_t gid, const char *program, struct starter **out, struct fault *f)
{
	struct starter_answer answer;
	struct starter *st;
	int pair[2], fd = open(program, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot run %s", program);
	if (ipc_pair(pair, f) < 0) {
		close(fd);
		return -1;
	}
	st = xcalloc(1, sizeof(*st));
	st->uid = uid;
	st->gid = gid;
	st->socket = pair[0];
	st->pid = fork();
	if (st->pid == 0) {
		close(pair[0]);
		enter(pair[1], fd, uid, gid);
	}
	close(pair[1]);
	close(fd);
	if (st->pid < 0)
		fault_errno(f, FAULT_SYSTEM, "fork");
	if (st->pid < 0 || take_answer(st, &answer, f) < 0) {
		starter_free(&st);
		return -1;
	}
	*out = st;
	return 0;
}

void starter_free(struct starter **stp)
{
	struct starter *st = *stp;

	if (!st)
		return;
	fs_close(&st->socket);
	while (st->pid > 0 && waitpid(st->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(st);
	*stp = NULL;
}

uid_t starter_uid(const struct starter *st)
{
	return st->uid;
}

gid_t starter_gid(const struct starter *st)
{
	return st->gid;
}

static int order(struct starter *st, struct span packet, const int *fds, size_t nfds, struct starter_answer *answer,
		 struct fault *f)
{
	if (ipc_send(st->socket, packet, fds, nfds, f) < 0)
		return -1;
	return take_answer(st, answer, f);
}

static int start(struct starter *st, char *const argv[], int input, int socket, int errors, int nice, pid_t *pid,
		 struct fault *f)
{
	struct starter_order o = {.kind = ORDER_START, .nice = nice, .input = input >= 0, .socket = socket >= 0};
	struct strbuf packet = STRBUF_INIT;
	struct starter_answer answer = {0, 0};
	int fds[3] = {errors}, r;
	size_t n = 1;

	if (input >= 0)
		fds[n++] = input;
	if (socket >= 0)
		fds[n++] = socket;
	strbuf_add(&packet, &o, sizeof(o));
	for (size_t i = 0; argv[i]; i++)
		strbuf_add(&packet, argv[i], strlen(argv[i]) + 1);
	r = order(st, strbuf_span(&packet), fds, n, &answer, f);
	strbuf_release(&packet);
	if (r == 0)
		*pid = answer.pid;
	else if (answer.pid > 0)
		(void)waitpid(answer.pid, NULL, 0); /* it could not run the program, and has ended */
	return r;
}

int starter_start(struct starter *st, const char *path, char *const argv[], int input, int socket, int errors, int nice,
		  pid_t *pid, struct fault *f)
{
	if (!st)
		return spawn_start(path, argv, input, socket, errors, nice, pid, f);
	return start(st, argv, input, socket, errors, nice, pid, f);
}

/* What is over needs neither. */
static void about(struct starter *st, const struct starter_order *o)
{
	struct starter_answer answer;
	struct fault f = FAULT_INIT;

	(void)!order(st, (struct span){(const char *)o, sizeof(*o)}, NULL, 0, &answer, &f);
}

void starter_kill(struct starter *st, pid_t pid)
{
	const struct starter_order o = {.kind = ORDER_KILL, .pid = pid};

	if (st)
		about(st, &o);
	else
		(void)kill(pid, SIGKILL);
}

void starter_limit(struct starter *st, pid_t pid, const struct spawn_limits *limits)
{
	const struct starter_order o = {.kind = ORDER_LIMIT, .pid = pid, .limits = *limits};

	if (st)
		about(st, &o);
	else
		spawn_limit(pid, limits);
}

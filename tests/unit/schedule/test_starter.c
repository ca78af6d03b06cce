/*
 * test_starter - real processes under another user: whose children they are, how they end, what is refused.  Needs root; else without the
 * change of user nothing of it can be shown, and only the calls without a starter are.
 */
#include "watcher/base/base.h"
#include "watcher/schedule/starter.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OTHER 65534

static struct starter *starter;

static int make(void **state)
{
	struct fault f = FAULT_INIT;

	(void)state;
	return geteuid() == 0 ? starter_new(OTHER, OTHER, "/bin/sh", &starter, &f) : 0;
}

static int end(void **state)
{
	(void)state;
	starter_free(&starter);
	return 0;
}

/* What it wrote to standard error; *status as waitpid gives it to us, its parent. */
static void run(const char *script, int input, int socket, char *said, size_t max, int *status)
{
	char name[] = "sh", option[] = "-c", text[200];
	char *argv[] = {name, option, text, NULL};
	struct fault f = FAULT_INIT;
	int ends[2];
	size_t n = 0;
	ssize_t r;
	pid_t pid;

	snprintf(text, sizeof(text), "%s", script);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(starter_start(starter, "/bin/sh", argv, input, socket, ends[1], 0, &pid, &f), 0);
	close(ends[1]);
	while ((r = read(ends[0], said + n, max - 1 - n)) > 0)
		n += (size_t)r;
	said[n] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, status, 0), pid);
}

static void test_another_user_and_our_child(void **state)
{
	char said[200], want[64];
	int status;

	(void)state;
	run("id -u >&2; id -G >&2; echo $PPID >&2; exit 3", -1, -1, said, sizeof(said), &status);
	assert_int_equal(WEXITSTATUS(status), 3);
	snprintf(want, sizeof(want), "%d\n%d\n%d\n", starter ? OTHER : (int)geteuid(), starter ? OTHER : (int)getegid(), (int)getpid());
	if (starter)
		assert_string_equal(said, want);
}

/* Nothing but 0, 1, 2 and the socket, in all combinations; ls itself opens one more. */
static void test_descriptors(void **state)
{
	int pair[2], null = open("/dev/null", O_RDONLY), status;
	char said[200];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	run("for i in /proc/self/fd/*; do echo ${i##*/}; done | tr '\\n' ' ' >&2", -1, pair[1], said, sizeof(said), &status);
	assert_non_null(strstr(said, "0 1 2 3 "));
	run("[ -S /proc/self/fd/3 ] && [ -c /proc/self/fd/0 ] && [ ! -e /proc/self/fd/5 ] && echo well >&2", null, pair[1], said,
	    sizeof(said), &status);
	assert_string_equal(said, "well\n");
	run("[ ! -e /proc/self/fd/3 ] && echo well >&2", null, -1, said, sizeof(said), &status);
	assert_string_equal(said, "well\n");
	close(pair[0]);
	close(pair[1]);
	close(null);
}

/* prlimit(2) of another user's process needs more than root has in some containers. */
static long soft_limit(pid_t pid, const char *name)
{
	char path[64], text[4096] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	assert_non_null(strstr(text, name));
	return strtol(strstr(text, name) + strlen(name), NULL, 10);
}

static void test_kill_and_limits(void **state)
{
	char name[] = "sh", option[] = "-c", text[] = "kill -STOP $$";
	char *argv[] = {name, option, text, NULL};
	struct spawn_limits limits = {.memory_bytes = 1 << 30, .cpu_seconds = 7};
	struct fault f = FAULT_INIT;
	long cpu;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(starter_start(starter, "/bin/sh", argv, -1, -1, 2, 0, &pid, &f), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	starter_limit(starter, pid, &limits);
	cpu = soft_limit(pid, "Max cpu time");
	assert_true(cpu >= 7 && cpu <= 8);
	assert_int_equal(soft_limit(pid, "Max address space"), 1 << 30);
	starter_kill(starter, pid);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* A process that it did not start is nothing to it, whatever the daemon says. */
static void test_strangers_are_left_alone(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	if (!starter)
		return;
	pid = fork();
	if (pid == 0) {
		assert_int_equal(setuid(OTHER), 0);
		pause();
		_exit(0);
	}
	starter_kill(starter, pid);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void test_a_program_that_cannot_run(void **state)
{
	char name[] = "x";
	char *argv[] = {name, NULL};
	struct starter *st = NULL;
	struct fault f = FAULT_INIT;
	pid_t pid = 0;

	(void)state;
	assert_int_equal(starter_start(NULL, "/nowhere", argv, -1, -1, 2, 0, &pid, &f), -1);
	if (!starter)
		return;
	fault_clear(&f);
	assert_int_equal(starter_new(OTHER, OTHER, "/nowhere", &st, &f), -1);
	fault_clear(&f);
	assert_int_equal(starter_new(OTHER, OTHER, "/etc/shadow", &st, &f), 0);
	assert_int_equal(starter_start(st, "", argv, -1, -1, 2, 0, &pid, &f), -1);
	assert_int_equal(f.error, EACCES);
	starter_free(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_another_user_and_our_child), cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_kill_and_limits),		   cmocka_unit_test(test_strangers_are_left_alone),
		cmocka_unit_test(test_a_program_that_cannot_run),
	};

	return cmocka_run_group_tests(tests, make, end);
}

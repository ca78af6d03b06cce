/*
 * test_confine - landlock, syscalls and confine, each in a child: what is allowed goes on, what is not is refused or kills
 *
 * tests/e2e/test_f_containment.py shows the whole from inside a worker.
 */
#include "watcher/base/base.h"
#include "watcher/base/confine.h"
#include "watcher/base/landlock.h"
#include "watcher/base/syscalls.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char mine[64], other[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(mine, sizeof(mine), "/tmp/confine-XXXXXX");
	snprintf(other, sizeof(other), "/tmp/confine-XXXXXX");
	return mkdtemp(mine) && mkdtemp(other) ? 0 : -1;
}

static int tear_down(void **state)
{
	char file[80];

	(void)state;
	snprintf(file, sizeof(file), "%s/f", mine);
	(void)unlink(file);
	return rmdir(mine) || rmdir(other);
}

/* 0 it worked, an errno, or -SIGNAL. */
static int in_child(int (*enter)(void), int (*act)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(enter() < 0 ? 255 : act());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return -WTERMSIG(status);
	assert_int_not_equal(WEXITSTATUS(status), 255);
	return WEXITSTATUS(status);
}

static int free_of_all(void)
{
	return 0;
}

static int confined(void)
{
	struct confinement c = {.folders = {mine}, .folder_count = 1, .ports = {9200}, .port_count = 1};
	struct fault f = FAULT_INIT;

	return confine(&c, &f);
}

static int listed_calls(void)
{
	struct fault f = FAULT_INIT;

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -1 : syscalls_enforce(&f);
}

static int landlock_alone(void)
{
	struct landlock_options o = {false};
	struct landlock *ll = NULL;
	struct fault f = FAULT_INIT;

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || landlock_new(&o, &ll, &f) < 0 ? -1 : landlock_enforce(ll, &f);
}

static int result(long r)
{
	return r < 0 ? errno : 0;
}

static int make(const char *folder)
{
	char file[80];
	int fd;

	snprintf(file, sizeof(file), "%s/f", folder);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	close(fd);
	return result(unlink(file));
}

static int make_in_mine(void) { return make(mine); }
static int make_in_other(void) { return make(other); }
static int read_passwd(void) { return result(open("/etc/passwd", O_RDONLY | O_CLOEXEC)); }
static int read_environment(void) { return result(open("/proc/self/environ", O_RDONLY | O_CLOEXEC)); }
static int read_random(void) { return result(open("/dev/urandom", O_RDONLY | O_CLOEXEC)); }
static int make_unix_socket(void) { return result(socket(AF_UNIX, SOCK_STREAM, 0)); }
static int make_tcp_socket(void) { return result(socket(AF_INET, SOCK_STREAM, 0)); }
static int get_root(void) { return result(setuid(getuid())); }
static int take_lease(void) { return fcntl(0, F_SETLEASE, F_UNLCK) < 0 && errno == EINVAL ? EINVAL : 0; }
static int signal_parent(void) { return result(kill(getppid(), 0)); }
static int signal_self(void) { return result(kill(getpid(), 0)); }
static int raise_limits(void)
{
	struct rlimit r = {10, 10};

	return result(prlimit(0, RLIMIT_NOFILE, &r, NULL));
}

static int written_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static void *nothing(void *arg)
{
	return arg;
}

static int make_thread(void)
{
	pthread_t t;
	int r = pthread_create(&t, NULL, nothing, NULL);

	return r ? r : pthread_join(t, NULL);
}

static int make_process(void)
{
	return result(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
}

static int other_abi(void)
{
#ifdef __x86_64__
	return result(syscall(0x40000000 | SYS_getpid));
#else
	kill(getpid(), SIGSYS); /* there is none */
	return 0;
#endif
}

static const struct {
	const char *what;
	int (*act)(void);
	int want; /* confined; free it is never that */
	bool by_list; /* not in a sanitizer's build: no list of calls, and its runtime reads /proc */
} cases[] = {
	{"a file in its folder", make_in_mine, 0, false},
	{"a file in another folder", make_in_other, EACCES, false},
	{"/etc/passwd", read_passwd, EACCES, false},
	{"/proc/self/environ", read_environment, EACCES, true},
	{"/dev/urandom", read_random, 0, false},
	{"a Unix socket", make_unix_socket, EAFNOSUPPORT, true},
	{"a TCP socket", make_tcp_socket, 0, false},
	{"setuid", get_root, -SIGSYS, true},
	{"a signal to its parent", signal_parent, EPERM, true},
	{"a signal to itself", signal_self, 0, false},
	{"a limit", raise_limits, EPERM, true},
	{"code that was written", written_code, EACCES, true},
	{"a thread", make_thread, 0, false},
	{"another ABI", other_abi, -SIGSYS, true},
};

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* What is shown below is what such a kernel does; test_lacks is for the others. */
static bool whole_kernel(void)
{
	return landlock_abi() >= 6;
}

static void test_confined(void **state)
{
	(void)state;
	if (!whole_kernel())
		skip();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int got;

		if (SANITIZED && cases[i].by_list)
			continue;
		got = in_child(confined, cases[i].act);

		if (got != cases[i].want)
			fail_msg("%s: %d, not %d", cases[i].what, got, cases[i].want);
		got = in_child(free_of_all, cases[i].act);
		if (cases[i].want && got == cases[i].want && cases[i].act != other_abi)
			fail_msg("%s: %d without confinement too", cases[i].what, got);
	}
}

/* fork: an error, since libraries try it; what is no call of ours: death. */
static void test_processes(void **state)
{
	(void)state;
	if (SANITIZED)
		return;
	assert_int_equal(in_child(confined, make_process), EPERM);
	assert_int_equal(in_child(listed_calls, take_lease), EINVAL);
}

/* Held twice, since older kernels have no scopes: each alone is enough. */
static void test_signals(void **state)
{
	(void)state;
	if (!whole_kernel())
		skip();
	assert_int_equal(in_child(landlock_alone, signal_parent), EPERM);
	if (!SANITIZED)
		assert_int_equal(in_child(listed_calls, signal_parent), EPERM);
}

static int capabilities_of_none(void)
{
	char text[4096] = "";
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	/* opened before, read after */
	if (fd < 0 || confined() < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 255;
	return strstr(text, "\nCapEff:\t0000000000000000\n") && strstr(text, "\nCapPrm:\t0000000000000000\n") &&
			       strstr(text, "\nNoNewPrivs:\t1\n") && (SANITIZED || strstr(text, "\nSeccomp:\t2\n")) ?
		       0 :
		       1;
}

static void test_capabilities(void **state)
{
	(void)state;
	assert_int_equal(in_child(free_of_all, capabilities_of_none), 0);
}

static void test_a_folder_that_is_not_there(void **state)
{
	struct landlock_options o = {false};
	struct landlock *ll = NULL;
	struct fault f = FAULT_INIT;

	(void)state;
	if (!landlock_abi())
		skip();
	assert_int_equal(landlock_new(&o, &ll, &f), 0);
	assert_int_equal(landlock_file(ll, "/nowhere/at/all", LANDLOCK_READ, &f), -1);
	assert_int_equal(f.error, ENOENT);
	landlock_free(&ll);
}

/* What each kernel lacks, by name and by the version that has it. */
static void test_lacks(void **state)
{
	static const struct {
		int abi;
		const char *want;
	} kernels[] = {
		{6, ""},
		{5, "signals and abstract sockets (Linux 6.12)"},
		{3, "TCP ports (Linux 6.7), device commands (Linux 6.10), signals and abstract sockets (Linux 6.12)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kernels); i++) {
		struct strbuf sb = STRBUF_INIT;

		landlock_lacks(kernels[i].abi, &sb);
		assert_string_equal(sb.p, kernels[i].want);
		strbuf_release(&sb);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_confined),	cmocka_unit_test(test_processes),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_capabilities),	cmocka_unit_test(test_a_folder_that_is_not_there),
		cmocka_unit_test(test_lacks),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

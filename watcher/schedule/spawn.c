/*
 * spawn - start an ingest-worker, and hold it to its limits; see the header
 */
#include "watcher/base/base.h"
#include "watcher/schedule/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <unistd.h>

extern char **environ;

/* What a child may know of the daemon's environment: an operator's may hold secrets, and /proc shows it. */
char **spawn_environment(void)
{
	static const char *const kept[] = {"TZ=", "LANG=", "LC_", "PATH=", "TMPDIR=", "LD_PRELOAD=", "LD_LIBRARY_PATH=",
					   "OPENSSL_CONF=", "SSL_CERT_", "RES_OPTIONS=", "LOCALDOMAIN=",
					   "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=", "MALLOC_", "INGEST_", "MONGOC_DISABLE_SHM="};
	static char **made;
	size_t n = 0, count = 0;

	if (made)
		return made;
	/* libmongoc would leave a file in /dev/shm for each recorder that is killed, and stumble over it when the pid comes again */
	CHECK(setenv("MONGOC_DISABLE_SHM", "1", 1) == 0);
	while (environ[count])
		count++;
	made = xcalloc(count + 1, sizeof(*made));
	for (char **e = environ; *e; e++)
		for (size_t i = 0; i < ARRAY_LEN(kept); i++)
			if (strncmp(*e, kept[i], strlen(kept[i])) == 0) {
				made[n++] = *e;
				break;
			}
	return made;
}

int spawn_beside(const char *name, char **path, struct fault *f)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return fault_errno(f, FAULT_SYSTEM, "/proc/self/exe");
	self[n] = '\0';
	slash = strrchr(self, '/');
	*path = xasprintf("%.*s/%s", slash ? (int)(slash - self) : 1, slash ? self : ".", name);
	if (access(*path, X_OK) == 0)
		return 0;
	fault_errno(f, FAULT_SYSTEM, "cannot run %s", *path);
	free(*path);
	*path = NULL;
	return -1;
}

static int set_attributes(posix_spawnattr_t *attr)
{
	short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	r = posix_spawnattr_setflags(attr, flags);
	if (r == 0)
		r = posix_spawnattr_setpgroup(attr, 0);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attr, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attr, &all);
	return r;
}

static int set_actions(posix_spawn_file_actions_t *actions, int input, int socket, int errors)
{
	int r = posix_spawn_file_actions_adddup2(actions, errors, 2);

	/* the order matters: nothing below overwrites a descriptor that is still to be copied (both are > 3) */
	if (r == 0 && socket >= 0)
		r = posix_spawn_file_actions_adddup2(actions, socket, 3);
	if (r == 0 && input >= 0)
		r = posix_spawn_file_actions_adddup2(actions, input, 0);
	if (r == 0 && input < 0)
		r = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(actions, socket >= 0 ? 4 : 3);
	return r;
}

/* A copy above 3, so that no dup2 of the child meets its own target. */
static int lift(int fd, struct fault *f)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 4);

	if (copy < 0)
		fault_errno(f, FAULT_SYSTEM, "duplicate a descriptor");
	return copy;
}

static int start_lifted(const char *path, char *const argv[], int input, int socket, int errors,
			pid_t *pid, struct fault *f)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int r;

	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_init(&actions);
	r = set_attributes(&attr);
	if (r == 0)
		r = set_actions(&actions, input, socket, errors);
	if (r == 0)
		r = posix_spawn(pid, path, &actions, &attr, argv, spawn_environment());
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	if (r == 0)
		return 0;
	errno = r;
	return fault_errno(f, FAULT_SYSTEM, "cannot start %s", path);
}

int spawn_start(const char *path, char *const argv[], int input, int socket, int errors, int nice,
		pid_t *pid, struct fault *f)
{
	int in = input >= 0 ? lift(input, f) : -1;
	int sock = socket >= 0 ? lift(socket, f) : -1;
	int err = lift(errors, f);
	int r = -1;

	if ((input < 0 || in >= 0) && (socket < 0 || sock >= 0) && err >= 0)
		r = start_lifted(path, argv, in, sock, err, pid, f);
	if (in >= 0)
		close(in);
	if (sock >= 0)
		close(sock);
	if (err >= 0)
		close(err);
	if (r == 0 && nice)
		(void)setpriority(PRIO_PROCESS, (id_t)*pid, nice);
	return r;
}

static uint64_t cpu_used(pid_t pid)
{
	clockid_t clock;
	struct timespec ts;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &ts) < 0)
		return 0;
	return (uint64_t)ts.tv_sec + 1;
}

void spawn_limit(pid_t pid, const struct spawn_limits *limits)
{
	struct rlimit none = {0, 0};

	(void)prlimit(pid, RLIMIT_CORE, &none, NULL);
	if (limits->memory_bytes) {
		struct rlimit as = {limits->memory_bytes, limits->memory_bytes};

		(void)prlimit(pid, RLIMIT_AS, &as, NULL);
	}
	if (limits->cpu_seconds) {
		struct rlimit cpu;

		/* the hard limit stays: lowering it once would bind every later job of this worker */
		if (prlimit(pid, RLIMIT_CPU, NULL, &cpu) < 0)
			return;
		cpu.rlim_cur = cpu_used(pid) + limits->cpu_seconds;
		if (cpu.rlim_cur > cpu.rlim_max)
			cpu.rlim_cur = cpu.rlim_max;
		(void)prlimit(pid, RLIMIT_CPU, &cpu, NULL);
	}
}

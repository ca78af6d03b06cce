/*
 * taken_over - an ingest-worker that hostile bytes have taken over: it makes the calls that its input names
 *
 * Linked in the place of worker/serve.c into the worker's own main, so that everything before the first byte of a tenant is the real
 * thing (Makefile: build/tools/taken-over; build/tools/unconfined is the same with a confine() that does nothing).  A line of the input
 * is a call and its arguments; for each one line "CALL ARGUMENTS -> ok" or "-> ERRNO" goes to standard error.  Used by
 * tests/e2e/test_f_taken_over.py.
 */
#include "watcher/base/base.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/ipc.h"
#include "watcher/model/message.h"
#include "watcher/worker/serve.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef UNCONFINED
#include "watcher/base/confine.h"

int confine(const struct confinement *c, struct fault *f)
{
	(void)c;
	(void)f;
	return 0;
}

void confine_lacks(struct strbuf *out)
{
	(void)out;
}
#endif

static int input;
static const char *first, *second; /* arguments */

static long number(void)
{
	return strtol(first, NULL, 10);
}

static long opened(int flags)
{
	int fd = open(first, flags | O_CLOEXEC, 0600);
	char c;

	if (fd < 0)
		return -1;
	/* what cannot be read is not reached; EIO: the memory of a process, where nothing is at 0 */
	if ((flags & O_ACCMODE) == O_RDONLY && !(flags & O_DIRECTORY) && read(fd, &c, 1) < 0 && errno != EIO)
		return -1;
	return close(fd);
}

static long call_read(void) { return opened(O_RDONLY); }
static long call_write(void) { return opened(O_WRONLY); }
static long call_create(void) { return opened(O_WRONLY | O_CREAT | O_EXCL); }
static long call_list(void) { return opened(O_RDONLY | O_DIRECTORY); }
static long call_sleep(void) { return sleep((unsigned)number()) ? -1 : 0; }
static long call_unlink(void) { return unlink(first); }
static long call_mkdir(void) { return mkdir(first, 0700); }
static long call_truncate(void) { return truncate(first, 0); }
static long call_rename(void) { return rename(first, second); }
static long call_link(void) { return link(first, second); }
static long call_symlink(void) { return symlink(first, second); }
static long call_chmod(void) { return chmod(first, 0777); }
static long call_mknod(void) { return mknod(first, S_IFIFO | 0600, 0); }
/* the input again, for writing: the claim changed its owner and mode */
static long call_reopen(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", input);
	return open(path, O_RDWR | O_CLOEXEC) < 0 ? -1 : 0;
}
static long call_lease(void) { return fcntl(input, F_SETLEASE, F_RDLCK); }
static long call_setown(void) { return fcntl(input, F_SETOWN, (int)number()); }

static long connected(int domain, const void *address, size_t n)
{
	int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -1 : connect(fd, address, (socklen_t)n);
}

static long call_connect_unix(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", first);
	return connected(AF_UNIX, &a, sizeof(a));
}

static long call_connect_abstract(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "%s", first);
	return connected(AF_UNIX, &a, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(first));
}

static struct sockaddr_in port_address(void)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)number()), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static long call_connect_tcp(void)
{
	struct sockaddr_in a = port_address();

	return connected(AF_INET, &a, sizeof(a));
}

static long call_bind_tcp(void)
{
	struct sockaddr_in a = port_address();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -1 : bind(fd, (const struct sockaddr *)&a, sizeof(a));
}

static long call_socket_netlink(void) { return socket(AF_NETLINK, SOCK_RAW, 0); }
static long call_socket_packet(void) { return socket(AF_PACKET, SOCK_RAW, 0); }
static long call_socket_raw(void) { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static long call_socket_vsock(void) { return socket(AF_VSOCK, SOCK_STREAM, 0); }

static long call_kill(void) { return kill((pid_t)number(), 0); }
static long call_tgkill(void) { return syscall(SYS_tgkill, number(), number(), 0); }
static long call_ptrace(void)
{
	if (ptrace(PTRACE_ATTACH, (pid_t)number(), 0, 0) < 0)
		return -1;
	waitpid((pid_t)number(), NULL, __WALL);
	return ptrace(PTRACE_DETACH, (pid_t)number(), 0, 0);
}
static long call_process_vm_readv(void)
{
	char c;
	struct iovec to = {&c, 1}, from = {(void *)strtoul(second, NULL, 16), 1};

	return process_vm_readv((pid_t)number(), &to, 1, &from, 1, 0);
}
static long call_pidfd_open(void) { return syscall(SYS_pidfd_open, number(), 0); }
static long call_prlimit_other(void)
{
	struct rlimit r = {100, 100};

	return prlimit((pid_t)number(), RLIMIT_NOFILE, &r, NULL);
}
static long call_setpriority(void) { return setpriority(PRIO_PROCESS, (id_t)number(), 19); }
static long call_sched_setaffinity(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	return sched_setaffinity((pid_t)number(), sizeof(all), &all);
}

static long call_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid((pid_t)pid, NULL, 0);
}
static long call_clone3(void)
{
	struct { uint64_t a[11]; } args = {{0}};
	long pid;

	args.a[4] = SIGCHLD;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid((pid_t)pid, NULL, 0);
}
#ifdef __x86_64__
static long call_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, NULL, 0);
}
#endif
/* The line is the shell's then. */
static char shell[] = "sh", option[] = "-c", says[] = "echo exec /bin/sh '->' ok >&2", says_at[] = "echo execveat /bin/sh '->' ok >&2";
static long call_exec(void)
{
	char *const argv[] = {shell, option, says, NULL};

	return execv(first, argv);
}
static long call_execveat(void)
{
	char *const argv[] = {shell, option, says_at, NULL};

	return syscall(SYS_execveat, AT_FDCWD, first, argv, environ, 0);
}
static long call_unshare(void) { return unshare(CLONE_NEWNS); }
static long call_setns(void) { return setns(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), 0); }
static long call_chroot(void) { return chroot("/"); }
static long call_mount(void)
{
	if (mount("none", first, "tmpfs", 0, NULL) < 0)
		return -1;
	return umount2(first, MNT_DETACH);
}
static long call_setuid(void) { return setuid(getuid()); }
static long call_setgroups(void) { return setgroups(0, NULL); }
static long call_capset(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2];

	return syscall(SYS_capget, &h, d) < 0 ? -1 : syscall(SYS_capset, &h, d);
}
static long call_setrlimit(void)
{
	struct rlimit r = {100, 100};

	return prlimit(0, RLIMIT_NOFILE, &r, NULL);
}
static long call_prctl_dumpable(void) { return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }
static long call_personality(void) { return personality(0xffffffff); }
static long call_io_uring(void)
{
	struct io_uring_params p = {0};

	return syscall(SYS_io_uring_setup, 1, &p);
}
static long call_bpf(void)
{
	uint32_t array_of_one[32] = {2, 4, 4, 1};

	return syscall(SYS_bpf, 0, array_of_one, sizeof(array_of_one)); /* BPF_MAP_CREATE */
}
static long call_userfaultfd(void) { return syscall(SYS_userfaultfd, O_CLOEXEC); }
static long call_keyctl(void) { return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1); }
static long call_add_key(void) { return syscall(SYS_add_key, "user", "k", "v", 1, KEY_SPEC_PROCESS_KEYRING); }
static long call_perf(void)
{
	struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(a), .config = PERF_COUNT_SW_CPU_CLOCK};

	return syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
}
static long call_inotify(void) { return inotify_init1(IN_CLOEXEC); }
static long call_fanotify(void) { return fanotify_init(FAN_CLOEXEC, O_RDONLY); }
static long call_memfd(void) { return memfd_create("x", MFD_CLOEXEC); }
static long call_shmget(void) { return shmget(IPC_PRIVATE, 4096, 0600); }
static long call_mq_open(void) { return mq_open("/taken-over", O_RDWR | O_CREAT, 0600, NULL) < 0 ? -1 : mq_unlink("/taken-over"); }
static long call_write_and_run(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}
static long call_make_runnable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}
static long call_name_to_handle(void)
{
	struct { struct file_handle h; unsigned char more[128]; } handle = {.h.handle_bytes = 128};
	int mount_id;

	return name_to_handle_at(AT_FDCWD, first, &handle.h, &mount_id, 0);
}
static long call_accept(void) { return accept(0, NULL, NULL) < 0 && errno == ENOTSOCK ? 0 : -1; }
static long call_syslog(void) { return syscall(SYS_syslog, 10, NULL, 0); }

static const struct {
	const char *name;
	long (*make)(void);
} calls[] = {
#define CALL(name) {#name, call_##name}
	CALL(read), CALL(write), CALL(create), CALL(list), CALL(unlink), CALL(mkdir), CALL(truncate), CALL(rename), CALL(link),
	CALL(symlink), CALL(chmod), CALL(mknod), CALL(reopen), CALL(lease), CALL(setown), CALL(connect_unix), CALL(connect_abstract),
	CALL(connect_tcp), CALL(bind_tcp), CALL(socket_netlink), CALL(socket_packet), CALL(socket_raw), CALL(socket_vsock), CALL(kill),
	CALL(tgkill), CALL(ptrace), CALL(process_vm_readv), CALL(pidfd_open), CALL(prlimit_other), CALL(setpriority),
	CALL(sched_setaffinity), CALL(fork), CALL(clone3), CALL(exec), CALL(execveat), CALL(unshare), CALL(setns), CALL(chroot),
	CALL(mount), CALL(setuid), CALL(setgroups), CALL(capset), CALL(setrlimit), CALL(prctl_dumpable), CALL(personality),
	CALL(io_uring), CALL(bpf), CALL(userfaultfd), CALL(keyctl), CALL(add_key), CALL(perf), CALL(inotify), CALL(fanotify),
	CALL(memfd), CALL(shmget), CALL(mq_open), CALL(write_and_run), CALL(make_runnable), CALL(name_to_handle), CALL(accept),
	CALL(syslog), CALL(sleep),
#ifdef __x86_64__
	CALL(vfork),
#endif
};

static void make_call(char *line)
{
	char whole[512], *rest = line, *name = strsep(&rest, " ");

	snprintf(whole, sizeof(whole), "%s%s%s", name, rest ? " " : "", rest ? rest : "");
	first = rest ? strsep(&rest, " ") : "";
	second = rest ? rest : "";
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		long r;

		if (strcmp(calls[i].name, name) != 0)
			continue;
		errno = 0;
		r = calls[i].make();
		dprintf(2, "%s -> %s\n", whole, r < 0 ? strerrorname_np(errno) : "ok");
		return;
	}
	dprintf(2, "%s -> no such call\n", whole);
}

int serve(int socket, struct fault *f)
{
	struct strbuf packet = STRBUF_INIT, text = STRBUF_INIT;
	int fds[MESSAGE_FD_COUNT], r;
	size_t nfds = MESSAGE_FD_COUNT;
	char *rest, *line;

	do
		r = ipc_recv(socket, &packet, fds, &nfds, f);
	while (r < 0 && f->error == EAGAIN);
	if (r <= 0)
		return r;
	input = fds[MESSAGE_FD_INPUT];
	if (fs_read_fd(input, 1 << 20, &text, f) < 0)
		return -1;
	rest = text.p;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line)
			make_call(line);
	return 0;
}

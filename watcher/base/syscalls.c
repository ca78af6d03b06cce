/*
 * syscalls - the list of calls, made into a filter; see the header
 *
 * Called by confine.  The filter is a classic BPF program: is it our kind of system call, then a comparison a name.  The kernel
 * remembers the answer for names that need no look at their arguments.  Owns nothing afterwards.
 */
#include "watcher/base/base.h"
#include "watcher/base/syscalls.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define OTHER_ABI 0x40000000u /* x32: the same calls under other numbers */
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#define OTHER_ABI 0u
/* calls that newer architectures never had */
#define SYS_open (-1)
#define SYS_stat (-1)
#define SYS_lstat (-1)
#define SYS_access (-1)
#define SYS_readlink (-1)
#define SYS_unlink (-1)
#define SYS_mkdir (-1)
#define SYS_dup2 (-1)
#define SYS_pipe (-1)
#define SYS_poll (-1)
#define SYS_select (-1)
#define SYS_epoll_wait (-1)
#define SYS_time (-1)
#else
#error "syscalls: this architecture's calls are not listed"
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#define CLONE_NEW (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define SELF UINT64_MAX /* stands for our own process id */
#define PROGRAM_MAX 1024
#define DIE SECCOMP_RET_KILL_PROCESS

enum action { ROW_ALLOW, ROW_WHERE, ROW_REFUSE };

static const struct row {
	enum action action;
	int number;
	unsigned argument;
	uint64_t mask, value;
	uint32_t error;
} rows[] = {
#define ALLOW(call) {ROW_ALLOW, SYS_##call, 0, 0, 0, 0},
#define WHERE(call, argument, mask, value) {ROW_WHERE, SYS_##call, argument, mask, value, 0},
#define REFUSE(call, error) {ROW_REFUSE, SYS_##call, 0, 0, 0, error},
#include "watcher/base/syscalls.def"
#undef ALLOW
#undef WHERE
#undef REFUSE
};

struct program {
	struct sock_filter code[PROGRAM_MAX];
	unsigned short len;
};

static void put(struct program *p, uint16_t code, uint32_t k)
{
	CHECK(p->len < PROGRAM_MAX);
	p->code[p->len++] = (struct sock_filter){code, 0, 0, k};
}

static void load(struct program *p, size_t offset)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

static void answer(struct program *p, uint32_t result)
{
	put(p, BPF_RET | BPF_K, result);
}

/* A comparison whose way when it does not hold is set by skip_to. */
static unsigned short unless_equal(struct program *p, uint32_t k)
{
	put(p, BPF_JMP | BPF_JEQ | BPF_K, k);
	return (unsigned short)(p->len - 1);
}

/* To what comes next. */
static void skip_to_here(struct program *p, unsigned short at)
{
	unsigned distance = p->len - at - 1u;

	CHECK(distance <= UINT8_MAX);
	p->code[at].jf = (uint8_t)distance;
}

/* Both halves of the argument; a half that the mask leaves out is not looked at. */
static void put_where(struct program *p, const struct row *r)
{
	size_t low = offsetof(struct seccomp_data, args) + r->argument * sizeof(uint64_t);
	uint64_t value = r->value == SELF ? (uint64_t)getpid() : r->value;
	unsigned short no[2];
	unsigned n = 0;

	for (unsigned half = 0; half < 2; half++) {
		uint32_t mask = (uint32_t)(r->mask >> (32 * half));

		if (!mask)
			continue;
		load(p, low + half * sizeof(uint32_t)); /* both architectures are little-endian */
		put(p, BPF_ALU | BPF_AND | BPF_K, mask);
		no[n++] = unless_equal(p, (uint32_t)(value >> (32 * half)) & mask);
	}
	answer(p, SECCOMP_RET_ALLOW);
	while (n)
		skip_to_here(p, no[--n]);
}

/* All rows of one name; returns how many. */
static size_t put_call(struct program *p, const struct row *r, size_t left)
{
	unsigned short no = unless_equal(p, (uint32_t)r->number);
	size_t n = 0;

	for (; n < left && r[n].number == r->number; n++) {
		CHECK(n == 0 || r[n - 1].action == ROW_WHERE);
		if (r[n].action == ROW_WHERE)
			put_where(p, &r[n]);
		else
			answer(p, r[n].action == ROW_ALLOW ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | r[n].error);
	}
	if (r[n - 1].action == ROW_WHERE)
		answer(p, DIE);
	skip_to_here(p, no);
	return n;
}

static void put_all(struct program *p)
{
	unsigned short no;
	size_t i = 0;

	load(p, offsetof(struct seccomp_data, arch));
	no = unless_equal(p, ARCH);
	put(p, BPF_JMP | BPF_JA, 1);
	skip_to_here(p, no);
	answer(p, DIE);
	load(p, offsetof(struct seccomp_data, nr));
	/* no call at all: a tracer has answered in the kernel's place (strace's injected faults) */
	no = unless_equal(p, UINT32_MAX);
	answer(p, SECCOMP_RET_ALLOW);
	skip_to_here(p, no);
	if (OTHER_ABI) {
		put(p, BPF_JMP | BPF_JSET | BPF_K, OTHER_ABI);
		p->code[p->len - 1].jf = 1;
		answer(p, DIE);
	}
	while (i < ARRAY_LEN(rows)) {
		if (rows[i].number < 0)
			i++;
		else
			i += put_call(p, &rows[i], ARRAY_LEN(rows) - i);
	}
	answer(p, DIE);
}

bool syscalls_available(void)
{
	uint32_t action = DIE;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int syscalls_enforce(struct fault *f)
{
	struct program p = {.len = 0};
	struct sock_fprog prog = {.filter = p.code};

	put_all(&p);
	prog.len = p.len;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) != 0)
		return fault_errno(f, FAULT_SYSTEM, "seccomp");
	return 0;
}

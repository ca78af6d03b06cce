/*
 * malloc_count - count calls of the allocator; preload it
 *
 *	cc -shared -fPIC -O2 -o malloc_count.so malloc_count.c
 *	MALLOC_COUNT_FILE=/tmp/n LD_PRELOAD=./malloc_count.so PROGRAM
 *
 * At the end of each process one line "PROGRAM PID CALLS BYTES" is appended to the file (standard
 * error without one); a process that is killed leaves none.  With MALLOC_COUNT_SIGNAL set, SIGUSR2
 * appends a line too.  The file is opened at the start: a worker cannot open it later.  malloc, calloc, realloc and the aligned kinds count; free does not.  Used by
 * the test that 10,000 and 100,000 rows take the same number of calls.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_ulong calls, bytes;

static void count(size_t n)
{
	atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&bytes, n, memory_order_relaxed);
}

void *malloc(size_t n)
{
	count(n);
	return __libc_malloc(n);
}

void *calloc(size_t k, size_t n)
{
	count(k * n);
	return __libc_calloc(k, n);
}

void *realloc(void *p, size_t n)
{
	count(n);
	return __libc_realloc(p, n);
}

void *memalign(size_t align, size_t n)
{
	count(n);
	return __libc_memalign(align, n);
}

void *aligned_alloc(size_t align, size_t n)
{
	count(n);
	return __libc_memalign(align, n);
}

int posix_memalign(void **out, size_t align, size_t n)
{
	void *p;

	count(n);
	p = __libc_memalign(align, n);
	if (!p)
		return ENOMEM;
	*out = p;
	return 0;
}

static int fd = 2;

static void report(void)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "%s %d %lu %lu\n", program_invocation_short_name,
			 (int)getpid(), atomic_load(&calls), atomic_load(&bytes));

	if (fd < 0 || n < 0 || write(fd, line, (size_t)n) < 0)
		return;
}

static void on_signal(int number)
{
	int saved = errno;

	(void)number;
	report();
	errno = saved;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("MALLOC_COUNT_FILE");

	if (path)
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (getenv("MALLOC_COUNT_SIGNAL"))
		signal(SIGUSR2, on_signal);
}

__attribute__((destructor)) static void end(void)
{
	report();
}

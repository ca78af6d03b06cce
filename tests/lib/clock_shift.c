/*
 * clock_shift - clocks that a test sets while a program runs; preload it
 *
 *	cc -shared -fPIC -O2 -o clock_shift.so clock_shift.c
 *	CLOCK_SHIFT=/tmp/shift LD_PRELOAD=./clock_shift.so PROGRAM
 *
 * The file holds two numbers of 64 bits: milliseconds that are added to CLOCK_REALTIME (somebody set the clock) and to CLOCK_MONOTONIC
 * (time that nobody has to wait for).  It is mapped, so that a write takes effect at the next look at a clock.  What the kernel itself
 * stamps and waits for stays as it is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift;
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("CLOCK_SHIFT");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, 2 * sizeof(*shift), PROT_READ, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (at != MAP_FAILED)
		shift = at;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t ms = 0;
	int r;

	if (!real)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	r = real(id, ts);
	if (shift && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ms = shift[0];
	else if (shift && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE || id == CLOCK_BOOTTIME))
		ms = shift[1];
	ts->tv_sec += ms / 1000;
	ts->tv_nsec += ms % 1000 * 1000000;
	if (ts->tv_nsec >= 1000000000) {
		ts->tv_sec++;
		ts->tv_nsec -= 1000000000;
	} else if (ts->tv_nsec < 0) {
		ts->tv_sec--;
		ts->tv_nsec += 1000000000;
	}
	return r;
}

int gettimeofday(struct timeval *tv, void *zone)
{
	struct timespec ts;
	int r = clock_gettime(CLOCK_REALTIME, &ts);

	(void)zone;
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return r;
}

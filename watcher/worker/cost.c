/*
 * cost - what one job used of the machine; see the header
 *
 * Called by the service for each job.  Owns two files of /proc, opened before the service is confined.  A worker without /proc gives
 * the peak of its whole life, which bounds the job's.
 */
#include "watcher/base/base.h"
#include "watcher/worker/cost.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define STATUS_BYTES 4096
#define FORGET_PEAK "5"

static int forget_fd = -1, status_fd = -1;

void cost_open(void)
{
	forget_fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	status_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
}

uint64_t cost_process_us(void)
{
	struct rusage u;

	CHECK(getrusage(RUSAGE_SELF, &u) == 0);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

void cost_begin(struct cost *c)
{
	*c = (struct cost){.cpu_us = cost_process_us()};
	/* refused in some containers: the peak is then that of the process */
	if (forget_fd >= 0 && pwrite(forget_fd, FORGET_PEAK, sizeof(FORGET_PEAK) - 1, 0) < 0)
		c->cpu_us = cost_process_us();
}

void cost_pause(struct cost *c)
{
	c->spent = cost_cpu_us(c);
	c->paused = true;
}

void cost_add(struct cost *c, uint64_t us)
{
	c->spent += us;
}

void cost_go_on(struct cost *c)
{
	c->cpu_us = cost_process_us();
	c->paused = false;
}

uint64_t cost_cpu_us(const struct cost *c)
{
	return c->spent + (c->paused ? 0 : cost_process_us() - c->cpu_us);
}

static uint64_t peak_of_status(void)
{
	static const char key[] = "\nVmHWM:";
	char text[STATUS_BYTES];
	ssize_t n = status_fd < 0 ? -1 : pread(status_fd, text, sizeof(text) - 1, 0);
	const char *at;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, key);
	return at ? strtoull(at + sizeof(key) - 1, NULL, 10) * 1024 : 0;
}

uint64_t cost_peak_rss(void)
{
	uint64_t peak = peak_of_status();
	struct rusage u;

	if (peak)
		return peak;
	CHECK(getrusage(RUSAGE_SELF, &u) == 0);
	return (uint64_t)u.ru_maxrss * 1024;
}

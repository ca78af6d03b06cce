/*
 * cost - what one job used of the machine; see the header
 *
 * Called by the service for each job.  Owns nothing.  A worker without /proc gives the peak of its whole life, which bounds the
 * job's.
 */
#include "watcher/base/base.h"
#include "watcher/worker/cost.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define STATUS_BYTES 4096
#define FORGET_PEAK "5"

static uint64_t cpu_now(void)
{
	struct rusage u;

	CHECK(getrusage(RUSAGE_SELF, &u) == 0);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

void cost_begin(struct cost *c)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	c->cpu_us = cpu_now();
	if (fd < 0)
		return;
	/* refused in some containers: the peak is then that of the process */
	if (write(fd, FORGET_PEAK, sizeof(FORGET_PEAK) - 1) < 0)
		c->cpu_us = cpu_now();
	close(fd);
}

uint64_t cost_cpu_us(const struct cost *c)
{
	return cpu_now() - c->cpu_us;
}

static uint64_t peak_of_status(void)
{
	static const char key[] = "\nVmHWM:";
	char text[STATUS_BYTES];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *at;

	if (fd >= 0)
		close(fd);
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

/*
 * lock - one daemon a state folder; see lock.h
 *
 * An flock, not a pid file: the kernel gives it up with its holder, however that ends.  The number
 * in the file is for people.  The descriptor is close-on-exec, so that no worker keeps the lock of
 * a dead daemon.
 */
#include "watcher/base/base.h"
#include "watcher/spool/lock.h"

#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_NAME "ingestd.lock"
#define LOCK_PAUSE_MS 50

static long holder_of(int fd)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	return n > 0 ? strtol(text, NULL, 10) : 0;
}

/* 0 locked, -1 and errno */
static int lock_until(int fd, int64_t end_ms)
{
	const struct timespec pause = {0, LOCK_PAUSE_MS * 1000000L};

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK || clock_mono_ms() >= end_ms)
			return -1;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

static int lock_write_pid(int fd, struct fault *f)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot write %s", LOCK_NAME);
	if (fs_pwrite_all(fd, text, (size_t)n, 0, f) == 0)
		return 0;
	return fault_prefix(f, "cannot write %s", LOCK_NAME);
}

int lock_take(const char *state_dir, int64_t wait_ms, int *out, struct fault *f)
{
	char *path = fs_join(state_dir, LOCK_NAME);
	int fd = -1;
	int r = -1;

	if (fs_make_dirs(state_dir, 0755, f) < 0)
		goto out;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		fault_errno(f, FAULT_SYSTEM, "cannot open %s", path);
		goto out;
	}
	if (lock_until(fd, clock_mono_ms() + wait_ms) < 0) {
		int error = errno;

		if (error == EWOULDBLOCK)
			fault_set(f, FAULT_SYSTEM,
				  "another ingestd (process %ld) has the state folder %s",
				  holder_of(fd), state_dir);
		else
			fault_errno(f, FAULT_SYSTEM, "cannot lock %s", path);
		f->error = error;
		goto out;
	}
	r = lock_write_pid(fd, f);
out:
	free(path);
	if (r < 0)
		fs_close(&fd);
	else
		*out = fd;
	return r;
}

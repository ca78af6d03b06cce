/*
 * scan - read a folder in slices; see the header
 *
 * readdir(3) reads 32 KiB at a time, so that a slice of some hundred names costs one system call.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/scan.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void scan_init(struct scan *s)
{
	s->dir = NULL;
}

int scan_begin(struct scan *s, int dir_fd, struct fault *f)
{
	int fd;

	scan_end(s);
	fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot open the folder for a scan");
	s->dir = fdopendir(fd);
	if (!s->dir) {
		fault_errno(f, FAULT_SYSTEM, "cannot read the folder");
		close(fd);
		return -1;
	}
	return 0;
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

enum scan_result scan_step(struct scan *s, size_t max, void (*fn)(void *ctx, const char *name),
			   void *ctx, struct fault *f)
{
	CHECK(s->dir != NULL);
	for (size_t i = 0; i < max; i++) {
		const struct dirent *d;

		errno = 0;
		d = readdir(s->dir);
		if (!d && errno) {
			fault_errno(f, FAULT_SYSTEM, "cannot read the folder");
			scan_end(s);
			return SCAN_FAILED;
		}
		if (!d) {
			scan_end(s);
			return SCAN_DONE;
		}
		if (!is_dots(d->d_name))
			fn(ctx, d->d_name);
	}
	return SCAN_MORE;
}

void scan_end(struct scan *s)
{
	if (s->dir)
		closedir(s->dir);
	s->dir = NULL;
}

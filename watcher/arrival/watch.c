/*
 * watch - one inotify descriptor for all tenants; see the header
 *
 * The folder is named to the kernel through /proc/self/fd, so that what is watched is what was
 * opened, whatever happens to its path.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/watch.h"
#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#define WATCH_MASK \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_MOVED_FROM | \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define BUFFER_SIZE (64 * 1024)

void watch_open(struct watch *w)
{
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	w->error = w->fd < 0 ? errno : 0;
}

void watch_close(struct watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

int watch_add(struct watch *w, int dir_fd, int *wd)
{
	char path[32];
	int r;

	if (w->fd < 0) {
		errno = w->error ? w->error : EBADF;
		return -1;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir_fd);
	r = inotify_add_watch(w->fd, path, WATCH_MASK);
	if (r < 0)
		return -1;
	*wd = r;
	return 0;
}

void watch_remove(struct watch *w, int wd)
{
	/* EINVAL: the kernel dropped it already */
	if (w->fd >= 0 && wd >= 0)
		(void)inotify_rm_watch(w->fd, wd);
}

static void handle(const struct inotify_event *e, watch_fn *fn, void *ctx)
{
	const char *name = e->len ? e->name : "";

	if (e->mask & IN_Q_OVERFLOW)
		fn(ctx, -1, WATCH_OVERFLOW, "");
	else if (e->mask & IN_IGNORED)
		fn(ctx, e->wd, WATCH_DEAD, "");
	else if (!*name || (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)))
		fn(ctx, e->wd, WATCH_SELF, "");
	else if (e->mask & (IN_DELETE | IN_MOVED_FROM))
		fn(ctx, e->wd, WATCH_LEFT, name);
	else
		fn(ctx, e->wd, WATCH_NAME, name);
}

size_t watch_read(struct watch *w, watch_fn *fn, void *ctx)
{
	static char buffer[BUFFER_SIZE] __attribute__((aligned(__alignof__(struct inotify_event))));
	size_t count = 0, at = 0;
	ssize_t n;

	if (w->fd < 0)
		return 0;
	do
		n = read(w->fd, buffer, sizeof(buffer));
	while (n < 0 && errno == EINTR);
	while (n > 0 && at + sizeof(struct inotify_event) <= (size_t)n) {
		const struct inotify_event *e = (const void *)(buffer + at);

		handle(e, fn, ctx);
		at += sizeof(*e) + e->len;
		count++;
	}
	return count;
}

bool watch_is_blind(int dir_fd)
{
	static const unsigned long blind[] = {
		0x6969,	    /* NFS */
		0x65735546, /* FUSE */
		0x517b,	    /* SMB */
		0xff534d42, /* CIFS */
		0xfe534d42, /* SMB 2 */
		0x01021997, /* 9p */
		0x00c36400, /* Ceph */
		0x5346414f, /* AFS */
	};
	struct statfs s;

	if (fstatfs(dir_fd, &s) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(blind); i++)
		if (((unsigned long)s.f_type & 0xffffffffUL) == blind[i])
			return true;
	return false;
}

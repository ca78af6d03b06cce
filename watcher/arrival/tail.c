/*
 * tail - a log that another program writes, line by line, over its rotations; see the header
 *
 * t->at.offset stands behind the last whole line given out: what is kept with it need not know of a begun one.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/tail.h"
#include "watcher/base/fsutil.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

void tail_init(struct tail *t, const char *path)
{
	memset(t, 0, sizeof(*t));
	t->path = xstrdup(path);
	t->fd = -1;
	strbuf_init(&t->line);
}

void tail_release(struct tail *t)
{
	fs_close(&t->fd);
	strbuf_release(&t->line);
	free(t->path);
	t->path = NULL;
}

/* Does the file hold what was read before at.offset? */
static bool is_mine(int fd, const struct tail_at *at)
{
	char now[TAIL_MARK];

	if (at->offset < at->mark_n)
		return false;
	return pread(fd, now, at->mark_n, (off_t)(at->offset - at->mark_n)) == (ssize_t)at->mark_n &&
	       memcmp(now, at->mark, at->mark_n) == 0;
}

static int open_log(const char *path, struct fault *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	struct stat st;

	if (fd < 0) {
		fault_errno(f, FAULT_SYSTEM, "cannot open %s", path);
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	fault_set(f, FAULT_SYSTEM, "%s is not a regular file", path);
	return -1;
}

static void begin(struct tail *t, int fd)
{
	struct stat st;

	fs_close(&t->fd);
	t->fd = fd;
	memset(&t->at, 0, sizeof(t->at));
	if (fstat(fd, &st) == 0)
		t->at.ino = (uint64_t)st.st_ino;
	strbuf_reset(&t->line);
	t->skipping = t->last_look = false;
}

/* At a start: where it was left, in the file itself or in the one that it was renamed to; else from the begin. */
static int open_first(struct tail *t, struct fault *f)
{
	char *rotated = xasprintf("%s.1", t->path);
	struct fault ignored = FAULT_INIT;
	int fd = open_log(t->path, f), old = -1;

	if (t->at.mark_n && (fd < 0 || !is_mine(fd, &t->at))) {
		old = open_log(rotated, &ignored);
		if (old >= 0 && !is_mine(old, &t->at))
			fs_close(&old);
	}
	free(rotated);
	if (old >= 0) {
		fs_close(&fd);
		fault_clear(f);
		t->fd = old;
		return 0;
	}
	if (fd < 0)
		return -1;
	if (t->at.mark_n && is_mine(fd, &t->at))
		t->fd = fd;
	else
		begin(t, fd);
	return 0;
}

/* The name leads to another file now: the old one is read to its end once more, then left. */
static void follow(struct tail *t)
{
	struct stat here, there;
	struct fault ignored = FAULT_INIT;
	int fd;

	if (fstat(t->fd, &here) < 0 || stat(t->path, &there) < 0 ||
	    (here.st_ino == there.st_ino && here.st_dev == there.st_dev))
		return;
	if (!t->last_look) {
		t->last_look = true;
		return;
	}
	fd = open_log(t->path, &ignored);
	if (fd >= 0)
		begin(t, fd);
}

static void cut(struct tail *t)
{
	struct stat st;

	if (fstat(t->fd, &st) < 0 || ((uint64_t)st.st_size >= t->at.offset + t->line.n && is_mine(t->fd, &t->at)))
		return;
	begin(t, dup(t->fd));
}

static void keep_mark(struct tail *t, struct span line)
{
	size_t n = line.n < TAIL_MARK ? line.n : TAIL_MARK;
	size_t old = t->at.mark_n < TAIL_MARK - n ? t->at.mark_n : TAIL_MARK - n;

	memmove(t->at.mark, t->at.mark + t->at.mark_n - old, old);
	memcpy(t->at.mark + old, line.p + line.n - n, n);
	t->at.mark_n = old + n;
	t->at.offset += line.n;
}

static int give(struct tail *t, struct span text, void (*fn)(void *ctx, struct span line), void *ctx)
{
	int lines = 0;

	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) + 1 : text.n;

		strbuf_add(&t->line, text.p, n);
		text.p += n, text.n -= n;
		if (!end && t->line.n <= TAIL_LINE)
			continue;
		keep_mark(t, strbuf_span(&t->line));
		if (end && !t->skipping && t->line.n <= TAIL_LINE) {
			fn(ctx, strbuf_span(&t->line));
			lines++;
		}
		t->skipping = !end;
		strbuf_reset(&t->line);
	}
	return lines;
}

int tail_read(struct tail *t, void (*fn)(void *ctx, struct span line), void *ctx, struct fault *f)
{
	static char buffer[TAIL_STEP];
	ssize_t n;

	if (t->fd < 0 && open_first(t, f) < 0)
		return -1;
	cut(t);
	n = pread(t->fd, buffer, sizeof(buffer), (off_t)(t->at.offset + t->line.n));
	if (n < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot read %s", t->path);
	if (n == 0) {
		follow(t);
		return 0;
	}
	return give(t, (struct span){buffer, (size_t)n}, fn, ctx);
}

/*
 * stream_file - the bottom layer: a descriptor read with pread
 *
 * Made by the worker over the claimed file.  pread, so that a descriptor shared with another
 * process has no position to fight over; never mmap, which would die by SIGBUS on a file that is
 * cut.  The descriptor is borrowed.  Reads can fail with EIO.
 */
#include "watcher/base/base.h"
#include "watcher/base/fsutil.h"
#include "watcher/decode/stream.h"

struct stream_file {
	struct stream head;
	int fd;
	uint64_t at;
};

static int look_file(struct stream *s, uint64_t at, void *buf, size_t n, size_t *got,
		     struct fault *f)
{
	struct stream_file *sf = (struct stream_file *)s;

	if (n > STREAM_WINDOW)
		n = STREAM_WINDOW;
	if (at > INT64_MAX - STREAM_WINDOW) {
		*got = 0;
		return 0;
	}
	return fs_pread_full(sf->fd, buf, n, (off_t)at, got, f);
}

static int read_file(struct stream *s, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct stream_file *sf = (struct stream_file *)s;
	size_t some;

	if (look_file(s, sf->at, buf, n, &some, f) < 0)
		return -1;
	sf->at += some;
	*got = some;
	return 0;
}

static int skip_file(struct stream *s, uint64_t n, struct fault *f UNUSED)
{
	((struct stream_file *)s)->at += n;
	return 0;
}

static void release_file(struct stream *s)
{
	free(s);
}

static const struct stream_ops file_ops = {"file", read_file, look_file, skip_file, release_file};

struct stream *stream_file_new(int fd, uint64_t offset)
{
	struct stream_file *sf = xcalloc(1, sizeof(*sf));

	CHECK(fd >= 0);
	sf->head.ops = &file_ops;
	sf->fd = fd;
	sf->at = offset;
	return &sf->head;
}

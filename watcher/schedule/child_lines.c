/*
 * child_lines - what a child process says on its standard error; see the header
 *
 * Called by worker.c and by the daemon's helper.  Owns the pipe's end and the line in the making.
 */
#include "watcher/base/base.h"
#include "watcher/schedule/child_lines.h"
#include "watcher/base/fsutil.h"
#include <errno.h>
#include <unistd.h>

#define LINE_BYTES 500
#define LINES_MAX 100

void child_lines_init(struct child_lines *l)
{
	memset(l, 0, sizeof(*l));
	l->fd = -1;
	strbuf_init(&l->line);
}

static void end_line(struct child_lines *l)
{
	if (l->line.n && l->count < LINES_MAX) {
		l->count++;
		l->said(l->ctx, strbuf_span(&l->line));
	}
	strbuf_reset(&l->line);
}

/* false: nothing more now. */
static bool take(struct child_lines *l)
{
	char buffer[2048];
	ssize_t n = read(l->fd, buffer, sizeof(buffer));

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0) {
		if (n == 0)
			ev_io_stop(l->loop, &l->io);
		return false;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (buffer[i] == '\n')
			end_line(l);
		else if (l->line.n < LINE_BYTES)
			strbuf_addc(&l->line, buffer[i]);
	}
	return true;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	(void)take(io->data);
}

void child_lines_start(struct child_lines *l, struct ev_loop *loop, int fd, child_said *said, void *ctx)
{
	CHECK(l->fd < 0 && fd >= 0);
	l->loop = loop;
	l->fd = fd;
	l->said = said;
	l->ctx = ctx;
	ev_io_init(&l->io, on_readable, fd, EV_READ);
	l->io.data = l;
	ev_io_start(loop, &l->io);
}

void child_lines_end(struct child_lines *l)
{
	if (l->fd < 0)
		return;
	while (take(l))
		;
	end_line(l);
}

void child_lines_release(struct child_lines *l)
{
	if (l->fd >= 0)
		ev_io_stop(l->loop, &l->io);
	fs_close(&l->fd);
	strbuf_release(&l->line);
	child_lines_init(l);
}

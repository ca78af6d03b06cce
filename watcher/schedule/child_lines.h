/*
 * child_lines - what a child process says on its standard error, line by line
 *
 *	child_lines_init(l)
 *	child_lines_start(l, loop, fd, said, ctx)     fd: the reading end of its pipe, non-blocking; owned from here on
 *	child_lines_end(l)                            the child is dead: what is left in the pipe, the last line without its end
 *	child_lines_release(l)                        at any time; init again, may be started again
 *
 * A line is given out with at most 500 bytes, a child with at most 100 lines: who writes more is read and forgotten, so that it
 * never blocks and never fills a log.  Empty lines are none.  The bytes are as the child wrote them: escape them.
 */
#ifndef SCHEDULE_CHILD_LINES_H
#define SCHEDULE_CHILD_LINES_H

#include "watcher/base/strbuf.h"
#include <ev.h>

typedef void child_said(void *ctx, struct span line);

struct child_lines {
	struct ev_loop *loop;
	ev_io io;
	int fd; /* -1: not started */
	struct strbuf line;
	unsigned count;
	child_said *said;
	void *ctx;
};

void child_lines_init(struct child_lines *l);
void child_lines_start(struct child_lines *l, struct ev_loop *loop, int fd, child_said *said, void *ctx);
void child_lines_end(struct child_lines *l);
void child_lines_release(struct child_lines *l);

#endif

/*
 * recorder_child - one ingest-record process: its socket, its standard error, its death
 *
 *	recorder_child_start(c, loop, program, &ops, ctx, &f)
 *	recorder_child_send(c, &message, fd, &f)      -1: it is of no use any more and was killed; ops->ended follows
 *	recorder_child_kill(c)                        the same on purpose
 *	recorder_child_stop(c)                        the end: its socket is closed, it has a moment, it is reaped; no callback
 *
 * What the process wrote before its death is delivered before ended().  Its standard error comes line by line (child_lines).
 * Needs the default loop (child watchers).
 */
#ifndef DAEMON_RECORDER_CHILD_H
#define DAEMON_RECORDER_CHILD_H

#include "watcher/model/recording.h"
#include "watcher/schedule/child_lines.h"
#include <ev.h>
#include <sys/types.h>

struct recorder_child_ops {
	void (*message)(void *ctx, const struct recording *m);
	void (*said)(void *ctx, struct span line);
	void (*ended)(void *ctx, const char *how);
};

struct recorder_child {
	struct ev_loop *loop;
	const struct recorder_child_ops *ops;
	void *ctx;
	pid_t pid; /* 0: none */
	int sock;
	ev_io io;
	ev_child child;
	struct strbuf packet;
	struct child_lines said;
};

void recorder_child_init(struct recorder_child *c);
int recorder_child_start(struct recorder_child *c, struct ev_loop *loop, const char *program,
			 const struct recorder_child_ops *ops, void *ctx, struct fault *f) MUST_CHECK;
int recorder_child_send(struct recorder_child *c, const struct recording *m, int fd, struct fault *f) MUST_CHECK;
void recorder_child_kill(struct recorder_child *c);
void recorder_child_stop(struct recorder_child *c);

#endif

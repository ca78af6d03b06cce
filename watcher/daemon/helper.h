/*
 * helper - one process that serves the daemon (ingest-record, ingest-notify): its socket, its standard error, its death
 *
 *	helper_start(c, loop, "ingest-record", path, &ops, ctx, &f)
 *	helper_send(c, packet, fd, &f)        -1: it is of no use any more and was killed; ops->ended follows
 *	helper_kill(c)                        the same on purpose
 *	helper_stop(c)                        the end: its socket is closed, it has a moment, it is reaped; no callback
 *
 * What the process wrote before its death is delivered before ended().  Its standard error comes line by line (child_lines).
 * Needs the default loop (child watchers).
 */
#ifndef DAEMON_HELPER_H
#define DAEMON_HELPER_H

#include "watcher/base/fault.h"
#include "watcher/schedule/child_lines.h"
#include <ev.h>
#include <sys/types.h>

struct helper_ops {
	/* -1: it makes no sense; the process is killed and the fault's sentence said. */
	int (*packet)(void *ctx, struct span text, struct fault *f);
	void (*said)(void *ctx, struct span line);
	void (*ended)(void *ctx, const char *how);
};

struct helper {
	struct ev_loop *loop;
	const struct helper_ops *ops;
	void *ctx;
	const char *name; /* a literal */
	pid_t pid; /* 0: none */
	int sock;
	ev_io io;
	ev_child child;
	struct strbuf packet;
	struct child_lines said;
};

void helper_init(struct helper *c);
int helper_start(struct helper *c, struct ev_loop *loop, const char *name, const char *program,
			 const struct helper_ops *ops, void *ctx, struct fault *f) MUST_CHECK;
int helper_send(struct helper *c, struct span packet, int fd, struct fault *f) MUST_CHECK;
void helper_kill(struct helper *c);
void helper_stop(struct helper *c);

#endif

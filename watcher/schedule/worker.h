/*
 * worker - one ingest-worker process: its socket, its stderr, its death
 *
 *	worker_new(loop, &ops, ctx, &how, "alice", &reach, &w, &f)    starts it; takes what reach holds
 *	worker_send(w, &message, fds, n, &f)                          -1: it is dying, ops->ended follows
 *	worker_listen(w, silence_ms)                                  something is expected of it; 0: nothing is
 *	worker_retire(w)                                              its socket is closed, it ends by itself (or is killed after 5 s)
 *	worker_kill(w, WORKER_BABBLED, "...")                         SIGKILL, with the reason that ended() will give
 *	... ops->ended ...                                            w is gone after it returns
 *
 * What the process wrote before its death is delivered before ended(): a result followed by a crash is a result.
 * Its stderr comes line by line through ops->said (child_lines).
 * Needs the default loop (child watchers).  Ownership: tenant is copied; w is freed after ended().
 */
#ifndef SCHEDULE_WORKER_H
#define SCHEDULE_WORKER_H

#include "watcher/model/message.h"
#include "watcher/schedule/child_lines.h"
#include "watcher/schedule/reach.h"
#include "watcher/schedule/spawn.h"
#include <ev.h>
#include <sys/types.h>

#define WORKER_ENDS(X) \
	X(RETIRED, "was retired") \
	X(EXITED, "ended by itself") \
	X(CRASHED, "crashed") \
	X(KILLED, "was killed from outside") \
	X(SILENT, "was silent for too long") \
	X(BABBLED, "sent a message that makes no sense") \
	X(STOPPED, "was stopped with the daemon")

enum worker_why {
#define X(id, sentence) WORKER_##id,
	WORKER_ENDS(X)
#undef X
};

struct worker_end {
	enum worker_why why;
	int signal;      /* CRASHED: SEGV, ABRT, BUS, XCPU, SYS, ILL, FPE */
	int status;      /* EXITED */
	bool heard;      /* it had sent at least one message */
	char text[256];  /* "crashed (SIGSEGV)" */
};

struct starter;
struct worker;

struct worker_ops {
	void (*message)(void *ctx, struct worker *w, const struct message *m);
	void (*ended)(void *ctx, struct worker *w, const struct worker_end *end);
	void (*said)(void *ctx, struct worker *w, struct span line);
};

struct worker {
	struct ev_loop *loop;
	const struct worker_ops *ops;
	void *ctx;
	char *tenant;
	struct reach reach;
	pid_t pid;
	struct starter *starter; /* that started it; NULL: we did */
	int sock; /* -1: closed */
	ev_io io;
	ev_child child;
	ev_timer silence; /* or the time a dying one has left */
	int64_t silence_ms;
	bool ending; /* nothing is sent to it any more */
	bool heard;
	bool killed;          /* by us, ... */
	enum worker_why why;  /* ... for this reason */
	char why_text[160];
	struct strbuf packet;
	struct child_lines said;
	/* the scheduler's */
	struct task *task; /* the first one; others behind its next */
	uint64_t jobs;
	int64_t idle_since; /* mono */
	struct worker *next;
};

struct worker_start {
	const char *program; /* path of ingest-worker */
	struct starter *starter; /* NULL: workers run as our own user */
	int nice;
};

int worker_new(struct ev_loop *loop, const struct worker_ops *ops, void *ctx, const struct worker_start *how,
	       const char *tenant, struct reach *reach, struct worker **out, struct fault *f) MUST_CHECK;
int worker_send(struct worker *w, const struct message *m, const int *fds, size_t nfds,
		struct fault *f) MUST_CHECK;
/* Memory, and CPU time from now. */
void worker_limit(struct worker *w, const struct spawn_limits *limits);
void worker_listen(struct worker *w, int64_t silence_ms);
void worker_retire(struct worker *w);
void worker_kill(struct worker *w, enum worker_why why, const char *text);
/* Without waiting: killed, reaped and freed; no callback. */
void worker_destroy(struct worker *w);
/* Does this death count against the file? */
bool worker_end_counts(const struct worker_end *end);

#endif

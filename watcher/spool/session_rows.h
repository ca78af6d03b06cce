/*
 * session_rows - what sshd's log has said of the files in in/, and how far it was read
 *
 *	session_rows_put(j, "alice", &s, &f)            the last word on one name
 *	session_rows_drop(j, "alice", name, &f)         its file was claimed, or is gone
 *	session_rows_each(j, "alice", fn, ctx, &f)      at a start
 *	session_rows_at(j, "alice", &at, &f) ...        the place in the log: 1, 0 (never read), -1
 *
 * Evidence and place are written in one transaction, so that no line counts twice or never.  Names are the bytes
 * of the file's name.  Failures as in journal.h.
 */
#ifndef SPOOL_SESSION_ROWS_H
#define SPOOL_SESSION_ROWS_H

#include "watcher/spool/journal.h"

enum session_state {
	SESSION_OPEN,	  /* a session has it open for writing, or ended without a word */
	SESSION_CLEAN,	  /* closed, or renamed when it was closed */
	SESSION_FORCED,	  /* its session broke off */
	SESSION_SPOILED,  /* a write to it failed, or it was cut by its name */
	SESSION_RELEASED, /* a person says that it is whole */
};

struct session {
	const char *name;
	enum session_state state;
	int64_t time_ms; /* of the line */
	uint64_t pid;
};

struct session_at {
	uint64_t ino;
	uint64_t offset;
	struct span mark; /* bytes before offset */
};

int session_rows_put(struct journal *j, const char *tenant, const struct session *s, struct fault *f) MUST_CHECK;
int session_rows_drop(struct journal *j, const char *tenant, const char *name, struct fault *f) MUST_CHECK;
typedef void session_rows_fn(void *ctx, const struct session *s);
int session_rows_each(struct journal *j, const char *tenant, session_rows_fn *fn, void *ctx, struct fault *f) MUST_CHECK;
/* mark points into the answer and is copied to mark_out (64 bytes). */
int session_rows_at(struct journal *j, const char *tenant, struct session_at *at, char mark_out[64],
		struct fault *f) MUST_CHECK;
int session_rows_put_at(struct journal *j, const char *tenant, const struct session_at *at, struct fault *f) MUST_CHECK;
const char *session_state_name(enum session_state s);

#endif

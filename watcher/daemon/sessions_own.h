/*
 * sessions_own - what is known of one tenant's uploads; shared by sessions.c and sessions_line.c only
 */
#ifndef DAEMON_SESSIONS_OWN_H
#define DAEMON_SESSIONS_OWN_H

#include "watcher/arrival/tail.h"
#include "watcher/base/map.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/sessions.h"
#include "watcher/daemon/tenants.h"
#include "watcher/spool/session_rows.h"

struct evidence {
	enum session_state state;
	int64_t time_ms; /* of the line */
	uint64_t pid;
	int64_t read_ms; /* mono: when the line was read; 0: before this daemon */
};

/* The last line of a process was a rename: the next one may say that it failed. */
struct renamed {
	char from[256], to[256];
	bool had_from, had_to;
	struct evidence was_from, was_to;
};

struct sessions {
	struct ingestd *d;
	struct tenant *t;
	struct tail tail;
	struct map names;   /* name -> struct evidence */
	struct map open;    /* those in state OPEN or SPOILED; the same pointers */
	struct map renamed; /* pid -> struct renamed */
	struct map waiting; /* names that nothing proves, to be told of when it is time; value: non-NULL */
	struct map told;    /* those told as unproven; the same */
	size_t prune_at;    /* where the next look for what is gone goes on */
	bool missing;	    /* the log, told */
};

void sessions_own_line(void *ctx, struct span line);
/* The last word on name; written to the journal. */
void sessions_own_set(struct sessions *s, const char *name, enum session_state state, int64_t time_ms, uint64_t pid);
void sessions_own_drop(struct sessions *s, const char *name);

#endif

/*
 * deferred - answers of the HTTP API that something else must come before: looked at until it has
 *
 *	deferred_add(d, &ops, mine, 30000)      ops.look(d, mine, late) returns true when it has answered; then ops.free(mine)
 *	deferred_release(d)                     the end: those that are left are freed without an answer
 *
 * Looked at every 50 ms while there is one; late: its time is over, and look must answer.
 */
#ifndef DAEMON_DEFERRED_H
#define DAEMON_DEFERRED_H

#include "watcher/base/base.h"
#include <ev.h>

struct ingestd;

struct deferred_ops {
	bool (*look)(struct ingestd *d, void *mine, bool late);
	void (*free)(void *mine);
};

struct deferred_one;

struct deferred {
	struct deferred_one *first;
	ev_timer timer;
};

void deferred_init(struct ingestd *d);
void deferred_add(struct ingestd *d, const struct deferred_ops *ops, void *mine, int64_t ms);
void deferred_release(struct ingestd *d);

#endif

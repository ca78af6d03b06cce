/*
 * due - whose turn it is, of tenants of which most only wait
 *
 *	due_set(&d, t)                 when something of it has changed, and after its piece of work: by tenant_next
 *	t = due_take(&d, now)          the one that waited longest among those that are due; NULL: none is
 *	due_next(&d)                   when to ask again: 0 = at once, INT64_MAX = never
 *	due_remove(&d, t)
 *
 * Those that are due stand in a queue, so that a busy one comes again behind all the others; the rest in a heap by their time.  What it
 * costs does not grow with those that wait.
 * Ownership: its arrays; tenants are the caller's (their fields due_* are this module's).
 */
#ifndef ARRIVAL_DUE_H
#define ARRIVAL_DUE_H

#include "watcher/base/base.h"

struct tenant;

struct due {
	struct tenant **heap;
	size_t len, cap;
	struct tenant *first, *last; /* the queue */
};

void due_release(struct due *d);
void due_set(struct due *d, struct tenant *t);
void due_remove(struct due *d, struct tenant *t);
struct tenant *due_take(struct due *d, int64_t now);
int64_t due_next(const struct due *d);

#endif

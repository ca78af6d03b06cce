/*
 * due - whose turn it is; see the header
 *
 * Called by arrival.c and tenant.c, which know when a tenant's time has changed.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/due.h"
#include "watcher/arrival/own.h"

void due_release(struct due *d)
{
	free(d->heap);
	*d = (struct due){0};
}

/* ---- heap ---- */

static void put(struct due *d, size_t at, struct tenant *t)
{
	d->heap[at] = t;
	t->due_at = at + 1;
}

static void sift(struct due *d, size_t at)
{
	struct tenant *t = d->heap[at];

	for (; at && d->heap[(at - 1) / 2]->due_ms > t->due_ms; at = (at - 1) / 2)
		put(d, at, d->heap[(at - 1) / 2]);
	for (size_t child; (child = 2 * at + 1) < d->len; at = child) {
		if (child + 1 < d->len && d->heap[child + 1]->due_ms < d->heap[child]->due_ms)
			child++;
		if (d->heap[child]->due_ms >= t->due_ms)
			break;
		put(d, at, d->heap[child]);
	}
	put(d, at, t);
}

static void leave_heap(struct due *d, struct tenant *t)
{
	size_t at = t->due_at - 1;
	struct tenant *last = d->heap[--d->len];

	t->due_at = 0;
	if (last == t)
		return;
	put(d, at, last);
	sift(d, at);
}

void due_set(struct due *d, struct tenant *t)
{
	if (t->due_queued)
		return;
	t->due_ms = tenant_next(t);
	if (!t->due_at) {
		if (d->len == d->cap) {
			d->cap = d->cap ? d->cap * 2 : 16;
			d->heap = xrealloc(d->heap, d->cap * sizeof(*d->heap));
		}
		put(d, d->len++, t);
	}
	sift(d, t->due_at - 1);
}

/* ---- queue ---- */

static void enqueue(struct due *d, struct tenant *t)
{
	t->due_queued = true;
	t->due_after = NULL;
	*(d->last ? &d->last->due_after : &d->first) = t;
	d->last = t;
}

static void leave_queue(struct due *d, struct tenant *t)
{
	struct tenant *before = NULL;

	for (struct tenant *at = d->first; at != t; at = at->due_after)
		before = at;
	*(before ? &before->due_after : &d->first) = t->due_after;
	if (d->last == t)
		d->last = before;
	t->due_queued = false;
}

void due_remove(struct due *d, struct tenant *t)
{
	if (t->due_queued)
		leave_queue(d, t);
	if (t->due_at)
		leave_heap(d, t);
}

struct tenant *due_take(struct due *d, int64_t now)
{
	struct tenant *t;

	while (d->len && d->heap[0]->due_ms <= now) {
		t = d->heap[0];
		leave_heap(d, t);
		enqueue(d, t);
	}
	t = d->first;
	if (t)
		leave_queue(d, t);
	return t;
}

int64_t due_next(const struct due *d)
{
	if (d->first)
		return 0;
	return d->len ? d->heap[0]->due_ms : INT64_MAX;
}

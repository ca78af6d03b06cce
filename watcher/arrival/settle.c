/*
 * settle - the table of names in in/ and its queue of due times; see the header
 *
 * The judgement itself is in evaluate.c.  The queue is a binary heap, so that 100,000 names cost
 * 17 steps each, not a walk.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/names.h"
#include "watcher/arrival/settle.h"
#include "watcher/arrival/settle_own.h"
#include "watcher/base/clock.h"

void settle_init(struct settle *s, size_t max)
{
	memset(s, 0, sizeof(*s));
	map_init(&s->names);
	s->max = max;
}

static void entry_free(struct settle_entry *e)
{
	free(e->name);
	free(e->job);
	free(e->why);
	free(e);
}

void settle_release(struct settle *s)
{
	for (size_t i = 0; i < map_len(&s->names); i++)
		entry_free(map_value(&s->names, i));
	map_release(&s->names);
	free(s->heap);
	settle_init(s, s->max);
}

/* ---- the queue ---- */

static void put(struct settle *s, size_t at, struct settle_entry *e)
{
	s->heap[at] = e;
	e->heap_at = at + 1;
}

static void sift_up(struct settle *s, size_t at)
{
	struct settle_entry *e = s->heap[at];

	while (at > 0 && s->heap[(at - 1) / 2]->due > e->due) {
		put(s, at, s->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(s, at, e);
}

static void sift_down(struct settle *s, size_t at)
{
	struct settle_entry *e = s->heap[at];

	for (;;) {
		size_t child = at * 2 + 1;

		if (child >= s->heap_len)
			break;
		if (child + 1 < s->heap_len && s->heap[child + 1]->due < s->heap[child]->due)
			child++;
		if (s->heap[child]->due >= e->due)
			break;
		put(s, at, s->heap[child]);
		at = child;
	}
	put(s, at, e);
}

static void unqueue(struct settle *s, struct settle_entry *e)
{
	size_t at = e->heap_at - 1;
	struct settle_entry *last;

	if (!e->heap_at)
		return;
	e->heap_at = 0;
	last = s->heap[--s->heap_len];
	if (last == e)
		return;
	put(s, at, last);
	sift_up(s, at);
	sift_down(s, last->heap_at - 1);
}

void settle_own_due(struct settle *s, struct settle_entry *e, int64_t due)
{
	unqueue(s, e);
	e->due = due;
	if (due == SETTLE_NEVER)
		return;
	if (s->heap_len == s->heap_cap) {
		s->heap_cap = s->heap_cap ? s->heap_cap * 2 : 64;
		s->heap = xrealloc(s->heap, s->heap_cap * sizeof(struct settle_entry *));
	}
	put(s, s->heap_len++, e);
	sift_up(s, s->heap_len - 1);
}

struct settle_entry *settle_due(const struct settle *s, int64_t now)
{
	return s->heap_len && s->heap[0]->due <= now ? s->heap[0] : NULL;
}

int64_t settle_next(const struct settle *s)
{
	return s->heap_len ? s->heap[0]->due : SETTLE_NEVER;
}

/* ---- the table ---- */

struct settle_entry *settle_find(const struct settle *s, const char *name)
{
	return map_get(&s->names, span_of(name));
}

static struct settle_entry *entry_add(struct settle *s, const char *name, int64_t now)
{
	struct settle_entry *e;

	/* what is never data must not take the room of what may be */
	bool aside = names_rule(span_of(name)) != RULE_NONE && !names_may_start_run(span_of(name));

	if (aside && s->state[ARRIVAL_STATE_ASIDE] >= s->max / 4)
		return NULL;
	if (map_len(&s->names) >= s->max) {
		s->full = true;
		s->dropped++;
		return NULL;
	}
	e = xcalloc(1, sizeof(*e));
	e->name = xstrdup(name);
	e->arrived_ms = e->since_ms = e->change_ms = clock_now_ms();
	e->changed = e->state_mono = e->first_mono = now;
	e->due = SETTLE_NEVER;
	e->seen = s->scan;
	map_put(&s->names, span_of(name), e);
	e->state = aside ? ARRIVAL_STATE_ASIDE : ARRIVAL_STATE_NEW;
	s->state[e->state]++;
	return e;
}

void settle_own_forget(struct settle *s, struct settle_entry *e)
{
	unqueue(s, e);
	s->state[e->state]--;
	CHECK(map_remove(&s->names, span_of(e->name)) == e);
	entry_free(e);
}

struct settle_entry *settle_touch(struct settle *s, const char *name, int64_t now)
{
	struct settle_entry *e = settle_find(s, name);

	if (!e)
		e = entry_add(s, name, now);
	if (!e)
		return NULL;
	e->hinted = true;
	if (e->due > now)
		settle_own_due(s, e, now);
	return e;
}

void settle_scan_begin(struct settle *s)
{
	s->scan++;
	s->full = false;
}

void settle_scan_saw(struct settle *s, const char *name, int64_t now)
{
	struct settle_entry *e = settle_find(s, name);

	if (!e)
		e = settle_touch(s, name, now);
	if (!e)
		return;
	e->seen = s->scan;
	/* what has a time of its own keeps it */
	if (e->due == SETTLE_NEVER)
		settle_own_due(s, e, now);
}

void settle_scan_end(struct settle *s, int64_t now)
{
	for (size_t i = 0; i < map_len(&s->names); i++) {
		struct settle_entry *e = map_value(&s->names, i);

		if (e->seen != s->scan && e->due > now)
			settle_own_due(s, e, now);
	}
}

void settle_touch_all(struct settle *s, int64_t now)
{
	for (size_t i = 0; i < map_len(&s->names); i++) {
		struct settle_entry *e = map_value(&s->names, i);

		if (e->due > now)
			settle_own_due(s, e, now);
	}
}

void settle_touch_linked(struct settle *s, int64_t now)
{
	if (!s->state[ARRIVAL_STATE_LINKED])
		return;
	for (size_t i = 0; i < map_len(&s->names); i++) {
		struct settle_entry *e = map_value(&s->names, i);

		if (e->state == ARRIVAL_STATE_LINKED && e->due > now)
			settle_own_due(s, e, now);
	}
}

void settle_own_state(struct settle *s, struct settle_entry *e, enum arrival_state state)
{
	if (e->state == state)
		return;
	/* nothing becomes unseen again */
	CHECK(state != ARRIVAL_STATE_NEW);
	s->state[e->state]--;
	s->state[state]++;
	e->state = state;
	e->state_mono = clock_mono_ms();
	e->since_ms = clock_now_ms();
	free(e->why);
	e->why = NULL;
}

bool settle_pending(const struct settle_entry *e)
{
	switch (e->state) {
	case ARRIVAL_STATE_NEW:
	case ARRIVAL_STATE_SETTLING:
	case ARRIVAL_STATE_BLOCKED:
		return true;
	case ARRIVAL_STATE_LINKED:
		return e->due != SETTLE_NEVER;
	case ARRIVAL_STATE_WRITER:
		/* a writer that is just closing is gone after the second look */
		return e->tries < 3;
	case ARRIVAL_STATE_WAITING:
	case ARRIVAL_STATE_ODD:
	case ARRIVAL_STATE_ASIDE:
	case ARRIVAL_STATE_REFUSED:
		return false;
	}
	return false;
}

/*
 * schedule_trace - why each task was the next, and what comes after it; see schedule.h
 *
 * Called by schedule.c when a task begins or is over, and by the daemon's views.  The trace shows that it was the rule that chose, whatever
 * the clock said: whose turn it was never owed more than the least of its rivals.
 */
#include "watcher/base/base.h"
#include "watcher/schedule/schedule_own.h"
#include "watcher/base/clock.h"

#define PACE_KEEP 0.98		/* of the older ones' weight, at each that ends */
#define FORECAST_STEPS 2000000u /* times a lane is looked at: some milliseconds */

void schedule_note(struct schedule *s, const struct task *t)
{
	struct decision *d = &s->trace[++s->decisions % SCHEDULE_TRACE];

	*d = (struct decision){
		.number = s->decisions,
		.at_ms = clock_now_ms(),
		.bytes = t->bytes,
		.waited = s->decisions - 1 - t->queued_at,
		.why = s->lanes.last,
	};
	snprintf(d->tenant, sizeof(d->tenant), "%s", t->tenant);
	memcpy(d->arrival, t->arrival, sizeof(d->arrival));
}

void schedule_trace(const struct schedule *s, bool (*fn)(void *ctx, const struct decision *d), void *ctx)
{
	uint64_t n = s->decisions > SCHEDULE_TRACE ? s->decisions - SCHEDULE_TRACE : 0;

	while (n++ < s->decisions)
		if (!fn(ctx, &s->trace[n % SCHEDULE_TRACE]))
			return;
}

void schedule_pace(struct schedule *s, const struct task *t)
{
	struct pace *p = &s->pace;

	if (!t->begun_ms)
		return; /* begin refused it */
	p->files = p->files * PACE_KEEP + 1;
	p->bytes = p->bytes * PACE_KEEP + (double)lane_cost(t->bytes);
	p->ms = p->ms * PACE_KEEP + (double)(clock_mono_ms() - t->begun_ms) / t->group;
}

/* What lies before the next one. */
struct ahead {
	double files, bytes;
};

/* Small files cost by their number, large ones by their bytes. */
static int64_t wait_of(const struct schedule *s, const struct ahead *a)
{
	const struct pace *p = &s->pace;
	double by_files, by_bytes;

	if (p->files <= 0)
		return -1;
	by_files = p->ms * a->files / p->files;
	by_bytes = p->ms * a->bytes / p->bytes;
	return (int64_t)((by_files > by_bytes ? by_files : by_bytes) / s->options.slots);
}

/* Those in work are half through, as far as anybody knows. */
static void add_running(const struct schedule *s, struct ahead *a)
{
	for (const struct worker *w = s->workers; w; w = w->next)
		for (const struct task *t = w->task; t && !t->beside; t = t->next) {
			a->files += 0.5;
			a->bytes += (double)lane_cost(t->bytes) / 2;
		}
}

/* A lane as it will be. */
struct later {
	const struct task_link *first[RESOURCES_COUNT];
	uint64_t deficit;
	size_t len;
};

/* Of all classes, as if each had workers enough. */
static size_t first_class(const struct later *l)
{
	size_t found = RESOURCES_COUNT;

	for (size_t i = 0; i < RESOURCES_COUNT; i++)
		if (l->first[i] && (found == RESOURCES_COUNT || l->first[i]->order < l->first[found]->order))
			found = i;
	return found;
}

static size_t pick_later(const struct later *lanes, size_t n, size_t next)
{
	size_t found = n;

	for (size_t i = 0; i < n; i++) {
		size_t at = (next + i) % n;

		if (first_class(&lanes[at]) < RESOURCES_COUNT && (found == n || lanes[at].deficit < lanes[found].deficit))
			found = at;
	}
	return found;
}

static struct later *copy_lanes(const struct lanes *l)
{
	struct later *lanes = xcalloc(lanes_len(l) + 1, sizeof(*lanes));

	for (size_t i = 0; i < lanes_len(l); i++) {
		lanes[i].deficit = lanes_at(l, i)->deficit;
		lanes[i].len = lanes_at(l, i)->len;
		for (size_t k = 0; k < RESOURCES_COUNT; k++)
			lanes[i].first[k] = lanes_at(l, i)->queues[k].first;
	}
	return lanes;
}

/* Deficits only grow here: that everyone is let off the same changes no order. */
static void take_later(struct later *l, size_t class, struct ahead *a)
{
	const struct task *t = (const struct task *)l->first[class];

	l->deficit += lane_cost(t->bytes);
	l->first[class] = t->link.next;
	l->len--;
	a->files += 1;
	a->bytes += (double)lane_cost(t->bytes);
}

/* The next turn: a task, or a group; false: fn has enough. */
static bool turn_later(const struct schedule *s, struct later *l, struct ahead *a, size_t *position,
		       bool (*fn)(void *ctx, const struct task *t, size_t position, int64_t wait_ms), void *ctx)
{
	size_t class = first_class(l), n = 0;
	const struct task *first = (const struct task *)l->first[class], *t = first;
	bool group = schedule_groups(s, l->len, first);
	uint64_t bytes = 0;

	do {
		if (!fn(ctx, t, ++*position, wait_of(s, a)))
			return false;
		bytes += t->bytes;
		take_later(l, class, a);
		class = first_class(l);
		t = class < RESOURCES_COUNT ? (const struct task *)l->first[class] : NULL;
	} while (group && t && ++n < SCHEDULE_GROUP && schedule_joins(s, first, bytes, t));
	return true;
}

void schedule_forecast(const struct schedule *s,
		       bool (*fn)(void *ctx, const struct task *t, size_t position, int64_t wait_ms), void *ctx)
{
	size_t n = lanes_len(&s->lanes), next = s->lanes.next, at, position = 0;
	struct later *lanes = copy_lanes(&s->lanes);
	struct ahead ahead = {0, 0};

	add_running(s, &ahead);
	while (position * n < FORECAST_STEPS && (at = pick_later(lanes, n, next)) != n) {
		if (!turn_later(s, &lanes[at], &ahead, &position, fn, ctx))
			break;
		next = (at + 1) % n;
	}
	free(lanes);
}

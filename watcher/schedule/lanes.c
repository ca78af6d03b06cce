/*
 * lanes - one queue of tasks a tenant, and whose turn it is; see the header
 */
#include "watcher/schedule/lanes.h"

void lanes_init(struct lanes *l)
{
	map_init(&l->by_name);
	l->next = 0;
}

static void lane_free(struct lane *lane)
{
	free(lane->tenant);
	free(lane);
}

void lanes_release(struct lanes *l)
{
	for (size_t i = 0; i < map_len(&l->by_name); i++)
		lane_free(map_value(&l->by_name, i));
	map_release(&l->by_name);
}

struct lane *lanes_find(const struct lanes *l, const char *tenant)
{
	return map_get(&l->by_name, span_of(tenant));
}

struct lane *lanes_get(struct lanes *l, const char *tenant)
{
	struct lane *lane = lanes_find(l, tenant);

	if (lane)
		return lane;
	lane = xcalloc(1, sizeof(*lane));
	lane->tenant = xstrdup(tenant);
	lane->max_workers = 1;
	map_put(&l->by_name, span_of(tenant), lane);
	return lane;
}

bool lanes_drop(struct lanes *l, const char *tenant)
{
	struct lane *lane = lanes_find(l, tenant);

	if (!lane || lane->len || lane->running || lane->beside)
		return false;
	map_remove(&l->by_name, span_of(tenant));
	lane_free(lane);
	return true;
}

size_t lanes_len(const struct lanes *l)
{
	return map_len(&l->by_name);
}

struct lane *lanes_at(const struct lanes *l, size_t i)
{
	return map_value(&l->by_name, i);
}

void lane_push(struct lane *lane, struct task_link *t, bool front)
{
	struct lane_queue *q = &lane->queues[t->resources];

	CHECK(!t->lane);
	t->lane = lane;
	t->order = front ? --lane->front : ++lane->back;
	t->prev = front ? NULL : q->last;
	t->next = front ? q->first : NULL;
	if (t->prev)
		t->prev->next = t;
	else
		q->first = t;
	if (t->next)
		t->next->prev = t;
	else
		q->last = t;
	lane->len++;
}

void lane_remove(struct task_link *t)
{
	struct lane *lane = t->lane;
	struct lane_queue *q;

	CHECK(lane && lane->len);
	q = &lane->queues[t->resources];
	if (t->prev)
		t->prev->next = t->next;
	else
		q->first = t->next;
	if (t->next)
		t->next->prev = t->prev;
	else
		q->last = t->prev;
	t->prev = t->next = NULL;
	t->lane = NULL;
	lane->len--;
}

static struct task_link *first_of(const struct lane *lane, bool any)
{
	struct task_link *found = NULL;

	for (size_t i = 0; i < RESOURCES_COUNT; i++) {
		const struct lane_queue *q = &lane->queues[i];
		unsigned most = resources_of((enum resources)i)->workers;

		if (q->first && (any || !most || q->running < most) && (!found || q->first->order < found->order))
			found = q->first;
	}
	return found;
}

struct task_link *lane_first(const struct lane *lane)
{
	return first_of(lane, false);
}

static struct task_link *pop(struct task_link *t)
{
	CHECK(t);
	lane_remove(t);
	return t;
}

struct task_link *lane_pop(struct lane *lane)
{
	return pop(first_of(lane, false));
}

struct task_link *lane_pop_any(struct lane *lane)
{
	return pop(first_of(lane, true));
}

void lane_began(struct lane *lane, enum resources r)
{
	lane->running++;
	lane->queues[r].running++;
}

void lane_ended(struct lane *lane, enum resources r)
{
	CHECK(lane->running && lane->queues[r].running);
	lane->running--;
	lane->queues[r].running--;
}

uint64_t lane_cost(uint64_t bytes)
{
	return bytes > LANE_LEAST ? bytes : LANE_LEAST;
}

void lane_charge(struct lane *lane, uint64_t bytes)
{
	lane->deficit += lane_cost(bytes);
}

static bool can_be_served(const struct lane *lane, lane_may *may, void *ctx)
{
	return lane->len && lane->running < lane->max_workers && lane_first(lane) && may(ctx, lane);
}

/* Everyone is let off so much; UINT64_MAX: of everything. */
static void let_off(struct lanes *l, uint64_t bytes)
{
	for (size_t i = 0; i < lanes_len(l); i++) {
		struct lane *lane = lanes_at(l, i);

		lane->deficit -= lane->deficit < bytes ? lane->deficit : bytes;
	}
}

/* The first in turn of those that owe least; lanes_len: none can be served. */
static size_t least_owing(const struct lanes *l, lane_may *may, void *ctx, struct lane_pick *why)
{
	size_t n = lanes_len(l), found = n, able = 0;

	*why = (struct lane_pick){.least = UINT64_MAX};
	for (size_t i = 0; i < n; i++) {
		size_t at = (l->next + i) % n;
		uint64_t deficit = lanes_at(l, at)->deficit;

		if (!can_be_served(lanes_at(l, at), may, ctx))
			continue;
		if (!able++ || deficit < why->deficit) {
			why->least = found == n ? UINT64_MAX : why->deficit;
			why->deficit = deficit;
			found = at;
		} else if (deficit < why->least) {
			why->least = deficit;
		}
	}
	why->rivals = able ? able - 1 : 0;
	return found;
}

static bool nothing_queued(const struct lanes *l)
{
	for (size_t i = 0; i < lanes_len(l); i++)
		if (lanes_at(l, i)->len)
			return false;
	return true;
}

struct lane *lanes_pick(struct lanes *l, lane_may *may, void *ctx)
{
	size_t n = lanes_len(l), at = least_owing(l, may, ctx, &l->last);

	if (at == n) {
		if (nothing_queued(l))
			let_off(l, UINT64_MAX);
		return NULL;
	}
	let_off(l, lanes_at(l, at)->deficit);
	l->next = (at + 1) % n;
	return lanes_at(l, at);
}

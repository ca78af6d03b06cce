/*
 * schedule_beside - tasks whose worker takes no slot; see schedule.h
 *
 * Called by the daemon for what waits for a sick sink.  A lane counts its tasks beside from the moment they are queued, the schedule
 * those that have a worker.
 */
#include "watcher/base/base.h"
#include "watcher/schedule/schedule_own.h"

struct task *schedule_add_beside(struct schedule *s, const char *tenant, void *owner, enum resources resources)
{
	struct lane *lane = lanes_get(&s->lanes, tenant);
	struct task *t = schedule_task_new(s, lane, owner, resources);

	t->beside = true;
	lane->beside++;
	lane_push(lanes_get(&s->besides, tenant), &t->link, false);
	return t;
}

void schedule_beside(struct schedule *s, struct task *t, bool on)
{
	struct lane *lane = lanes_find(&s->lanes, t->tenant);
	struct worker *w;

	CHECK(t->worker && lane && (!on || t->group <= 1));
	if (t->beside == on)
		return;
	t->beside = on;
	if (on)
		lane_ended(lane, t->link.resources);
	else
		lane_began(lane, t->link.resources);
	lane->beside += on ? 1u : -1u;
	s->beside += on ? (size_t)1 : (size_t)-1;
	if (!on)
		schedule_charge(s, t);
	w = schedule_too_many(s) ? schedule_any_idle(s) : NULL;
	if (w)
		worker_retire(w);
	schedule_wake(s);
}

bool schedule_beside_full(const struct schedule *s)
{
	return s->beside >= SCHEDULE_BESIDE;
}

bool schedule_beside_room(const struct schedule *s)
{
	return !schedule_beside_full(s) && s->alive - s->running < s->options.slots + SCHEDULE_BESIDE;
}

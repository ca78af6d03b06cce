/*
 * schedule_view - the schedule's settings and what it tells of itself; see schedule.h
 *
 * Called by the daemon on reload, pause and stop, and for its status.  Nothing here gives out work.
 */
#include "watcher/base/base.h"
#include "watcher/schedule/schedule_own.h"

void schedule_tenant(struct schedule *s, const char *tenant, unsigned max_workers)
{
	lanes_get(&s->lanes, tenant)->max_workers = max_workers ? max_workers : 1;
	schedule_wake(s);
}

void schedule_forget(struct schedule *s, const char *tenant)
{
	for (struct worker *w = s->workers; w; w = w->next)
		if (is_idle(w) && strcmp(w->tenant, tenant) == 0)
			worker_retire(w);
	if (lanes_drop(&s->lanes, tenant))
		(void)lanes_drop(&s->besides, tenant);
}

void schedule_pause(struct schedule *s, bool paused)
{
	s->paused = paused;
	schedule_wake(s);
}

void schedule_stop(struct schedule *s)
{
	s->stopping = true;
	for (struct worker *w = s->workers; w; w = w->next) {
		if (w->task)
			worker_kill(w, WORKER_STOPPED, "the daemon stops");
		else
			worker_retire(w);
	}
}

size_t schedule_workers(const struct schedule *s)
{
	return s->alive;
}

size_t schedule_running(const struct schedule *s)
{
	return s->running;
}

static size_t queued_in(const struct lanes *l, const char *tenant)
{
	size_t n = 0;

	for (size_t i = 0; i < lanes_len(l); i++) {
		const struct lane *lane = lanes_at(l, i);

		if (!tenant || strcmp(tenant, lane->tenant) == 0)
			n += lane->len;
	}
	return n;
}

size_t schedule_queued(const struct schedule *s, const char *tenant)
{
	return queued_in(&s->lanes, tenant) + queued_in(&s->besides, tenant);
}

size_t schedule_busy(const struct schedule *s, const char *tenant)
{
	const struct lane *lane = lanes_find(&s->lanes, tenant);

	return lane ? lane->running : 0;
}

unsigned schedule_max_workers(const struct schedule *s, const char *tenant)
{
	const struct lane *lane = lanes_find(&s->lanes, tenant);

	return lane ? lane->max_workers : 0;
}

bool schedule_paused(const struct schedule *s)
{
	return s->paused;
}

const char *schedule_trouble(const struct schedule *s)
{
	return s->trouble[0] ? s->trouble : NULL;
}

void schedule_walk(const struct schedule *s, bool (*fn)(void *ctx, const struct worker *w), void *ctx)
{
	for (const struct worker *w = s->workers; w; w = w->next)
		if (!fn(ctx, w))
			return;
}

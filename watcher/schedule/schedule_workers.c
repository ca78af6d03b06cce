/*
 * schedule_workers - the processes of a schedule: which is idle, which ends, and the one that a task is given to
 *
 * Called by schedule.c.  Starts processes, and pauses after one that could not be started.
 */
#include "watcher/base/base.h"
#include "watcher/schedule/schedule_own.h"
#include "watcher/base/clock.h"

#define RESTART_FIRST_MS 200
#define RESTART_MOST_MS 30000

void schedule_unlink(struct schedule *s, struct worker *w)
{
	struct worker **at = &s->workers;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	s->alive--;
}

struct worker *schedule_idle_of(const struct schedule *s, const char *tenant)
{
	for (struct worker *w = s->workers; w; w = w->next)
		if (is_idle(w) && strcmp(w->tenant, tenant) == 0)
			return w;
	return NULL;
}

static struct worker *idle_for(const struct schedule *s, const char *tenant, const struct reach *reach)
{
	for (struct worker *w = s->workers; w; w = w->next)
		if (is_idle(w) && strcmp(w->tenant, tenant) == 0 && reach_equal(&w->reach, reach))
			return w;
	return NULL;
}

struct worker *schedule_any_idle(const struct schedule *s)
{
	struct worker *found = NULL;

	for (struct worker *w = s->workers; w; w = w->next)
		if (is_idle(w) && (!found || w->idle_since < found->idle_since))
			found = w;
	return found;
}

size_t schedule_ending(const struct schedule *s)
{
	size_t n = 0;

	for (struct worker *w = s->workers; w; w = w->next)
		n += w->ending;
	return n;
}

bool schedule_too_many(const struct schedule *s)
{
	return slots_taken(s) > s->options.slots + schedule_ending(s);
}

void schedule_set_restart(struct schedule *s)
{
	int64_t pause = RESTART_FIRST_MS;

	for (unsigned i = 0; i < s->bad_starts && pause < RESTART_MOST_MS; i++)
		pause *= 2;
	if (pause > RESTART_MOST_MS)
		pause = RESTART_MOST_MS;
	s->bad_starts++;
	s->not_before = clock_mono_ms() + pause;
}

static void in_trouble(struct schedule *s, const struct fault *f)
{
	schedule_set_restart(s);
	if (!s->trouble[0])
		s->ops.trouble(s->ctx, f);
	snprintf(s->trouble, sizeof(s->trouble), "%s", f->text);
}

static struct worker *start_worker(struct schedule *s, const char *tenant, struct reach *reach)
{
	struct worker_start how = {s->program, s->options.starter, resources_of(reach->resources)->nice};
	struct fault f = FAULT_INIT;
	struct worker *w;

	if (clock_mono_ms() < s->not_before)
		return NULL;
	if (worker_new(s->loop, &s->worker_ops, s, &how, tenant, reach, &w, &f) < 0) {
		in_trouble(s, &f);
		return NULL;
	}
	s->trouble[0] = '\0';
	w->next = s->workers;
	s->workers = w;
	s->alive++;
	return w;
}

struct worker *schedule_worker_for(struct schedule *s, const struct task *t, struct reach *reach, bool *pause)
{
	struct worker *w = idle_for(s, t->tenant, reach), *other = schedule_idle_of(s, t->tenant);

	*pause = false;
	if (w)
		return w;
	if (!t->beside && slots_taken(s) >= s->options.slots) {
		if (other)
			worker_retire(other);
		return NULL;
	}
	w = start_worker(s, t->tenant, reach);
	*pause = !w;
	return w;
}

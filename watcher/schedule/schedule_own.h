/*
 * schedule_own - the schedule's inside, shared by schedule*.c only
 */
#ifndef SCHEDULE_SCHEDULE_OWN_H
#define SCHEDULE_SCHEDULE_OWN_H

#include "watcher/schedule/schedule.h"
#include "watcher/schedule/worker.h"

/* What tasks in slots cost, the newest ones most. */
struct pace {
	double files, bytes, ms;
};

struct schedule {
	struct ev_loop *loop;
	struct schedule_options options;
	char *program;
	struct schedule_ops ops;
	void *ctx;
	struct worker_ops worker_ops;
	struct lanes lanes;
	struct worker *workers;
	size_t alive;
	size_t running;
	size_t beside;	    /* of the running ones */
	struct lanes besides; /* tasks that begin beside */
	bool paused;
	bool stopping;
	bool wanted; /* something changed: schedule_run has to look */
	unsigned bad_starts;
	int64_t not_before; /* mono: no new process before */
	char trouble[FAULT_TEXT];
	struct decision *trace; /* a ring, number n at n % SCHEDULE_TRACE */
	uint64_t decisions;
	struct pace pace;
	ev_timer timer; /* idle workers, and the pause after a bad start */
};

static inline bool is_idle(const struct worker *w)
{
	return !w->task && !w->ending;
}

/* Processes that take a slot. */
static inline size_t slots_taken(const struct schedule *s)
{
	return s->alive - s->beside;
}

/* schedule_run has to look, at the loop's next turn */
void schedule_wake(struct schedule *s);

void schedule_unlink(struct schedule *s, struct worker *w);
struct worker *schedule_idle_of(const struct schedule *s, const char *tenant);
/* The one idle for longest. */
struct worker *schedule_any_idle(const struct schedule *s);
size_t schedule_ending(const struct schedule *s);
/* A start went wrong: no other for a growing while. */
void schedule_set_restart(struct schedule *s);
/* More than the slots: those whose work was beside are done with it. */
bool schedule_too_many(const struct schedule *s);
/*
 * One that may reach and use what t has to; when there is no slot for one, an idle one that may not ends.  NULL: there is no slot, or
 * (*pause) none can be started now.
 */
struct worker *schedule_worker_for(struct schedule *s, const struct task *t, struct reach *reach, bool *pause);
/* One more may begin beside.  Processes that do no work, those whose tasks were refused, end before ever more are started. */
bool schedule_beside_room(const struct schedule *s);
/* schedule_trace.c */
void schedule_note(struct schedule *s, const struct task *t);
void schedule_pace(struct schedule *s, const struct task *t);
/* schedule_give.c: to w, an idle one that may do it, the first of the queue, and those behind it that may be done with it */
void schedule_give(struct schedule *s, struct lane *queue, struct worker *w);
/* schedule.c, for schedule_beside.c and schedule_give.c */
void schedule_stage(struct task *t, enum task_stage to);
void schedule_detach(struct schedule *s, struct task *t);
/* Out of its queue. */
void schedule_unqueue(struct schedule *s, struct task *t);
struct task *schedule_task_new(struct schedule *s, const struct lane *lane, void *owner, enum resources resources);
/* Its tenant was served its bytes; once. */
void schedule_charge(struct schedule *s, struct task *t);

/* When the first task of a queue of so many is given out, others go with it. */
bool schedule_groups(const struct schedule *s, size_t waiting, const struct task *first);
/* t is one more of the group that first began and that has so many bytes. */
bool schedule_joins(const struct schedule *s, const struct task *first, uint64_t bytes, const struct task *t);

#endif

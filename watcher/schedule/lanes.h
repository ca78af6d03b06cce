/*
 * lanes - one queue of tasks a tenant, and whose turn it is
 *
 *	lanes_init(&l)
 *	lane = lanes_get(&l, "alice")                 made when it is new
 *	lane_push(lane, task, front)
 *	while ((lane = lanes_pick(&l, may, ctx)) != NULL)
 *		task = lane_pop(lane)
 *	lanes_release(&l)
 *
 * pick is a fair round robin: it begins behind the tenant served last, so a tenant with one file waits for at most one file of each
 * other tenant, however long their queues are.
 * Ownership: tasks are the caller's; a lane is the table's and lives until lanes_drop or release.
 */
#ifndef SCHEDULE_LANES_H
#define SCHEDULE_LANES_H

#include "watcher/base/map.h"

struct task_link {
	struct task_link *prev, *next;
	struct lane *lane; /* NULL: in no queue */
};

struct lane {
	char *tenant;
	unsigned max_workers;
	unsigned running; /* tasks with a worker that takes a slot; the scheduler's count */
	unsigned beside;  /* tasks that need none, queued or with a worker; the scheduler's too */
	bool waiting;     /* for a slot, in this round; the scheduler's mark */
	struct task_link *first, *last;
	size_t len;
};

struct lanes {
	struct map by_name;
	size_t next; /* where the next pick begins */
};

void lanes_init(struct lanes *l);
void lanes_release(struct lanes *l);
struct lane *lanes_get(struct lanes *l, const char *tenant);
struct lane *lanes_find(const struct lanes *l, const char *tenant);
/* Only an empty lane without tasks of any kind goes; returns whether it went. */
bool lanes_drop(struct lanes *l, const char *tenant);
size_t lanes_len(const struct lanes *l);
struct lane *lanes_at(const struct lanes *l, size_t i);

void lane_push(struct lane *lane, struct task_link *t, bool front);
struct task_link *lane_pop(struct lane *lane);
void lane_remove(struct task_link *t);

/* The next lane in turn that has a task, is below its max_workers and for which may says yes; NULL: none. */
struct lane *lanes_pick(struct lanes *l, bool (*may)(void *ctx, const struct lane *lane), void *ctx);

#endif

/*
 * lanes - one queue of tasks a tenant, and whose turn it is
 *
 *	lanes_init(&l)
 *	lane = lanes_get(&l, "alice")                 made when it is new
 *	lane_push(lane, task, front)
 *	while ((lane = lanes_pick(&l, may, ctx)) != NULL) {
 *		task = lane_pop(lane)
 *		lane_charge(lane, bytes)
 *	}
 *	lanes_release(&l)
 *
 * A lane is served in its order, but a class (model/resources.h) that has all its workers lets the others go before.
 *
 * pick is a deficit round robin by bytes (Shreedhar and Varghese 1995) whose deficit is paid afterwards, as the surplus round robin of
 * Adiseshu, Parulkar and Varghese 1996: a lane that owes nothing is served one task and owes its bytes; the turn goes round, beginning
 * behind the lane served last.  When every lane that could be served owes, a round goes by: all are let off what the least of them owes.
 * So a tenant that was not served lately waits for at most one turn of each other one (a file, or a group of small ones that count no more
 * than one does: schedule_give.c), however long their queues are, and those that always have something waiting get the same bytes, to
 * within the largest turn.  When nothing is queued any more all debts are forgotten.
 * Where nobody charges it is a plain round robin.
 *
 * Ownership: tasks are the caller's; a lane is the table's and lives until lanes_drop or release.
 */
#ifndef SCHEDULE_LANES_H
#define SCHEDULE_LANES_H

#include "watcher/base/map.h"
#include "watcher/model/resources.h"

/* What a file counts at least: a block of the disk, so that empty files are not served for ever. */
#define LANE_LEAST 4096u

struct task_link {
	struct task_link *prev, *next;
	struct lane *lane; /* NULL: in no queue */
	enum resources resources; /* set before it is pushed */
	int64_t order;
};

/* The tasks of one class. */
struct lane_queue {
	struct task_link *first, *last;
	unsigned running; /* in slots */
};

struct lane {
	char *tenant;
	unsigned max_workers;
	unsigned running; /* tasks with a worker that takes a slot; the scheduler's count */
	unsigned beside;  /* tasks that need none, queued or with a worker; the scheduler's too */
	bool waiting;     /* for a slot or a process, in this round; the scheduler's mark */
	uint64_t deficit; /* bytes it was served beyond its turn */
	struct lane_queue queues[RESOURCES_COUNT];
	int64_t front, back; /* of the orders in them */
	size_t len;
};

/* Why the last pick fell on its lane. */
struct lane_pick {
	uint64_t deficit; /* of the lane that was picked, */
	size_t rivals;	  /* how many others could have been served, */
	uint64_t least;	  /* and what the one of them that owed least did: never less */
};

struct lanes {
	struct map by_name;
	size_t next; /* where the next pick begins */
	struct lane_pick last;
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
/* The first one whose class has a worker left; NULL: there is none. */
struct task_link *lane_first(const struct lane *lane);
struct task_link *lane_pop(struct lane *lane); /* that one */
struct task_link *lane_pop_any(struct lane *lane); /* whatever its class; for the end */
/* A task has a slot; has it no more. */
void lane_began(struct lane *lane, enum resources r);
void lane_ended(struct lane *lane, enum resources r);
void lane_remove(struct task_link *t);
/* What so many bytes count: LANE_LEAST at least. */
uint64_t lane_cost(uint64_t bytes);
/* It was served so many. */
void lane_charge(struct lane *lane, uint64_t bytes);

typedef bool lane_may(void *ctx, const struct lane *lane);
/* The next lane in turn that has a task, is below its max_workers and for which may says yes; NULL: none. */
struct lane *lanes_pick(struct lanes *l, lane_may *may, void *ctx);

#endif

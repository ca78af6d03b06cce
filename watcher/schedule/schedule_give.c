/*
 * schedule_give - tasks to a worker, one or a group of small ones; see schedule.h
 *
 * Called by schedule.c when it is a tenant's turn and there is a worker.  A group waits once for the disk where its files alone would
 * wait once each, takes one slot, and one process where each of its files would take one when tenants take turns.  It is made only out
 * of many waiting files: few are done sooner by several workers.  Each of its files is charged, so that the tenant's next turn comes
 * when the others have had as much.
 */
#include "watcher/base/base.h"
#include "watcher/schedule/schedule_own.h"
#include "watcher/base/clock.h"
#include <unistd.h>

#define CPU_SECONDS 600	   /* for any file, and ... */
#define CPU_BYTES 100000u /* ... a second for each so many bytes: far slower than any honest filter */
#define GROUP_BYTES (96u * 1024) /* no more than a file of average size: what another tenant may have to wait for */

/* A task that has begun, before its worker knows. */
struct order {
	struct task *task;
	struct message message;
	int fds[MESSAGE_FD_COUNT];
};

static void order_release(struct order *o)
{
	for (size_t i = 0; i < MESSAGE_FD_COUNT; i++)
		if (o->fds[i] >= 0)
			close(o->fds[i]);
	message_release(&o->message);
}

/* The first of the queue; false: it is over already. */
static bool begin(struct schedule *s, struct lane *queue, struct worker *w, struct order *o)
{
	struct task *t = (struct task *)lane_pop(queue), **end = &w->task;

	*o = (struct order){.task = t, .fds = {-1, -1, -1, -1}};
	message_init(&o->message, MESSAGE_JOB);
	t->worker = w;
	if (!w->task) {
		s->running++;
		if (t->beside)
			s->beside++; /* its lane has counted it since it was queued */
		else
			lane_began(queue, t->link.resources);
	}
	while (*end)
		end = &(*end)->next;
	*end = t;
	if (s->ops.begin(s->ctx, t, &o->message, o->fds) == 0)
		return true;
	schedule_detach(s, t);
	free(t);
	order_release(o);
	return false;
}

static void set_limits(const struct schedule *s, struct worker *w)
{
	struct spawn_limits limits = {
		.memory_bytes = s->options.any_memory ? 0 : resources_of(w->reach.resources)->memory_bytes,
		.cpu_seconds = CPU_SECONDS,
	};

	for (const struct task *t = w->task; t; t = t->next)
		limits.cpu_seconds += t->bytes / CPU_BYTES;
	worker_limit(w, &limits);
}

static void note(struct schedule *s, struct order *o)
{
	const struct message *m = &o->message;
	struct task *t = o->task;

	t->mode = m->mode;
	t->bytes = m->bytes;
	t->begun_ms = clock_mono_ms();
	memcpy(t->arrival, m->arrival, sizeof(t->arrival));
	schedule_stage(t, m->mode != MODE_LOAD || m->checkpoint.next_row > 0 ? TASK_LOADING : TASK_RUNNING);
	t->worker->jobs++;
	if (t->beside)
		return;
	schedule_note(s, t);
	schedule_charge(s, t);
}

static void send(struct schedule *s, struct worker *w, struct order *o, bool more)
{
	const struct message *m = &o->message;
	/* the last one is there only when the sink is a server */
	size_t given = m->mode == MODE_LIST  ? 1 :
		       m->mode == MODE_PROVE ? (size_t)MESSAGE_FD_PROVE_COUNT :
					       (size_t)MESSAGE_FD_COUNT - (o->fds[MESSAGE_FD_ACCESS] < 0);
	struct fault f = FAULT_INIT;

	o->message.more = more;
	if (!more)
		set_limits(s, w);
	/* a failed send kills the worker; lost() follows */
	if (worker_send(w, m, o->fds, given, &f) == 0)
		worker_listen(w, s->options.silence_ms);
	order_release(o);
}

bool schedule_groups(const struct schedule *s, size_t waiting, const struct task *first)
{
	return waiting >= SCHEDULE_GROUP_FROM && s->ops.joins && s->ops.joins(s->ctx, first, first);
}

bool schedule_joins(const struct schedule *s, const struct task *first, uint64_t bytes, const struct task *t)
{
	return t->link.resources == first->link.resources && bytes + t->bytes <= GROUP_BYTES && s->ops.joins(s->ctx, first, t);
}

/* Its worker must be able to reach what this one's may; *gone: it is over. */
static bool same_reach(struct schedule *s, const struct worker *w, struct task *t, bool *gone)
{
	struct reach reach;
	bool same;

	reach_init(&reach, t->tenant);
	reach.resources = t->link.resources;
	*gone = s->ops.reach(s->ctx, t, &reach) < 0;
	same = !*gone && reach_equal(&w->reach, &reach);
	reach_release(&reach);
	return same;
}

/* The next of w's group has begun. */
static bool join(struct schedule *s, struct lane *queue, struct worker *w, unsigned n, uint64_t *bytes, struct order *o)
{
	const struct task *first = w->task;
	struct task *t;
	bool gone;

	while (n < SCHEDULE_GROUP && !w->ending && (t = (struct task *)lane_first(queue)) != NULL) {
		if (!schedule_joins(s, first, *bytes, t))
			return false;
		if (same_reach(s, w, t, &gone)) {
			*bytes += t->bytes;
			if (begin(s, queue, w, o))
				return true;
		} else if (gone) {
			schedule_unqueue(s, t);
			free(t);
		} else {
			return false;
		}
	}
	return false;
}

/* All that go to w now know of each other before it knows of any. */
static void give_group(struct schedule *s, struct lane *queue, struct worker *w, struct order *first)
{
	struct order now = *first, next;
	uint64_t bytes = now.task->bytes;
	unsigned n = 1;

	while (join(s, queue, w, n, &bytes, &next)) {
		n++;
		note(s, &next);
		send(s, w, &now, true);
		now = next;
	}
	for (struct task *t = w->task; t; t = t->next)
		t->group = n;
	send(s, w, &now, false);
}

void schedule_give(struct schedule *s, struct lane *queue, struct worker *w)
{
	size_t waiting = queue->len;
	struct order o;

	if (!begin(s, queue, w, &o)) {
		/* it was started beside, and has nothing to do there */
		if (schedule_too_many(s))
			worker_retire(w);
		return;
	}
	note(s, &o);
	o.task->group = 1;
	if (!o.task->beside && schedule_groups(s, waiting, o.task))
		give_group(s, queue, w, &o);
	else
		send(s, w, &o, false);
}

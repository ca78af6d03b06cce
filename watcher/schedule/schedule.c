/*
 * schedule - which file goes to which worker, and when; see the header
 *
 * Owned by the daemon.  Giving out work happens in one place, schedule_run, once an iteration of the loop, whatever made it possible.
 * A worker is idle (task NULL), busy, or ending.
 */
#include "watcher/base/base.h"
#include "watcher/schedule/schedule_own.h"
#include "watcher/base/clock.h"
#include "watcher/schedule/spawn.h"
#include <unistd.h>

#define IDLE_MS 30000
#define SILENCE_MS 120000
#define JOBS_MAX 500

void schedule_wake(struct schedule *s)
{
	s->wanted = true;
}

/* --- tasks --- */

void schedule_stage(struct task *t, enum task_stage to)
{
	t->stage = to;
	t->since_ms = clock_now_ms();
}

static void unlink_task(struct worker *w, struct task *t)
{
	struct task **at = &w->task;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->worker = NULL;
	t->next = NULL;
}

/* With its last task the worker is free again, or dying. */
void schedule_detach(struct schedule *s, struct task *t)
{
	struct worker *w = t->worker;
	struct lane *lane = lanes_find(&s->lanes, w->tenant);

	CHECK(lane && s->running && (t->beside ? lane->beside && s->beside : lane->running));
	unlink_task(w, t);
	if (!t->beside)
		schedule_pace(s, t);
	if (w->task)
		return;
	w->idle_since = clock_mono_ms();
	if (t->beside) {
		lane->beside--;
		s->beside--;
	} else {
		lane_ended(lane, t->link.resources);
	}
	s->running--;
	schedule_wake(s);
}

/* Something is expected of it unless one of its files waits for our word. */
static void listen_to(const struct schedule *s, struct worker *w)
{
	bool asked = !w->task;

	for (const struct task *t = w->task; t; t = t->next)
		asked = asked || t->stage == TASK_ASKED;
	worker_listen(w, asked ? 0 : s->options.silence_ms);
}

static void after_task(struct schedule *s, struct worker *w)
{
	listen_to(s, w);
	if (w->task)
		return;
	if (w->jobs >= s->options.jobs_max || s->stopping || schedule_too_many(s))
		worker_retire(w);
}

struct task *schedule_task_new(struct schedule *s, const struct lane *lane, void *owner, enum resources resources)
{
	struct task *t = xcalloc(1, sizeof(*t));

	t->owner = owner;
	t->link.resources = resources;
	t->tenant = lane->tenant;
	t->queued_at = s->decisions;
	schedule_stage(t, TASK_QUEUED);
	schedule_wake(s);
	return t;
}

void schedule_charge(struct schedule *s, struct task *t)
{
	if (t->charged)
		return;
	t->charged = true;
	lane_charge(lanes_find(&s->lanes, t->tenant), t->bytes);
}

struct task *schedule_add(struct schedule *s, const char *tenant, void *owner, enum resources resources, bool front)
{
	struct lane *lane = lanes_get(&s->lanes, tenant);
	struct task *t = schedule_task_new(s, lane, owner, resources);

	lane_push(lane, &t->link, front);
	return t;
}

void schedule_unqueue(struct schedule *s, struct task *t)
{
	if (t->beside)
		lanes_find(&s->lanes, t->tenant)->beside--;
	lane_remove(&t->link);
}

void schedule_remove(struct schedule *s, struct task *t)
{
	struct worker *w = t->worker;

	if (w) {
		schedule_detach(s, t);
		/* the others of its group go on elsewhere */
		worker_kill(w, w->task ? WORKER_KILLED : WORKER_STOPPED, "its file was taken away");
	} else {
		schedule_unqueue(s, t);
	}
	free(t);
	schedule_wake(s);
}

int schedule_tell(struct schedule *s, struct task *t, const struct message *m, struct fault *f)
{
	struct worker *w = t->worker;

	CHECK(w && (m->type == MESSAGE_KEY ? t->unwrapping : t->stage == TASK_ASKED));
	CHECK(m->type == MESSAGE_LOAD || m->type == MESSAGE_DROP || m->type == MESSAGE_KEY);
	if (worker_send(w, m, NULL, 0, f) < 0)
		return -1;
	if (m->type == MESSAGE_KEY) {
		t->unwrapping = false;
		return 0;
	}
	if (m->type == MESSAGE_LOAD) {
		schedule_stage(t, TASK_LOADING);
		listen_to(s, w);
		return 0;
	}
	schedule_detach(s, t);
	free(t);
	after_task(s, w);
	return 0;
}

void schedule_refuse(struct schedule *s, struct task *t, const char *why)
{
	(void)s;
	CHECK(t->worker);
	worker_kill(t->worker, WORKER_BABBLED, why);
}

/* --- what workers say --- */

/* NULL: it may say that now. */
static const char *out_of_turn(const struct task *t, const struct message *m)
{
	switch (m->type) {
	case MESSAGE_JOB:
	case MESSAGE_LOAD:
	case MESSAGE_DROP:
	case MESSAGE_KEY:
		return "a message that only the daemon sends";
	case MESSAGE_PROGRESS:
		return NULL;
	case MESSAGE_GATED:
		return t->stage == TASK_RUNNING ? NULL : "gated out of turn";
	case MESSAGE_UNWRAP:
		return t->stage == TASK_RUNNING || t->stage == TASK_LOADING ? NULL : "unwrap out of turn";
	case MESSAGE_CHECKPOINT:
		return t->stage == TASK_LOADING && t->mode == MODE_LOAD ? NULL :
									  "a checkpoint out of turn";
	case MESSAGE_RESULT:
		return t->stage == TASK_LOADING ? NULL : "a result out of turn";
	case MESSAGE_LISTED:
		return t->stage == TASK_LOADING && t->mode == MODE_LIST ? NULL : "a list out of turn";
	}
	return "an unknown message";
}

static struct task *task_of(const struct worker *w, const char *arrival)
{
	struct task *t = w->task;

	while (t && strcmp(t->arrival, arrival) != 0)
		t = t->next;
	return t;
}

static void on_message(void *ctx, struct worker *w, const struct message *m)
{
	struct schedule *s = ctx;
	struct task *t = task_of(w, m->arrival);
	const char *wrong;

	s->bad_starts = 0;
	/* a sign of life that crossed our drop */
	if (!t && (!w->task || w->task->group > 1) && m->type == MESSAGE_PROGRESS)
		return;
	if (!t) {
		worker_kill(w, WORKER_BABBLED, "a message about a file it does not have");
		return;
	}
	wrong = out_of_turn(t, m);
	if (wrong) {
		worker_kill(w, WORKER_BABBLED, wrong);
		return;
	}
	t->unwrapping = m->type == MESSAGE_UNWRAP;
	if (m->type == MESSAGE_GATED) {
		schedule_stage(t, TASK_ASKED);
		listen_to(s, w); /* now it is we who are waited for */
	}
	if (m->type == MESSAGE_RESULT)
		schedule_detach(s, t);
	s->ops.message(s->ctx, t, m);
	if (m->type == MESSAGE_RESULT) {
		free(t);
		after_task(s, w);
	}
}

static void on_ended(void *ctx, struct worker *w, const struct worker_end *end)
{
	struct schedule *s = ctx;

	schedule_unlink(s, w);
	/* a process that never said a word may be one that cannot run at all: not again at once */
	if (!end->heard && (end->why == WORKER_EXITED || end->why == WORKER_CRASHED))
		schedule_set_restart(s);
	if (end->why != WORKER_RETIRED && end->why != WORKER_STOPPED)
		s->ops.died(s->ctx, w->tenant, w->pid, end);
	schedule_wake(s);
	while (w->task) {
		struct task *t = w->task;

		schedule_detach(s, t);
		s->ops.lost(s->ctx, t, end);
		free(t);
	}
}

static void on_said(void *ctx, struct worker *w, struct span line)
{
	struct schedule *s = ctx;

	s->ops.said(s->ctx, w->tenant, w->pid, line);
}

/* --- giving out work --- */

/* May this tenant have something now?  A worker of its own, or a slot, or the slot of an idle one. */
static bool can_serve(void *ctx, const struct lane *lane)
{
	struct schedule *s = ctx;

	if (lane->waiting)
		return false;
	if (schedule_idle_of(s, lane->tenant))
		return true;
	if (clock_mono_ms() < s->not_before)
		return false;
	return slots_taken(s) < s->options.slots || schedule_any_idle(s);
}

/* No worker of its own and no slot: an idle one of another tenant ends for it, and it is served when that is reaped. */
static void wait_for_slot(struct schedule *s, struct lane *lane, size_t *waiting)
{
	struct worker *w = schedule_any_idle(s);

	lane->waiting = true;
	(*waiting)++;
	if (w && schedule_ending(s) < *waiting)
		worker_retire(w);
}

/* false: there is no slot for it.  No process can be started: its lane waits for that too, whatever idle ones it has. */
static bool serve(struct schedule *s, struct lane *queue)
{
	struct task *t = (struct task *)lane_first(queue);
	struct reach reach;
	struct worker *w = NULL;
	bool gone = false;

	reach_init(&reach, t->tenant);
	reach.resources = t->link.resources;
	if (s->ops.reach(s->ctx, t, &reach) < 0) {
		schedule_unqueue(s, t);
		free(t);
		gone = true;
	} else {
		w = schedule_worker_for(s, t, &reach, &queue->waiting);
	}
	reach_release(&reach);
	if (w)
		schedule_give(s, queue, w);
	return w || gone || queue->waiting;
}

static bool any_lane(void *ctx, const struct lane *lane)
{
	(void)ctx;
	(void)lane;
	return true;
}

static void hand_out_beside(struct schedule *s)
{
	struct lane *lane;

	while (schedule_beside_room(s) && clock_mono_ms() >= s->not_before &&
	       (lane = lanes_pick(&s->besides, any_lane, NULL)) != NULL)
		(void)serve(s, lane);
}

static void hand_out(struct schedule *s)
{
	size_t waiting = 0, turn, first_waiting = 0;
	struct lane *lane;

	for (size_t i = 0; i < lanes_len(&s->lanes); i++)
		lanes_at(&s->lanes, i)->waiting = false;
	while (turn = s->lanes.next, (lane = lanes_pick(&s->lanes, can_serve, s)) != NULL) {
		if (serve(s, lane))
			continue;
		if (!waiting)
			first_waiting = turn;
		wait_for_slot(s, lane, &waiting);
	}
	/* who waits comes first when a slot is free */
	if (waiting)
		s->lanes.next = first_waiting;
}

/* The time of the next thing that no event will bring: an idle worker's end, the pause after a bad start.  now: when this run began. */
static void set_timer(struct schedule *s, int64_t now)
{
	int64_t next = INT64_MAX;

	for (struct worker *w = s->workers; w; w = w->next)
		if (is_idle(w) && w->idle_since + s->options.idle_ms < next)
			next = w->idle_since + s->options.idle_ms;
	if (s->not_before > now && s->not_before < next && schedule_queued(s, NULL))
		next = s->not_before;
	ev_timer_stop(s->loop, &s->timer);
	if (next == INT64_MAX)
		return;
	ev_now_update(s->loop);
	ev_timer_set(&s->timer, next > now ? (double)(next - now) / 1000. + 0.001 : 0.001, 0.);
	ev_timer_start(s->loop, &s->timer);
}

static void retire_idle(struct schedule *s, int64_t longer_than_ms)
{
	int64_t now = clock_mono_ms();

	for (struct worker *w = s->workers; w; w = w->next)
		if (is_idle(w) && now - w->idle_since >= longer_than_ms)
			worker_retire(w);
}

void schedule_run(struct schedule *s)
{
	int64_t now = clock_mono_ms();

	if (!s->wanted)
		return;
	s->wanted = false;
	if (!s->paused && !s->stopping) {
		hand_out_beside(s);
		hand_out(s);
	}
	set_timer(s, now);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	struct schedule *s = t->data;

	(void)loop;
	(void)events;
	retire_idle(s, s->options.idle_ms);
	schedule_wake(s);
}

/* --- front door --- */

int schedule_new(struct ev_loop *loop, const struct schedule_options *options,
		 const struct schedule_ops *ops, void *ctx, struct schedule **out, struct fault *f)
{
	struct schedule *s;

	if (access(options->program, X_OK) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot run %s", options->program);
	CHECK(options->slots > 0 && loop == EV_DEFAULT);
	s = xcalloc(1, sizeof(*s));
	s->loop = loop;
	s->options = *options;
	s->program = xstrdup(options->program);
	if (!s->options.idle_ms)
		s->options.idle_ms = IDLE_MS;
	if (!s->options.silence_ms)
		s->options.silence_ms = SILENCE_MS;
	if (!s->options.jobs_max)
		s->options.jobs_max = JOBS_MAX;
	s->ops = *ops;
	s->ctx = ctx;
	s->worker_ops = (struct worker_ops){on_message, on_ended, on_said};
	s->trace = xcalloc(SCHEDULE_TRACE, sizeof(*s->trace));
	lanes_init(&s->lanes);
	lanes_init(&s->besides);
	ev_init(&s->timer, on_timer);
	s->timer.data = s;
	*out = s;
	return 0;
}

static void free_tasks(struct lanes *l)
{
	for (size_t i = 0; i < lanes_len(l); i++) {
		struct lane *lane = lanes_at(l, i);

		while (lane->len)
			free(lane_pop_any(lane));
	}
	lanes_release(l);
}

void schedule_free(struct schedule **sp)
{
	struct schedule *s = *sp;

	if (!s)
		return;
	while (s->workers) {
		struct worker *w = s->workers;

		s->workers = w->next;
		while (w->task) {
			struct task *t = w->task;

			w->task = t->next;
			free(t);
		}
		worker_destroy(w);
	}
	free_tasks(&s->lanes);
	free_tasks(&s->besides);
	ev_timer_stop(s->loop, &s->timer);
	free(s->trace);
	free(s->program);
	free(s);
	*sp = NULL;
}

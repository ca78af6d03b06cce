/*
 * turn - once an iteration of the loop: the journal's commit, then what waited for it; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/turn.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/durables.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/gate.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/recorder.h"
#include "watcher/daemon/tenants.h"
#include "watcher/schedule/schedule.h"
#include "watcher/spool/durable.h"

#define TURN_MS 50	/* then the loop polls */
#define BATCH_MAX 256	/* steps between two commits */
#define RETRY_MS 1000

bool turn_ok(struct ingestd *d, int r, const struct fault *f)
{
	if (r >= 0)
		return true;
	if (durable_broken())
		ingestd_fatal(d, f);
	return false;
}

static void set_behind(struct ingestd *d, bool behind, const struct fault *f)
{
	if (behind == d->turn.behind)
		return;
	d->turn.behind = behind;
	ingestd_gates(d);
	if (behind)
		event_text(d, EV_JOURNAL_BEHIND, "reason", f->text);
	else
		event(d, EV_JOURNAL_CAUGHT_UP, "%s", "");
	if (behind && !ev_is_active(&d->turn.retry))
		ev_timer_start(d->loop, &d->turn.retry);
}

int turn_commit(struct ingestd *d, struct fault *f)
{
	if (d->fatal)
		return fault_set(f, FAULT_SYSTEM, "ingestd is ending");
	CHECK(!d->turn.durables.len); /* the rows below speak of it */
	if (!journal_dirty(d->journal) && !journal_behind(d->journal))
		return 0;
	if (d->turn.behind && clock_mono_ms() < d->turn.retry_ms)
		return fault_set(f, FAULT_SYSTEM, "the journal cannot be written");
	d->turn.retry_ms = clock_mono_ms() + RETRY_MS;
	if (journal_commit(d->journal, f) < 0) {
		if (durable_broken() || !journal_behind(d->journal))
			ingestd_fatal(d, f);
		else
			set_behind(d, true, f);
		disk_fault(d, f);
		return -1;
	}
	d->turn.commits++;
	set_behind(d, false, f);
	return 0;
}

/* --- what waits --- */

void turn_then(struct ingestd *d, struct file *x, file_step *step)
{
	struct turn *t = &d->turn;

	CHECK(!x->step);
	x->step = step;
	if (x->in_turn)
		return; /* cancelled and asked again in one turn: its place stays */
	x->in_turn = true;
	x->turn_next = NULL;
	if (t->last)
		t->last->turn_next = x;
	else
		t->first = x;
	t->last = x;
	t->pending++;
}

void turn_cancel(struct ingestd *d, struct file *x)
{
	(void)d;
	x->step = NULL;
}

void turn_remove(struct ingestd *d, struct file *x)
{
	struct turn *t = &d->turn;
	struct file *before = NULL;

	x->step = NULL;
	if (!x->in_turn)
		return;
	for (struct file *at = t->first; at != x; at = at->turn_next)
		before = at;
	if (before)
		before->turn_next = x->turn_next;
	else
		t->first = x->turn_next;
	if (t->last == x)
		t->last = before;
	t->pending--;
	x->in_turn = false;
}

static struct file *take_pending(struct ingestd *d)
{
	struct turn *t = &d->turn;
	struct file *x = t->first;

	if (!x)
		return NULL;
	t->first = x->turn_next;
	if (!t->first)
		t->last = NULL;
	t->pending--;
	x->in_turn = false;
	return x;
}

/* Order 2 of delivery.md: each work/A, then work/ and in/ of each tenant, once. */
static void sync_claims(struct ingestd *d)
{
	struct fault f = FAULT_INIT;
	bool any = false;
	size_t n = 0;
	struct durable_batch b;

	for (struct file *x = d->turn.first; x; x = x->turn_next)
		n += x->step == step_gate && !x->synced;
	b = durable_batch(n);
	for (struct file *x = d->turn.first; x && !d->fatal; x = x->turn_next) {
		if (x->step != step_gate || x->synced || !x->tenant->folders)
			continue;
		if (turn_ok(d, folders_sync_arrival(x->tenant->folders, x->row.arrival, &b, &f), &f))
			x->tenant->to_sync = any = true;
	}
	for (struct file *x = d->turn.first; any && x && !d->fatal; x = x->turn_next) {
		struct tenant *t = x->tenant;

		if (t->to_sync && turn_ok(d, folders_sync_parents(t->folders, &b, &f), &f))
			t->synced = true;
		t->to_sync = false;
	}
	for (struct file *x = d->turn.first; any && x; x = x->turn_next)
		if (x->step == step_gate && x->tenant->synced)
			x->synced = true;
	for (struct file *x = d->turn.first; any && x; x = x->turn_next)
		x->tenant->synced = false;
}

/* false: nothing was pending. */
static bool run_steps(struct ingestd *d)
{
	size_t n = d->turn.pending < BATCH_MAX ? d->turn.pending : BATCH_MAX;

	if (!n)
		return false;
	folders_turn_begins();
	sync_claims(d);
	while (n-- && !d->fatal) {
		struct file *x = take_pending(d);
		file_step *step = x->step;

		x->step = NULL;
		if (step)
			step(d, x);
		if (d->turn.durables.len >= DURABLES_MOST)
			durables_run(d);
	}
	durables_run(d);
	folders_turn_ends();
	return true;
}

/* false: nothing more can be done now. */
static bool one_round(struct ingestd *d)
{
	struct fault f = FAULT_INIT;

	if (turn_commit(d, &f) < 0)
		return false;
	if (run_steps(d))
		return true;
	schedule_run(d->schedule);
	return d->turn.pending || journal_dirty(d->journal);
}

static void one_turn(struct ingestd *d, int64_t budget_ms)
{
	int64_t until = clock_mono_ms() + budget_ms;
	bool more = true;

	while (more && !d->fatal && clock_mono_ms() < until)
		more = one_round(d);
	if (more && !d->fatal)
		ev_idle_start(d->loop, &d->turn.again);
	else
		ev_idle_stop(d->loop, &d->turn.again);
}

static void on_check(struct ev_loop *loop, ev_check *c, int events)
{
	struct ingestd *d = c->data;

	(void)loop;
	(void)events;
	d->turn.began = ev_time();
}

static void on_prepare(struct ev_loop *loop, ev_prepare *p, int events)
{
	struct ingestd *d = p->data;
	ev_tstamp took;

	(void)loop;
	(void)events;
	recorder_before(d);
	one_turn(d, TURN_MS);
	recorder_after(d);
	notifier_after(d);
	(void)pauses_drained(d);
	if (d->turn.began <= 0)
		return;
	took = ev_time() - d->turn.began;
	if (took > 0 && took * 1e6 > (double)d->turn.worst_us)
		d->turn.worst_us = (uint64_t)(took * 1e6);
}

static void on_again(struct ev_loop *loop, ev_idle *w, int events)
{
	(void)loop;
	(void)w;
	(void)events;
}

/* The prepare watcher does the work; the timer only wakes the loop. */
static void on_retry(struct ev_loop *loop, ev_timer *w, int events)
{
	struct ingestd *d = w->data;

	(void)events;
	if (!d->turn.behind)
		ev_timer_stop(loop, w);
}

void turn_start(struct ingestd *d)
{
	struct turn *t = &d->turn;

	ev_check_init(&t->check, on_check);
	ev_set_priority(&t->check, EV_MAXPRI);
	ev_prepare_init(&t->prepare, on_prepare);
	ev_set_priority(&t->prepare, EV_MINPRI);
	ev_idle_init(&t->again, on_again);
	ev_timer_init(&t->retry, on_retry, RETRY_MS / 1000., RETRY_MS / 1000.);
	t->check.data = t->prepare.data = t->again.data = t->retry.data = d;
	ev_check_start(d->loop, &t->check);
	ev_prepare_start(d->loop, &t->prepare);
}

void turn_stop(struct ingestd *d)
{
	struct turn *t = &d->turn;

	ev_check_stop(d->loop, &t->check);
	ev_prepare_stop(d->loop, &t->prepare);
	ev_idle_stop(d->loop, &t->again);
	ev_timer_stop(d->loop, &t->retry);
	durables_release(d);
}

void turn_finish(struct ingestd *d)
{
	int64_t until = clock_mono_ms() + 2000;

	while (!d->fatal && clock_mono_ms() < until && one_round(d))
		;
}

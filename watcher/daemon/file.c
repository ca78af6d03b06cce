/*
 * file - one living arrival; see the header
 *
 * Owned by the daemon's table `files`.  Every change of state goes through file_set_state; every pause through file_wait.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/file.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/circuits.h"
#include "watcher/daemon/ending.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/manifests.h"
#include "watcher/daemon/replace.h"
#include "watcher/daemon/route.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/model/keys.h"
#include "watcher/daemon/wish.h"
#include "watcher/model/outcome.h"
#include "watcher/schedule/schedule.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MOST_MS 60000

struct file *file_add(struct ingestd *d, const struct file_row *row)
{
	struct file *x = xcalloc(1, sizeof(*x));

	CHECK(!file_find(d, row->arrival));
	file_row_copy(row, &x->row);
	x->tenant = tenants_get(d, row->tenant);
	x->tenant->files++;
	x->tenant->manifests += manifest_is(x);
	map_put(&d->files, span_of(x->row.arrival), x);
	ingestd_progress(d);
	return x;
}

struct file *file_find(struct ingestd *d, const char *arrival)
{
	return map_get(&d->files, span_of(arrival));
}

void file_free(struct file **xp)
{
	struct file *x = *xp;

	if (!x)
		return;
	file_row_release(&x->row);
	if (x->job)
		job_unref(&x->job);
	free(x->index_pattern);
	free(x->name_reason);
	free(x->waits_for);
	free(x->circuit);
	free(x->concrete);
	strings_free(x->listed, x->listed_count);
	free(x);
	*xp = NULL;
}

void file_drop(struct ingestd *d, struct file *x)
{
	struct tenant *t = x->tenant;

	CHECK(!x->in_turn && !x->task);
	circuits_left(d, x);
	map_remove(&d->files, span_of(x->row.arrival));
	t->files--;
	t->manifests -= manifest_is(x);
	t->wait_other -= x->waits_other;
	file_free(&x);
	ingestd_progress(d);
	tenants_file_gone(d, t);
}

static void journal_failed(struct ingestd *d, int r, const struct fault *f)
{
	/* while it is behind the journal keeps writes and says 0: this is worse */
	if (r < 0)
		ingestd_fatal(d, f);
}

void file_set_state(struct ingestd *d, struct file *x, enum file_state to)
{
	enum file_state from = x->row.state;
	struct fault f = FAULT_INIT;

	journal_failed(d, journal_set_state(d->journal, &x->row, to, &f), &f);
	if (from != FILE_WAITING && to != FILE_WAITING && to != FILE_UNDOING)
		file_progress(d, x);
}

void file_progress(struct ingestd *d, const struct file *x)
{
	if (!x->tries || x->row.state == FILE_INDEXED || x->row.state == FILE_PLACED ||
	    x->row.state == FILE_HELD)
		ingestd_progress(d);
}

void file_save(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;

	journal_failed(d, journal_save(d->journal, &x->row, &f), &f);
}

enum resources file_resources(const struct file *x)
{
	const struct profile *p = x->tenant->profile;
	const struct job *j = p && x->row.job ? profile_job(p, x->row.job) : NULL;

	return j ? j->resources : RESOURCES_MEDIUM;
}

void file_requeue_tenant(struct ingestd *d, const struct tenant *t)
{
	for (size_t i = 0; i < map_len(&d->files) && !d->fatal; i++) {
		struct file *x = map_value(&d->files, i);

		if (x->tenant != t || !x->task || x->task->worker || x->task->link.resources == file_resources(x))
			continue;
		schedule_remove(d->schedule, x->task);
		x->task = NULL;
		file_queue(d, x);
	}
}

void file_queue(struct ingestd *d, struct file *x)
{
	CHECK(!x->task);
	if (!x->tenant->profile && !d->profiles.first_done) {
		x->parked = true;
		return;
	}
	if (!x->tenant->profile) {
		struct fault f = FAULT_INIT;

		fault_set(&f, FAULT_CONFIG, "the tenant has no profile in force");
		file_wait(d, x, &f, 0);
		return;
	}
	/* what has begun goes on first: its rows are half there */
	x->task = circuits_probed_by(d, x) ?
			  schedule_add_beside(d->schedule, x->tenant->name, x, file_resources(x)) :
			  schedule_add(d->schedule, x->tenant->name, x, file_resources(x), x->row.leg.sent);
	x->task->bytes = x->row.bytes;
	event_file(d, EV_FILE_QUEUED, x, "%s", "");
}

void file_resume(struct ingestd *d, struct file *x)
{
	switch (x->row.state) {
	case FILE_CLAIMED:
		turn_then(d, x, step_route);
		return;
	case FILE_IDENTIFIED:
	case FILE_GATED:
	case FILE_LOADING:
		file_queue(d, x);
		return;
	case FILE_UNDOING:
		if (x->row.leg.state == LEG_UNDONE)
			turn_then(d, x, step_receipt);
		else
			file_queue(d, x);
		return;
	case FILE_INDEXED:
	case FILE_REPLACING:
		turn_then(d, x, x->row.replaces[0] ? step_replace : step_receipt);
		return;
	case FILE_RETAKING:
		turn_then(d, x, step_retake);
		return;
	case FILE_PLACING:
		turn_then(d, x, step_move);
		return;
	case FILE_PLACED:
	case FILE_HELD:
	case FILE_WAITING:
		break;
	}
	CHECK(!"a file that cannot go on");
}

int64_t file_backoff(unsigned tries)
{
	int64_t ms = BACKOFF_FIRST_MS;

	while (tries-- && ms < BACKOFF_MOST_MS)
		ms *= 2;
	if (ms > BACKOFF_MOST_MS)
		ms = BACKOFF_MOST_MS;
	return ms - ms / 4 + random() % (ms / 4 + 1);
}

/* The timer stands at the soonest due of all waiting files. */
static void set_timer(struct ingestd *d)
{
	int64_t next = INT64_MAX, now = clock_mono_ms();

	for (size_t i = 0; i < map_len(&d->files); i++) {
		const struct file *x = map_value(&d->files, i);

		if (x->due && x->due < next)
			next = x->due;
	}
	ev_timer_stop(d->loop, &d->wake);
	if (next == INT64_MAX)
		return;
	ev_now_update(d->loop);
	/* several that are due within 20 ms are woken together */
	ev_timer_set(&d->wake, next > now ? (double)(next - now) / 1000. + 0.02 : 0.001, 0.);
	ev_timer_start(d->loop, &d->wake);
}

/* It has failed or is held and only its way there waits: that reason is the one to keep. */
static bool keeps_reason(const struct file *x)
{
	return x->row.has_outcome && x->row.outcome != OUTCOME_DONE;
}

void file_wait(struct ingestd *d, struct file *x, const struct fault *f, int64_t delay_ms)
{
	struct strbuf sb = STRBUF_INIT;

	CHECK(!x->task);
	circuits_left(d, x);
	x->row.until_ms = delay_ms ? clock_now_ms() + delay_ms : 0;
	x->due = delay_ms ? clock_mono_ms() + delay_ms : 0;
	/* the same reason again is no news */
	if (!x->waits_for || strcmp(x->waits_for, f->text) != 0) {
		log_add_pair(&sb, "fault", span_of(fault_kind_name(f->kind)));
		log_add_pair(&sb, "reason", span_of(f->text));
		event_file(d, EV_FILE_WAITING, x, "%s", sb.p);
	}
	strbuf_release(&sb);
	file_row_set(&x->waits_for, f->text);
	x->waits_kind = f->kind;
	if (!keeps_reason(x)) {
		file_row_set(&x->row.reason, f->text);
		x->row.fault = f->kind;
	}
	x->tries++;
	if (x->row.state == FILE_WAITING)
		file_save(d, x);
	else
		file_set_state(d, x, FILE_WAITING);
	if (x->due)
		set_timer(d);
	x->waits_room = fault_no_room(f);
	disk_fault(d, f);
}

void file_wait_other(struct ingestd *d, struct file *x, const struct fault *f, int64_t delay_ms)
{
	file_wait(d, x, f, delay_ms);
	x->tenant->wait_other += !x->waits_other;
	x->waits_other = true;
}

void file_unwait(struct file *x)
{
	CHECK(x->row.state == FILE_WAITING);
	x->due = 0;
	x->tenant->wait_other -= x->waits_other;
	x->waits_other = x->waits_room = x->waits_pause = x->lost = false;
	free(x->circuit);
	x->circuit = NULL;
	x->row.until_ms = 0;
	if (!keeps_reason(x)) {
		file_row_set(&x->row.reason, NULL);
		x->row.fault = FAULT_NONE;
	}
}

void file_wake(struct ingestd *d, struct file *x)
{
	file_unwait(x);
	file_set_state(d, x, x->row.resume);
	if (!d->fatal)
		file_resume(d, x);
}

static void on_wake(struct ev_loop *loop, ev_timer *w, int events)
{
	struct ingestd *d = w->data;
	int64_t now = clock_mono_ms();

	(void)loop;
	(void)events;
	for (size_t i = map_len(&d->files); i-- > 0 && !d->fatal;) {
		struct file *x = map_value(&d->files, i);

		if (x->due && x->due <= now && !d->stopping)
			file_wake(d, x);
	}
	if (!d->stopping)
		set_timer(d);
}

void file_timer_start(struct ingestd *d)
{
	ev_init(&d->wake, on_wake);
	d->wake.data = d;
	set_timer(d);
}

void file_wake_tenant(struct ingestd *d, struct tenant *t, bool others)
{
	/* asked at the end of every file, of which there may be 5,000 a tenant */
	if (others && !t->wait_other)
		return;
	for (size_t i = map_len(&d->files); i-- > 0 && !d->fatal;) {
		struct file *x = map_value(&d->files, i);

		if (x->tenant != t || d->stopping)
			continue;
		if (x->parked && !others) {
			x->parked = false;
			file_resume(d, x);
		}
		if (x->row.state != FILE_WAITING)
			continue;
		if (others ? x->waits_other : !x->due)
			file_wake(d, x);
	}
}

void file_fault(struct ingestd *d, struct file *x, const struct fault *f)
{
	switch (outcome_of(f)) {
	case OUTCOME_FAILED:
		ending_begin(d, x, OUTCOME_FAILED, f);
		return;
	case OUTCOME_HELD:
		ending_begin(d, x, OUTCOME_HELD, f);
		return;
	case OUTCOME_WAITING:
		file_wait(d, x, f, file_backoff(x->tries));
		return;
	case OUTCOME_DONE:
	case OUTCOME_DUPLICATE:
	case OUTCOME_UNDONE:
		break;
	}
	CHECK(!"a fault that is none");
}

const char *file_word(const struct file *x)
{
	return file_row_record_state(&x->row);
}

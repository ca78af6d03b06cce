/*
 * ending - from the last row to done/, failed/ or held/; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/ending.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/daemon/circuits.h"
#include "watcher/daemon/durables.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/replace.h"
#include "watcher/daemon/route.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/spool/deliveries.h"
#include "watcher/spool/durable.h"
#include "watcher/spool/place.h"
#include "watcher/spool/work.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A file that no worker has read is fsynced here, so that what failed/ holds is whole; a larger one would stop the loop. */
#define FSYNC_BYTES (16u * 1024 * 1024)
#define SPARING_FILES 8 /* of a tenant under way: more are about to come */

static void put_delivery(struct ingestd *d, struct file *x, enum delivery_state state)
{
	struct fault f = FAULT_INIT;

	if (deliveries_put(d->journal, &x->row, state, clock_now_ms(), &f) < 0)
		ingestd_fatal(d, &f);
}

static void set_outcome(struct file *x, enum outcome outcome, const struct fault *f)
{
	x->row.has_outcome = true;
	x->row.outcome = outcome;
	x->row.fault = f ? f->kind : FAULT_NONE;
	x->row.altered = f && fault_altered(f);
	file_row_set(&x->row.reason, f ? f->text : NULL);
	if (f && f->line && !x->row.has_first_error) {
		x->row.has_first_error = true;
		x->row.error_line = f->line;
		file_row_set(&x->row.error_column, f->field);
		file_row_set(&x->row.error_text, f->text);
	}
}

/* Rows that were read and are in no sink, because the file failed or was held. */
static void settle_counters(struct file *x)
{
	struct counters *c = &x->row.leg.checkpoint.counters;

	c->unsent += c->indexed + c->duplicates;
	c->indexed = c->duplicates = c->documents = 0;
	if (x->row.leg.state == LEG_NONE && c->read)
		x->row.leg.state = LEG_GATED;
}

void ending_begin(struct ingestd *d, struct file *x, enum outcome outcome, const struct fault *f)
{
	CHECK(!x->task && x->row.state != FILE_WAITING);
	set_outcome(x, outcome, f);
	settle_counters(x);
	turn_then(d, x, step_receipt);
}

void ending_after_send(struct ingestd *d, struct file *x, const struct fault *f)
{
	enum outcome outcome = outcome_of(f);

	CHECK(x->row.state == FILE_LOADING && !x->task);
	if (f->scope != SCOPE_FILE) {
		circuits_fault(d, x, f);
		return;
	}
	if (outcome == OUTCOME_WAITING) {
		file_wait(d, x, f, file_backoff(x->tries));
		return;
	}
	set_outcome(x, outcome, f);
	x->row.after_undo = AFTER_UNDO_PLACE;
	x->row.leg.state = LEG_UNDOING;
	file_set_state(d, x, FILE_UNDOING);
	event_file(d, EV_FILE_UNDOING, x, "outcome=%s", outcome_name(outcome));
	if (!d->fatal)
		file_queue(d, x);
}

void ending_loaded(struct ingestd *d, struct file *x, const struct message *m)
{
	struct counters *c = &x->row.leg.checkpoint.counters;
	struct fault f = FAULT_INIT;

	CHECK(x->row.state == FILE_LOADING);
	if (m->fault.kind != FAULT_NONE) {
		ending_after_send(d, x, &m->fault);
		return;
	}
	if (!counters_balance(&m->checkpoint.counters) || m->checkpoint.counters.unsent) {
		fault_set(&f, FAULT_SYSTEM, "the worker's books do not balance at the end of the load");
		ending_after_send(d, x, &f);
		return;
	}
	*c = m->checkpoint.counters;
	x->row.leg.state = LEG_INDEXED;
	x->row.times.indexed = clock_now_ms();
	x->row.has_outcome = true;
	x->row.outcome = OUTCOME_DONE;
	x->tries = x->missed = 0;
	file_set_state(d, x, FILE_INDEXED);
	/* one that replaces is `loading` till nothing of the other is left: no third of its name may come between (step_receipt) */
	if (!x->row.replaces[0])
		put_delivery(d, x, DELIVERY_LIVE);
	if (d->fatal)
		return;
	file_wake_tenant(d, x->tenant, true);
	turn_then(d, x, x->row.replaces[0] ? step_replace : step_receipt);
}

/* Nothing of it is in a sink any more: as if it had just been claimed. */
static void load_anew(struct ingestd *d, struct file *x)
{
	file_row_renew(&x->row);
	x->tries = x->missed = 0;
	file_set_state(d, x, FILE_CLAIMED);
	if (d->fatal)
		return;
	file_wake_tenant(d, x->tenant, true);
	turn_then(d, x, step_route);
}

void ending_undone(struct ingestd *d, struct file *x, const struct fault *f)
{
	struct fault why = *f;

	CHECK(x->row.state == FILE_UNDOING);
	/* whatever the fault's kind: a file whose rows are still there is neither failed nor held */
	if (f->kind != FAULT_NONE) {
		if (outcome_of(f) != OUTCOME_WAITING)
			why.kind = FAULT_SYSTEM;
		fault_prefix(&why, "its rows cannot be taken back");
		/* a right to remove that is missing keeps nobody from adding */
		if (f->scope != SCOPE_FILE && !(f->scope == SCOPE_INDEX && f->kind == FAULT_KEY)) {
			circuits_fault(d, x, &why);
			return;
		}
		file_wait(d, x, &why, file_backoff(x->tries));
		return;
	}
	put_delivery(d, x, DELIVERY_UNDONE);
	if (d->fatal)
		return;
	if (x->row.after_undo == AFTER_UNDO_LOAD) {
		load_anew(d, x);
		return;
	}
	settle_counters(x);
	x->row.leg.state = LEG_UNDONE;
	file_save(d, x);
	if (d->fatal)
		return;
	file_wake_tenant(d, x->tenant, true);
	turn_then(d, x, step_receipt);
}

/* --- receipt --- */

static int fsync_file(const struct file *x, struct fault *f)
{
	int dir = -1, fd, r;

	if (x->row.sha256[0] || x->row.bytes > FSYNC_BYTES)
		return 0; /* a worker did it */
	if (work_open_dir(x->tenant->folders, x->row.arrival, &dir, f) < 0)
		return -1;
	fd = fs_open_beneath(dir, x->row.file, O_RDONLY, 0);
	close(dir);
	if (fd < 0)
		return 0; /* gone: step_move says so */
	r = durable_fsync(fd, x->row.file, f);
	close(fd);
	return r;
}

static int make_claim_durable(struct file *x, struct fault *f)
{
	if (x->synced || x->row.state == FILE_INDEXED || x->row.state == FILE_REPLACING)
		return 0;
	if (fsync_file(x, f) < 0 || folders_sync_claim(x->tenant->folders, x->row.arrival, f) < 0)
		return -1;
	x->synced = true;
	return 0;
}

static void wait_for_disk(struct ingestd *d, struct file *x, const struct fault *f)
{
	if (!d->fatal)
		file_wait(d, x, f, file_backoff(x->tries));
}

static int prepare_receipt(struct ingestd *d, struct file *x, struct fault *f)
{
	struct folders *t = x->tenant->folders;
	struct place_receipt receipt;

	if (make_claim_durable(x, f) < 0)
		return -1;
	if (place_choose(t, d->journal, &x->row, f) < 0 || place_receipt_write(t, &x->row, &receipt, f) < 0)
		return -1;
	durables_receipt(d, x, &receipt);
	return 0;
}

void step_receipt(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;

	CHECK(x->row.has_outcome);
	if (!turn_ok(d, prepare_receipt(d, x, &f), &f)) {
		/* waiting keeps the outcome; the reason of the end comes back with it */
		if (!d->fatal && journal_behind(d->journal))
			turn_then(d, x, step_receipt);
		else
			wait_for_disk(d, x, &f);
		return;
	}
	if (x->row.replaces[0] && x->row.outcome == OUTCOME_DONE)
		put_delivery(d, x, DELIVERY_LIVE);
	file_set_state(d, x, FILE_PLACING);
	if (!d->fatal)
		turn_then(d, x, step_move);
}

/* --- move --- */

static void choose_again(struct ingestd *d, struct file *x)
{
	struct folders *t = x->tenant->folders;
	struct fault f = FAULT_INIT;

	if (!turn_ok(d, place_choose(t, d->journal, &x->row, &f), &f) ||
	    !turn_ok(d, place_receipt(t, &x->row, &f), &f)) {
		wait_for_disk(d, x, &f);
		return;
	}
	file_save(d, x);
	if (!d->fatal)
		turn_then(d, x, step_move);
}

/* Nothing of it was ever stored: it takes no room in its tenant's quota. */
static bool came_to_nothing(const struct file_row *r)
{
	switch (r->outcome) {
	case OUTCOME_DONE:
		return false;
	case OUTCOME_UNDONE:
		return !r->leg.sent;
	case OUTCOME_FAILED:
	case OUTCOME_HELD:
	case OUTCOME_DUPLICATE:
		return true;
	case OUTCOME_WAITING:
		break;
	}
	CHECK(!"an end that is none");
	return false;
}

static file_step step_placed;

void step_move(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;
	struct place_moved moved;

	CHECK(x->row.state == FILE_PLACING);
	switch (place_rename(x->tenant->folders, &x->row, &moved, &f)) {
	case PLACE_TAKEN:
		place_moved_close(&moved);
		choose_again(d, x);
		return;
	case PLACE_FAILED:
		place_moved_close(&moved);
		if (!turn_ok(d, -1, &f) && !d->fatal)
			wait_for_disk(d, x, &f);
		return;
	case PLACE_MISSING:
		event_file(d, EV_FILE_MISSING, x, "state=PLACING");
		break;
	case PLACE_DONE:
		break;
	}
	durables_moved(d, x, &moved);
	turn_then(d, x, step_placed);
}

/* Both folders are durable, or it is moved again: then nothing is left to be moved. */
static void step_placed(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;

	if (x->unsynced) {
		x->unsynced = false;
		fault_set(&f, FAULT_SYSTEM, "the folder it was moved into cannot be made durable");
		f.error = ENOSPC;
		wait_for_disk(d, x, &f);
		return;
	}
	x->row.times.placed = clock_now_ms();
	if (came_to_nothing(&x->row))
		quota_give_back(x);
	x->row.quota_held = x->row.quota_held && x->row.outcome == OUTCOME_HELD;
	file_set_state(d, x, x->row.outcome == OUTCOME_HELD ? FILE_HELD : FILE_PLACED);
	notifier_file_ended(d, x);
	if (!d->fatal)
		turn_then(d, x, step_clean);
}

/* --- the end --- */

static enum event_id end_event(enum outcome o)
{
	switch (o) {
	case OUTCOME_DONE:
		return EV_FILE_DONE;
	case OUTCOME_FAILED:
		return EV_FILE_FAILED;
	case OUTCOME_HELD:
		return EV_FILE_HELD;
	case OUTCOME_DUPLICATE:
		return EV_FILE_DUPLICATE;
	case OUTCOME_UNDONE:
		return EV_FILE_UNDONE;
	case OUTCOME_WAITING:
		break;
	}
	CHECK(!"an end that is none");
	return EV_FILE_FAILED;
}

static void say_end(struct ingestd *d, struct file *x)
{
	const struct file_row *r = &x->row;
	const struct counters *c = &r->leg.checkpoint.counters;
	double seconds = (double)(r->times.placed - r->times.arrived) / 1000.;
	struct strbuf sb = STRBUF_INIT;

	strbuf_addf(&sb, "rows=%llu indexed=%llu rejected=%llu seconds=%.3f", (unsigned long long)c->read,
		    (unsigned long long)(c->indexed + c->duplicates), (unsigned long long)c->rejected,
		    seconds < 0 ? 0. : seconds);
	if (r->duplicate_of[0])
		log_add_pair(&sb, "duplicate_of", span_of(r->duplicate_of));
	if (strcmp(r->target, r->file) != 0)
		log_add_pair(&sb, "as", span_of(r->target));
	if (r->reason)
		log_add_pair(&sb, "reason", span_of(r->reason));
	event_file(d, end_event(r->outcome), x, "%s", sb.p);
	strbuf_release(&sb);
}

/* What its receipt says, for /metrics. */
static void count_rows(struct tenant *t, const struct file_row *r)
{
	const struct counters *c = &r->leg.checkpoint.counters;

#define X(name, sentence) t->rows.name += c->name;
	COUNTERS(X)
#undef X
	t->rows.documents += c->documents;
	t->bytes += r->bytes;
	t->cpu_us += r->cpu_us;
}

static void count_end(struct ingestd *d, struct file *x)
{
	struct tenant *t = x->tenant;

	count_rows(t, &x->row);

	switch (x->row.outcome) {
	case OUTCOME_DONE:
		t->done++, d->files_done++;
		break;
	case OUTCOME_FAILED:
		t->failed++, d->files_failed++;
		break;
	case OUTCOME_HELD:
		t->held++, d->files_held++;
		break;
	case OUTCOME_DUPLICATE:
		t->duplicate++, d->files_duplicate++;
		break;
	case OUTCOME_UNDONE:
		t->undone++, d->files_undone++;
		break;
	case OUTCOME_WAITING:
		CHECK(!"an end that is none");
	}
	snprintf(t->last_file, sizeof(t->last_file), "%s", x->row.file);
	snprintf(t->last_state, sizeof(t->last_state), "%s", outcome_name(x->row.outcome));
	t->last_ms = x->row.times.placed;
}

/* While many are under way the next claim gets work/A, else it is removed. */
static int clean(struct ingestd *d, const struct file *x, struct fault *f)
{
	struct tenant *t = x->tenant;
	bool is_empty, many = t->files >= SPARING_FILES;
	int r = place_empty(t->folders, &x->row, &is_empty, f);

	if (!many)
		arrival_no_spares(d->arrival, t->name);
	if (r != 0)
		return r < 0 ? -1 : 0;
	return many && is_empty && arrival_spare(d->arrival, t->name, x->row.arrival) ? 0 : place_remove(t->folders, &x->row, f);
}

void step_clean(struct ingestd *d, struct file *x)
{
	struct tenant *t = x->tenant;
	struct fault f = FAULT_INIT;

	/* what stays is removed at the next start */
	if (!turn_ok(d, clean(d, x, &f), &f))
		event_text(d, EV_FILE_ODD, "reason", f.text);
	if (d->fatal)
		return;
	say_end(d, x);
	count_end(d, x);
	if (x->row.outcome == OUTCOME_FAILED || x->row.outcome == OUTCOME_HELD)
		d->once.ended_badly++;
	starts_file_ended(d, x);
	file_wake_tenant(d, t, true);
	file_drop(d, x);
}

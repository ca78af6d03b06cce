/*
 * starts_manifest - the run of a manifest: waits for its files, takes them, has them proven, lets them begin; see starts.h
 *
 * All of them are claimed, then the limits are looked at, then each one is compared with what the manifest states (barrier).  Until the
 * last is proven no row of any is read, and one that is not what was stated fails them all.  From then on they are files as any others.
 * What a kill leaves is a run that is starting with some of its files in work/: it goes on when its manifest was read again.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/starts_own.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/back.h"
#include "watcher/daemon/circuits.h"
#include "watcher/daemon/ending.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/manifests.h"
#include "watcher/daemon/pauses.h"
#include "watcher/daemon/proof.h"
#include "watcher/daemon/route.h"
#include "watcher/daemon/tenants.h"
#include "watcher/model/outcome.h"
#include "watcher/schedule/schedule.h"

static bool is_starting(const struct start *s)
{
	return s->run.trigger == TRIGGER_MANIFEST && s->run.state == RUN_STARTING;
}

bool starts_by_manifest(const struct start *s)
{
	return s && s->run.trigger == TRIGGER_MANIFEST;
}

struct file *starts_manifest_of(struct ingestd *d, const char *run)
{
	struct file *x = file_find(d, run);

	return x && manifest_is(x) ? x : NULL;
}

/* --- which files --- */

static bool is_there(struct ingestd *d, struct start *s, const char *name, bool *settling, char why[256])
{
	struct arrival_view v;

	*settling = false;
	if (map_get(&s->taken, span_of(name)))
		return true;
	if (!arrival_find(d->arrival, s->tenant->name, name, &v)) {
		snprintf(why, 256, "it is not in in/");
		return false;
	}
	if (v.state == ARRIVAL_STATE_WAITING && (v.rule == RULE_RUN || v.rule == RULE_MANUAL))
		return true;
	*settling = start_settling(&v);
	snprintf(why, 256, "%.250s", v.reason);
	return false;
}

static void tell(struct ingestd *d, struct start *s, const char *reason)
{
	struct file *x = starts_manifest_of(d, s->run.id);

	if (x && !x->task && !x->step && (x->row.state == FILE_CLAIMED || x->row.state == FILE_WAITING))
		manifests_wait(d, x, reason);
}

static void tell_missing(struct ingestd *d, struct start *s, const char *why)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_addf(&sb, "its run waits for %s, file %zu of %zu: %s", s->names[s->at], s->at + 1, s->name_count, why);
	tell(d, s, sb.p);
	strbuf_release(&sb);
}

/* false: one is missing, or settles. */
static bool all_there(struct ingestd *d, struct start *s, bool *settling)
{
	char why[256] = "";

	/* what was there once is looked at again when the last of them is */
	while (s->at < s->name_count && is_there(d, s, s->names[s->at], settling, why))
		s->at++;
	if (s->at == s->name_count)
		for (s->at = 0; s->at < s->name_count && is_there(d, s, s->names[s->at], settling, why);)
			s->at++;
	if (s->at == s->name_count)
		return true;
	tell_missing(d, s, why);
	return false;
}

/* One that was there a moment ago may be gone: the others wait in work/ for it. */
static bool take_all(struct ingestd *d, struct start *s)
{
	struct fault f = FAULT_INIT;

	for (s->at = 0; s->at < s->name_count && !d->fatal; s->at++) {
		const char *name = s->names[s->at];

		fault_clear(&f);
		if (map_get(&s->taken, span_of(name)))
			continue;
		if (arrival_take(d->arrival, s->tenant->name, name, s, &f) != ARRIVAL_TAKEN) {
			tell_missing(d, s, f.text);
			break;
		}
		/* the journal takes no claims now: it is offered again */
		if (!map_get(&s->taken, span_of(name)))
			break;
	}
	/* -1: offered again by arrival; the files are ours all the same */
	(void)!arrival_flush(d->arrival, &f);
	return s->at == s->name_count;
}

/* Everything of it that stands at the barrier, to a worker: for its proof, or to be read. */
static void release_barrier(struct ingestd *d, struct start *s)
{
	s->at_barrier = 0;
	for (size_t i = map_len(&d->files); i-- > 0 && !d->fatal;) {
		struct file *x = map_value(&d->files, i);

		if (x->start != s || !x->at_barrier)
			continue;
		x->at_barrier = false;
		if (s->run.state == RUN_RUNNING)
			route_let_go(d, x);
		else
			file_queue(d, x);
	}
}

void start_look_at_barrier(struct ingestd *d, struct start *s)
{
	if (!is_starting(s) || s->refused || s->stopped || !s->settled || s->at_barrier < s->living || d->fatal)
		return;
	s->run.times.started = clock_now_ms();
	start_set_state(d, s, RUN_RUNNING);
	start_say(d, s, EV_RUN_STARTED);
	if (!d->fatal)
		tell(d, s, "its run is under way");
	release_barrier(d, s);
	if (!d->fatal && !s->living)
		start_end(d, s);
}

bool start_manifest_look(struct ingestd *d, struct start *s)
{
	const struct profile *p = s->tenant->profile;
	bool settling = false;
	const char *broken, *paused;
	struct fault f = FAULT_INIT;

	if (!is_starting(s) || s->settled || s->refused || s->stopped || !s->names || !p)
		return false;
	paused = pauses_why(d, s->tenant->name, s->run.job, NULL);
	if (paused) {
		tell(d, s, paused);
		return false;
	}
	if (start_kept_back(d, s) || start_scanning(d, s))
		return true;
	if (!all_there(d, s, &settling))
		return settling;
	if (!take_all(d, s))
		return true;
	s->settled = true;
	broken = route_run_limit(p, s->run.files, s->run.bytes);
	if (broken) {
		fault_set(&f, FAULT_DATA, "%s", broken);
		starts_refuse(d, s, NULL, &f);
		return false;
	}
	release_barrier(d, s);
	start_look_at_barrier(d, s);
	return false;
}

/* --- as a whole --- */

/* Why a file of it fails; the one at fault has a reason of its own. */
static void whole_fault(const struct start *s, struct fault *f)
{
	if (s->culprit)
		fault_set(f, FAULT_DATA, "its run failed before a row was read: %s", s->run.reason);
	else
		fault_set(f, FAULT_DATA, "%s", s->run.reason);
}

bool starts_refused(const struct start *s, struct fault *f)
{
	if (!starts_by_manifest(s) || !s->refused)
		return false;
	whole_fault(s, f);
	return true;
}

/* The last file of a refused run is placed. */
void start_look_at_refused(struct ingestd *d, struct start *s)
{
	struct file *x;

	if (!s->refused || s->living || d->fatal)
		return;
	x = starts_manifest_of(d, s->run.id);
	if (x)
		manifests_end(d, x, s->run.state, s->run.reason);
	start_drop(d, s);
}

int starts_failed_whole(struct ingestd *d, const struct file_row *row, struct fault *f)
{
	struct run run;
	int r;

	if (!row->run[0] || strcmp(row->run, row->arrival) == 0)
		return 0;
	run_init(&run);
	r = runs_by_id(d->journal, row->run, &run, f);
	if (r == 1 && run.trigger == TRIGGER_MANIFEST && run_state_over(run.state) && !run.times.started)
		fault_set(f, FAULT_DATA, "its run failed before a row was read (%s); send its files and the manifest again",
			  run.reason ? run.reason : "stopped");
	else if (r == 1)
		r = 0;
	run_release(&run);
	return r;
}

static void fail_one(struct ingestd *d, struct file *x, const struct fault *f)
{
	/* its proof is under way: that ends it */
	if (x->row.has_outcome || (x->task && x->task->worker))
		return;
	turn_cancel(d, x);
	circuits_left(d, x);
	if (x->task)
		schedule_remove(d->schedule, x->task);
	x->task = NULL;
	x->at_barrier = x->parked = false;
	if (x->row.state == FILE_WAITING) {
		file_unwait(x);
		file_set_state(d, x, x->row.resume);
	}
	if (!d->fatal)
		ending_begin(d, x, OUTCOME_FAILED, f);
}

void starts_refuse(struct ingestd *d, struct start *s, struct file *culprit, const struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;
	struct fault whole = FAULT_INIT;

	CHECK(is_starting(s) && !s->refused);
	strbuf_addf(&sb, "%s%s%s", culprit ? culprit->row.file : "", culprit ? ": " : "", f->text);
	s->refused = true;
	s->culprit = culprit != NULL;
	s->at_barrier = 0;
	s->run.failed = s->run.files;
	start_fail_whole(d, s, sb.p);
	strbuf_release(&sb);
	whole_fault(s, &whole);
	for (size_t i = map_len(&d->files); i-- > 0 && !d->fatal;) {
		struct file *x = map_value(&d->files, i);

		if (x->start == s)
			fail_one(d, x, x == culprit ? f : &whole);
	}
	start_look_at_refused(d, s);
}

/* --- its manifest --- */

/* Somebody sends a better one: the older would wait for ever, or take the files for itself. */
static void replace_older(struct ingestd *d, struct start *s, struct file *x)
{
	struct start *next;
	struct fault f = FAULT_INIT;

	for (struct start *o = d->starts.first; o && !d->fatal; o = next) {
		struct file *old = starts_manifest_of(d, o->run.id);

		next = o->next;
		if (o == s || o->tenant != s->tenant || !is_starting(o) || o->living || o->refused || o->stopped || !old ||
		    strcmp(old->row.file, x->row.file) != 0 || strcmp(old->row.arrival, x->row.arrival) > 0)
			continue;
		fault_set(&f, FAULT_DATA, "a newer %s came before its files were all there (arrival %s)", x->row.file, x->row.arrival);
		starts_refuse(d, o, NULL, &f);
	}
}

void starts_manifest(struct ingestd *d, struct file *x)
{
	struct start *s = start_find_run(d, x->row.arrival);
	struct fault f = FAULT_INIT;

	if (!s) {
		s = start_add(d, x->tenant);
		memcpy(s->run.id, x->row.arrival, ULID_TEXT);
		file_row_set(&s->run.tenant, x->row.tenant);
		file_row_set(&s->run.job, x->row.job);
		s->run.trigger = TRIGGER_MANIFEST;
		s->run.times.created = clock_now_ms();
		if (runs_insert(d->journal, &s->run, &f) < 0) {
			ingestd_fatal(d, &f);
			return;
		}
		start_say(d, s, EV_RUN_CREATED);
		start_set_state(d, s, RUN_STARTING);
	}
	start_free_names(s);
	s->names = x->listed;
	s->name_count = x->listed_count;
	x->listed = NULL;
	x->listed_count = 0;
	replace_older(d, s, x);
	manifests_wait(d, x, s->run.state == RUN_STARTING ? "its run waits for its files" : "its run is under way");
	starts_soon(d);
}

bool starts_manifest_wrong(struct ingestd *d, struct file *x, const struct fault *f)
{
	struct start *s = start_find_run(d, x->row.arrival);

	if (!s)
		return false;
	if (is_starting(s) && !s->refused && !s->stopped)
		starts_refuse(d, s, NULL, f);
	else if (!x->row.has_outcome)
		manifests_wait(d, x, "its run is under way");
	return true;
}

/* --- its files --- */

bool starts_before_barrier(const struct file *x)
{
	return x->start && is_starting(x->start) && !x->start->refused;
}

bool starts_holds(struct ingestd *d, struct file *x)
{
	struct start *s = x->start;

	if (!starts_before_barrier(x))
		return false;
	if (s->stopped) {
		starts_give_back(d, x);
		return true;
	}
	if (s->settled && (proof_is_due(x) || (x->has_stated_rows && !x->rows_proven)))
		return false;
	CHECK(!x->at_barrier);
	x->at_barrier = true;
	s->at_barrier++;
	start_look_at_barrier(d, s);
	return true;
}

void starts_leave_barrier(struct file *x)
{
	if (x->at_barrier && x->start)
		x->start->at_barrier--;
	x->at_barrier = false;
}

bool starts_unproven(struct ingestd *d, struct file *x, const struct fault *f)
{
	if (!x->start || !is_starting(x->start) || outcome_of(f) != OUTCOME_FAILED)
		return false;
	starts_refuse(d, x->start, x, f);
	return true;
}

/*
 * starts - runs of manual jobs; see the header
 *
 * How a run comes to its files is starts_manual.c's and starts_manifest.c's.  From then on they end one by one, and the last one ends the
 * run.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/starts_own.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/clock.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/back.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/manifests.h"
#include "watcher/daemon/route.h"
#include "watcher/daemon/tenants.h"
#include "watcher/model/manifest.h"
#include "watcher/spool/place.h"
#include "watcher/spool/runs.h"
#include "watcher/spool/tally.h"

#define LOOK_SECONDS 0.1

/* --- its end --- */

void start_set_state(struct ingestd *d, struct start *s, enum run_state to)
{
	struct fault f = FAULT_INIT;

	if (runs_set_state(d->journal, &s->run, to, &f) < 0)
		ingestd_fatal(d, &f);
	ingestd_progress(d);
}

void start_say(struct ingestd *d, struct start *s, enum event_id id)
{
	const struct run *r = &s->run;
	struct strbuf sb = STRBUF_INIT;

	strbuf_addf(&sb, "job=%s run=%s files=%llu", r->job, r->id, (unsigned long long)r->files);
	if (run_state_over(r->state))
		strbuf_addf(&sb, " done=%llu failed=%llu held=%llu", (unsigned long long)r->done,
			    (unsigned long long)r->failed, (unsigned long long)r->held);
	if (r->reason)
		log_add_pair(&sb, "reason", span_of(r->reason));
	if (s->left_count)
		strbuf_addf(&sb, " left_out=%zu", s->left_count);
	event_tenant(d, s->tenant, id, "%s", sb.p);
	strbuf_release(&sb);
}

void start_end(struct ingestd *d, struct start *s)
{
	struct run *r = &s->run;
	uint64_t bad = r->failed + r->held;
	struct file *manifest = starts_by_manifest(s) ? starts_manifest_of(d, r->id) : NULL;
	enum run_state to = s->stopped ? RUN_STOPPED : bad ? RUN_FAILED : RUN_FINISHED;
	char reason[100];

	r->times.finished = clock_now_ms();
	if (bad) {
		snprintf(reason, sizeof(reason), "%llu of %llu files failed%s", (unsigned long long)bad,
			 (unsigned long long)r->files, r->held ? " or were held" : "");
		file_row_set(&r->reason, reason);
		d->once.ended_badly++;
	}
	start_set_state(d, s, to);
	notifier_run_ended(d, s->tenant, r);
	start_say(d, s, s->stopped ? EV_RUN_STOPPED : bad ? EV_RUN_FAILED : EV_RUN_FINISHED);
	if (manifest && !d->fatal)
		manifests_end(d, manifest, to, r->reason);
	start_drop(d, s);
}


/* A broken limit, say: its receipt says so beside the failed files. */
void start_fail_whole(struct ingestd *d, struct start *s, const char *reason)
{
	struct strbuf sb = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	struct run *r = &s->run;

	file_row_set(&r->reason, reason);
	r->times.finished = clock_now_ms();
	start_set_state(d, s, RUN_FAILED);
	notifier_run_ended(d, s->tenant, r);
	if (d->fatal)
		return;
	run_add_json(&sb, r);
	strbuf_addc(&sb, '\n');
	if (!turn_ok(d, place_run_receipt(s->tenant->folders, r->job, r->id, strbuf_span(&sb), &f), &f))
		event_text(d, EV_FOLDER_HEALTH, "reason", f.text); /* the journal has it */
	strbuf_release(&sb);
	d->once.ended_badly++;
	start_say(d, s, EV_RUN_FAILED);
}

/* --- those under way --- */

static bool any_by_hand(const struct ingestd *d)
{
	for (const struct start *s = d->starts.first; s; s = s->next)
		if (!starts_by_manifest(s))
			return true;
	return false;
}

void starts_soon(struct ingestd *d)
{
	if (!d->starts.first)
		return;
	if (!ev_is_active(&d->starts.timer))
		ev_timer_again(d->loop, &d->starts.timer);
	start_remind(d);
}

/* The runs of manifests are looked at by the timer alone: they may be many, and each file that settles asks. */
void starts_look(struct ingestd *d)
{
	struct start *next;

	for (struct start *s = d->starts.first; s && !d->fatal && !d->stopping; s = next) {
		next = s->next;
		start_manual_look(d, s);
	}
	starts_soon(d);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	struct ingestd *d = t->data;
	struct start *next;
	bool again = false;

	(void)loop;
	(void)events;
	starts_look(d);
	for (struct start *s = d->starts.first; s && !d->fatal && !d->stopping; s = next) {
		next = s->next;
		again = start_manifest_look(d, s) || again;
	}
	if (!again && !any_by_hand(d))
		ev_timer_stop(d->loop, &d->starts.timer);
}

bool start_kept_back(const struct ingestd *d, const struct start *s)
{
	/* a claim that is not committed yet is nobody's */
	return d->turn.behind || disk_short(d) || staged_why(s->tenant, NULL) || !s->tenant->watched ||
	       pauses_why(d, s->tenant->name, s->run.job, NULL);
}

/* --- front door --- */

void starts_init(struct ingestd *d)
{
	ev_init(&d->starts.timer, on_timer);
	d->starts.timer.repeat = LOOK_SECONDS;
	d->starts.timer.data = d;
}

void starts_release(struct ingestd *d)
{
	while (d->starts.first) {
		struct start *s = d->starts.first;

		d->starts.first = s->next;
		start_free(s);
	}
}

static int check_start(struct ingestd *d, const char *tenant, const char *job, struct fault *f)
{
	const struct tenant *t = tenants_find(d, tenant);
	const struct job *j = t && t->profile ? profile_job(t->profile, job) : NULL;
	const struct run *now = starts_of_job(d, tenant, job);
	const char *paused = pauses_why(d, tenant, job, NULL);

	if (!t || !t->profile)
		return fault_set(f, FAULT_CONFIG, "no tenant %s%s%s", tenant,
				 t && t->refused ? " in force: " : "", t && t->refused ? t->refused : "");
	if (!j)
		return fault_set(f, FAULT_CONFIG, "tenant %s has no job %s", tenant, job);
	if (j->trigger != TRIGGER_MANUAL)
		return fault_set(f, FAULT_CONFIG, "job %s/%s takes its files %s; only a job with \"trigger\": \"manual\" is started",
				 tenant, job, j->trigger == TRIGGER_MANIFEST ? "when a manifest that lists them comes" : "on arrival");
	if (paused)
		return fault_set(f, FAULT_CONFIG, "%s; `ingestctl resume` lets it go on", paused);
	if (now)
		return fault_set(f, FAULT_CONFIG, "run %s of job %s/%s is %s", now->id, tenant, job,
				 run_state_name(now->state));
	return 0;
}

int starts_new(struct ingestd *d, const char *tenant, const char *job, char run[ULID_TEXT],
	       struct fault *f)
{
	struct start *s;

	if (check_start(d, tenant, job, f) < 0)
		return -1;
	s = start_add(d, tenants_find(d, tenant));
	ulid_make(clock_now_ms(), s->run.id);
	file_row_set(&s->run.tenant, tenant);
	file_row_set(&s->run.job, job);
	s->run.trigger = TRIGGER_MANUAL;
	s->run.times.created = clock_now_ms();
	memcpy(run, s->run.id, ULID_TEXT);
	if (runs_insert(d->journal, &s->run, f) < 0) {
		ingestd_fatal(d, f);
		return -1;
	}
	start_say(d, s, EV_RUN_CREATED);
	start_set_state(d, s, RUN_STARTING);
	/* what inotify has not told yet is in the folder all the same */
	arrival_rescan(d->arrival, tenant);
	starts_soon(d);
	return d->fatal ? -1 : 0;
}

void starts_file_claimed(struct ingestd *d, struct file *x)
{
	struct start *s = x->start;
	struct fault f = FAULT_INIT;

	s->living++;
	s->run.files++;
	s->run.bytes += x->row.bytes;
	map_put(&s->taken, span_of(x->row.file), s);
	if (runs_save(d->journal, &s->run, &f) < 0)
		ingestd_fatal(d, &f);
}

/* s lives on. */
static bool give_back(struct ingestd *d, struct start *s, struct file *x)
{
	bool at_barrier = x->at_barrier;

	map_remove(&s->taken, span_of(x->row.file));
	if (back_give(d, x) < 0)
		return false;
	s->at_barrier -= at_barrier;
	s->living--;
	s->run.files--;
	return true;
}

/* What has not been read goes back into in/; what has goes on to its end. */
static void give_files_back(struct ingestd *d, struct start *s)
{
	for (size_t i = map_len(&d->files); i-- > 0 && !d->fatal;) {
		struct file *x = map_value(&d->files, i);

		if (x->start == s && back_possible(x))
			(void)give_back(d, s, x);
	}
}

void starts_give_back(struct ingestd *d, struct file *x)
{
	struct start *s = x->start;

	if (give_back(d, s, x) && !d->fatal && !s->living)
		start_end(d, s);
}

static void give_up(struct ingestd *d, struct start *s, const char *why)
{
	s->stopped = true;
	file_row_set(&s->run.reason, why);
	give_files_back(d, s);
	if (!d->fatal && !s->living)
		start_end(d, s);
}

/* Its end without one of its run: somebody wants the manifest gone. */
static void manifest_ended(struct ingestd *d, struct file *x)
{
	struct start *s = start_find_run(d, x->row.arrival);

	if (!s || s->refused || s->run.state != RUN_STARTING)
		return;
	give_up(d, s, "its manifest was given up");
}

static void count_file(struct start *s, const struct file *x)
{
	s->bytes_over += x->row.bytes;
	s->rows_over += x->row.leg.checkpoint.counters.read;
	if (s->refused)
		return; /* counted when that was said */
	if (x->row.outcome == OUTCOME_DONE || x->row.outcome == OUTCOME_DUPLICATE)
		s->run.done++;
	else if (x->row.outcome == OUTCOME_HELD)
		s->run.held++;
	else
		s->run.failed++;
}

void starts_file_ended(struct ingestd *d, struct file *x)
{
	struct start *s = x->start;
	struct fault f = FAULT_INIT;

	if (manifest_is(x))
		manifest_ended(d, x);
	if (!s)
		return;
	starts_leave_barrier(x);
	x->start = NULL;
	CHECK(s->living);
	s->living--;
	count_file(s, x);
	if (runs_save(d->journal, &s->run, &f) < 0)
		ingestd_fatal(d, &f);
	else if (s->refused)
		start_look_at_refused(d, s);
	else if (!s->living && (s->run.state == RUN_RUNNING || s->stopped))
		start_end(d, s);
	else
		start_look_at_barrier(d, s);
}

int starts_stop(struct ingestd *d, const char *tenant, const char *job, char run[ULID_TEXT],
		struct fault *f)
{
	struct start *s = start_find_job(d, tenant, job);

	if (!s)
		return fault_set(f, FAULT_CONFIG, "no run of job %s/%s is under way", tenant, job);
	memcpy(run, s->run.id, ULID_TEXT);
	s->stopped = true;
	file_row_set(&s->run.reason, "stopped on request");
	give_files_back(d, s);
	if (!d->fatal && !s->living)
		start_end(d, s);
	return 0;
}

void starts_give_up_waiting(struct ingestd *d, const struct tenant *t, const char *why)
{
	struct start *next;

	for (struct start *s = d->starts.first; s && !d->fatal; s = next) {
		next = s->next;
		if (s->tenant == t && starts_by_manifest(s) && s->run.state == RUN_STARTING && !s->refused && !s->stopped)
			give_up(d, s, why);
	}
}

/* --- at start --- */

static bool add_taken(void *ctx, const struct file_row *r)
{
	struct start *s = ctx;

	map_put(&s->taken, span_of(r->file), s);
	return true;
}

/* Those too that have ended: nobody waits for them again. */
static void recover_taken(struct ingestd *d, struct start *s)
{
	struct journal_filter filter = {.run = s->run.id, .limit = MANIFEST_RUN_FILES};
	struct fault f = FAULT_INIT;

	if (journal_list(d->journal, &filter, add_taken, s, &f) < 0)
		ingestd_fatal(d, &f);
}

static void add_living(struct start *s, struct file *x)
{
	x->start = s;
	s->living++;
	s->bytes_over -= x->row.bytes < s->bytes_over ? x->row.bytes : s->bytes_over;
}

/* By the files' own rows: one that ended may not have been counted yet. */
static void recover_counts(struct ingestd *d, struct start *s)
{
	struct fault f = FAULT_INIT;
	struct tally t;

	if (tally(d->journal, NULL, s->run.id, &t, &f) < 0) {
		ingestd_fatal(d, &f);
		return;
	}
	s->run.done = t.done + t.duplicate;
	s->run.failed = t.failed + t.undone;
	s->run.held = t.held;
}

void starts_recover(struct ingestd *d, const struct run *r)
{
	struct tenant *t = tenants_get(d, r->tenant);
	struct start *s = start_add(d, t);
	struct strbuf sb = STRBUF_INIT;

	memcpy(s->run.id, r->id, sizeof(s->run.id));
	file_row_set(&s->run.tenant, r->tenant);
	file_row_set(&s->run.job, r->job);
	file_row_set(&s->run.reason, r->reason);
	file_row_set(&s->run.left_out_json, r->left_out_json);
	strbuf_release(&sb);
	s->run.trigger = r->trigger;
	s->run.state = r->state;
	s->run.files = r->files;
	recover_counts(d, s);
	s->run.bytes = r->bytes;
	s->run.times = r->times;
	s->bytes_over = r->bytes;
	for (size_t i = 0; i < map_len(&d->files); i++) {
		struct file *x = map_value(&d->files, i);

		if (strcmp(x->row.run, r->id) == 0)
			add_living(s, x);
	}
	if (starts_by_manifest(s))
		recover_taken(d, s);
	if (s->run.state == RUN_CREATED)
		start_set_state(d, s, RUN_STARTING);
	starts_soon(d);
}

void starts_file_recovered(struct ingestd *d, struct file *x)
{
	struct start *s = x->row.run[0] && !manifest_is(x) ? start_find_run(d, x->row.run) : NULL;

	if (s)
		add_living(s, x);
}

void starts_recovered(struct ingestd *d, const struct tenant *t)
{
	struct start *next;

	for (struct start *s = d->starts.first; s && !d->fatal; s = next) {
		next = s->next;
		if (s->tenant != t)
			continue;
		if (s->run.state == RUN_RUNNING && !s->living)
			start_end(d, s);
		else if (s->run.state == RUN_STARTING && starts_by_manifest(s) && !starts_manifest_of(d, s->run.id))
			give_up(d, s, "its manifest was given up");
	}
}

/*
 * starts - runs of manual jobs; see the header
 *
 * A start goes through look_at_one again and again (each ready file, each end of a scan, a timer while one waits) until its files are
 * claimed.  From then on its files end one by one, and the last one ends the run.
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
#include "watcher/daemon/route.h"
#include "watcher/daemon/tenants.h"
#include "watcher/spool/place.h"
#include "watcher/spool/runs.h"

#define LOOK_SECONDS 0.1
#define LEFT_OUT_MAX 100 /* named in a run's record */

/* --- its end --- */

static void set_state(struct ingestd *d, struct start *s, enum run_state to)
{
	struct fault f = FAULT_INIT;

	if (runs_set_state(d->journal, &s->run, to, &f) < 0)
		ingestd_fatal(d, &f);
	ingestd_progress(d);
}

static void say_run(struct ingestd *d, struct start *s, enum event_id id)
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

static void end_run(struct ingestd *d, struct start *s)
{
	struct run *r = &s->run;
	uint64_t bad = r->failed + r->held;
	enum run_state to = s->stopped ? RUN_STOPPED : bad ? RUN_FAILED : RUN_FINISHED;
	char reason[100];

	r->times.finished = clock_now_ms();
	if (bad) {
		snprintf(reason, sizeof(reason), "%llu of %llu files failed%s", (unsigned long long)bad,
			 (unsigned long long)r->files, r->held ? " or were held" : "");
		file_row_set(&r->reason, reason);
		d->once.ended_badly++;
	}
	set_state(d, s, to);
	notifier_run_ended(d, s->tenant, r);
	say_run(d, s, s->stopped ? EV_RUN_STOPPED : bad ? EV_RUN_FAILED : EV_RUN_FINISHED);
	start_drop(d, s);
}

/* A broken limit: the run fails as a whole, its receipt says so beside the failed files. */
static void refuse_run(struct ingestd *d, struct start *s, const char *words)
{
	struct strbuf sb = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	struct run *r = &s->run;

	file_row_set(&r->reason, words);
	r->times.finished = clock_now_ms();
	set_state(d, s, RUN_FAILED);
	notifier_run_ended(d, s->tenant, r);
	if (d->fatal)
		return;
	run_add_json(&sb, r);
	strbuf_addc(&sb, '\n');
	if (!turn_ok(d, place_run_receipt(s->tenant->folders, r->job, r->id, strbuf_span(&sb), &f), &f))
		event_text(d, EV_FOLDER_HEALTH, "reason", f.text); /* the journal has it */
	strbuf_release(&sb);
	d->once.ended_badly++;
	say_run(d, s, EV_RUN_FAILED);
	start_drop(d, s);
}

/* --- which files --- */

static void leave_out(struct start *s, const char *name, const char *why)
{
	if (s->left_count++ >= LEFT_OUT_MAX)
		return;
	strbuf_adds(&s->left_out, s->left_out.n ? ",{" : "{");
	json_pair_string(&s->left_out, "file", name);
	json_pair_string(&s->left_out, "reason", why);
	strbuf_addc(&s->left_out, '}');
}

static void add_candidate(struct start *s, const struct arrival_view *v)
{
	if (s->len == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 16;
		s->files = xrealloc(s->files, s->cap * sizeof(*s->files));
	}
	s->files[s->len++] = (struct candidate){xstrdup(v->name), v->size};
}

static bool is_settling(const struct arrival_view *v)
{
	switch (v->state) {
	case ARRIVAL_STATE_NEW:
	case ARRIVAL_STATE_SETTLING:
	case ARRIVAL_STATE_BLOCKED:
		return true;
	case ARRIVAL_STATE_LINKED:
		return !v->final;
	case ARRIVAL_STATE_WRITER:
	case ARRIVAL_STATE_WAITING:
	case ARRIVAL_STATE_ODD:
	case ARRIVAL_STATE_ASIDE:
	case ARRIVAL_STATE_REFUSED:
		break;
	}
	return false;
}

struct survey {
	struct start *s;
	const struct job *job;
	bool first; /* the look at the moment of the start */
	bool settling;
};

/* Files that came after the start are not of this run. */
static bool survey_one(void *ctx, const struct arrival_view *v)
{
	struct survey *y = ctx;
	struct start *s = y->s;

	if (v->state == ARRIVAL_STATE_ASIDE || !job_matches(y->job, v->name))
		return true;
	if (y->first)
		map_put(&s->asked, span_of(v->name), s);
	else if (!map_get(&s->asked, span_of(v->name)))
		return true;
	if (is_settling(v))
		y->settling = true;
	else if (v->state == ARRIVAL_STATE_WAITING)
		add_candidate(s, v);
	else
		leave_out(s, v->name, v->reason);
	return true;
}

static bool survey(struct ingestd *d, struct start *s, const struct job *j)
{
	struct survey y = {.s = s, .job = j, .first = !s->asked_done};

	start_free_candidates(s);
	strbuf_reset(&s->left_out);
	s->left_count = 0;
	arrival_walk(d->arrival, s->tenant->name, survey_one, &y);
	s->asked_done = true;
	return !y.settling;
}

static void keep_left_out(struct start *s)
{
	char *text;

	if (!s->left_count)
		return;
	text = xasprintf("[%s]", s->left_out.p);
	file_row_set(&s->run.left_out_json, text);
	free(text);
}

/* --- taking them --- */

static bool is_scanned(struct ingestd *d, const struct start *s)
{
	struct arrival_counts c;

	arrival_counts(d->arrival, s->tenant->name, &c);
	return !c.scanning;
}

static uint64_t bytes_of(const struct start *s)
{
	uint64_t n = s->run.bytes;

	for (size_t i = 0; i < s->len; i++)
		n += s->files[i].size;
	return n;
}

static void take_files(struct ingestd *d, struct start *s)
{
	struct fault f = FAULT_INIT;

	for (; s->at < s->len && !d->fatal; s->at++) {
		const char *name = s->files[s->at].name;

		fault_clear(&f);
		switch (arrival_take(d->arrival, s->tenant->name, name, s, &f)) {
		case ARRIVAL_TAKEN:
			break;
		case ARRIVAL_NOT_YET:
		case ARRIVAL_REFUSED:
		case ARRIVAL_GONE:
			leave_out(s, name, f.text);
			break;
		}
	}
	if (arrival_flush(d->arrival, &f) < 0)
		return; /* offered again by arrival; the files are ours all the same */
}

static void begin_run(struct ingestd *d, struct start *s)
{
	take_files(d, s);
	if (d->fatal)
		return;
	keep_left_out(s);
	s->run.times.started = clock_now_ms();
	set_state(d, s, RUN_RUNNING);
	say_run(d, s, EV_RUN_STARTED);
	if (!d->fatal && !s->living)
		end_run(d, s);
}

/* s may be gone after it. */
static void look_at_one(struct ingestd *d, struct start *s)
{
	const struct profile *p = s->tenant->profile;
	const struct job *j = p ? profile_job(p, s->run.job) : NULL;
	const char *broken;

	if (s->run.state != RUN_STARTING || s->settled)
		return;
	if (!j && d->profiles.first_done) {
		refuse_run(d, s, "its job is gone");
		return;
	}
	s->waits = !j || disk_short(d) || staged_why(s->tenant, NULL) || !s->tenant->watched || !is_scanned(d, s) || !survey(d, s, j);
	if (s->waits)
		return;
	s->settled = true;
	keep_left_out(s);
	broken = route_run_limit(p, s->run.files + s->len, bytes_of(s));
	if (broken && !s->run.files) {
		/* what was counted, though nothing of it is taken */
		s->run.bytes = bytes_of(s);
		s->run.files = s->len;
		refuse_run(d, s, broken);
		return;
	}
	/* some were taken before a restart, within the limits: those run, the rest stays */
	if (broken)
		for (; s->at < s->len; s->at++)
			leave_out(s, s->files[s->at].name, broken);
	begin_run(d, s);
}

void starts_look(struct ingestd *d)
{
	struct start *next;

	for (struct start *s = d->starts.first; s && !d->fatal && !d->stopping; s = next) {
		next = s->next;
		look_at_one(d, s);
	}
	if (!d->starts.first)
		ev_timer_stop(d->loop, &d->starts.timer);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop;
	(void)events;
	starts_look(t->data);
}

/* --- front door --- */

void starts_init(struct ingestd *d)
{
	ev_timer_init(&d->starts.timer, on_timer, LOOK_SECONDS, LOOK_SECONDS);
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

	if (!t || !t->profile)
		return fault_set(f, FAULT_CONFIG, "no tenant %s%s%s", tenant,
				 t && t->refused ? " in force: " : "", t && t->refused ? t->refused : "");
	if (!j)
		return fault_set(f, FAULT_CONFIG, "tenant %s has no job %s", tenant, job);
	if (j->trigger != TRIGGER_MANUAL)
		return fault_set(f, FAULT_CONFIG, "job %s/%s takes its files on arrival; only a job with "
						  "\"trigger\": \"manual\" is started",
				 tenant, job);
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
	say_run(d, s, EV_RUN_CREATED);
	set_state(d, s, RUN_STARTING);
	/* what inotify has not told yet is in the folder all the same */
	arrival_rescan(d->arrival, tenant);
	ev_timer_start(d->loop, &d->starts.timer);
	return d->fatal ? -1 : 0;
}

void starts_file_claimed(struct ingestd *d, struct file *x)
{
	struct start *s = x->start;
	struct fault f = FAULT_INIT;

	s->living++;
	s->run.files++;
	s->run.bytes += x->row.bytes;
	if (runs_save(d->journal, &s->run, &f) < 0)
		ingestd_fatal(d, &f);
}

void starts_file_ended(struct ingestd *d, struct file *x)
{
	struct start *s = x->start;
	struct fault f = FAULT_INIT;

	if (!s)
		return;
	x->start = NULL;
	CHECK(s->living);
	s->living--;
	s->bytes_over += x->row.bytes;
	s->rows_over += x->row.leg.checkpoint.counters.read;
	if (x->row.outcome == OUTCOME_DONE || x->row.outcome == OUTCOME_DUPLICATE)
		s->run.done++;
	else if (x->row.outcome == OUTCOME_HELD)
		s->run.held++;
	else
		s->run.failed++;
	if (runs_save(d->journal, &s->run, &f) < 0)
		ingestd_fatal(d, &f);
	else if (!s->living && s->run.state == RUN_RUNNING)
		end_run(d, s);
}

/* What has not been read goes back into in/; what has goes on to its end. */
static void give_files_back(struct ingestd *d, struct start *s)
{
	for (size_t i = map_len(&d->files); i-- > 0 && !d->fatal;) {
		struct file *x = map_value(&d->files, i);

		if (x->start != s || !back_possible(x))
			continue;
		if (back_give(d, x) == 0) {
			s->living--;
			s->run.files--;
		}
	}
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
		end_run(d, s);
	return 0;
}

/* --- at start --- */

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
	s->run.done = r->done;
	s->run.failed = r->failed;
	s->run.held = r->held;
	s->run.bytes = r->bytes;
	s->run.times = r->times;
	s->bytes_over = r->bytes;
	for (size_t i = 0; i < map_len(&d->files); i++) {
		struct file *x = map_value(&d->files, i);

		if (strcmp(x->row.run, r->id) != 0)
			continue;
		x->start = s;
		s->living++;
		s->bytes_over -= x->row.bytes < s->bytes_over ? x->row.bytes : s->bytes_over;
	}
	if (s->run.state == RUN_CREATED)
		set_state(d, s, RUN_STARTING);
	if (s->run.state == RUN_RUNNING && !s->living)
		end_run(d, s);
	else
		ev_timer_start(d->loop, &d->starts.timer);
}

/*
 * starts_manual - the run of a manual job: which files, the limits over all of them, taken; see starts.h
 *
 * A start goes through start_manual_look again and again (each ready file, each end of a scan, a timer while one waits) until its files
 * are claimed.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/starts_own.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/clock.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/route.h"
#include "watcher/daemon/tenants.h"

#define LEFT_OUT_MAX 100 /* named in a run's record */

static void refuse_run(struct ingestd *d, struct start *s, const char *words)
{
	start_fail_whole(d, s, words);
	if (!d->fatal)
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

bool start_settling(const struct arrival_view *v)
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
	if (start_settling(v))
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

bool start_scanning(struct ingestd *d, const struct start *s)
{
	struct arrival_counts c;

	arrival_counts(d->arrival, s->tenant->name, &c);
	return c.scanning;
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
	start_set_state(d, s, RUN_RUNNING);
	start_say(d, s, EV_RUN_STARTED);
	if (!d->fatal && !s->living)
		start_end(d, s);
}

/* s may be gone after it. */
void start_manual_look(struct ingestd *d, struct start *s)
{
	const struct profile *p = s->tenant->profile;
	const struct job *j = p ? profile_job(p, s->run.job) : NULL;
	const char *broken;

	/* without its folders the tenant is not served */
	if (starts_by_manifest(s) || s->run.state != RUN_STARTING || s->settled || !s->tenant->folders)
		return;
	if (!j && d->profiles.first_done) {
		refuse_run(d, s, "its job is gone");
		return;
	}
	s->waits = !j || start_kept_back(d, s) || start_scanning(d, s) || !survey(d, s, j);
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

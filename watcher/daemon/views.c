/*
 * views - what the admin API answers about the daemon and its tenants; see the header
 *
 * Jobs are in views_jobs.c, files, runs and explain in views_files.c, the seed's names in seed.c.
 * Every answer is made from memory or one journal query.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/views.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/clock.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/check.h"
#include "watcher/daemon/circuits.h"
#include "watcher/daemon/containment.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/job_edit.h"
#include "watcher/daemon/metrics.h"
#include "watcher/daemon/profiles.h"
#include "watcher/daemon/refusal.h"
#include "watcher/daemon/seed.h"
#include "watcher/daemon/tenant_edit.h"
#include "watcher/daemon/sessions.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/stats_child.h"
#include "watcher/daemon/tenants.h"
#include "watcher/schedule/schedule.h"
#include "watcher/spool/outbox.h"
#include "watcher/spool/tally.h"
#include <unistd.h>

static const char *tenant_state(const struct tenant *t)
{
	if (t->profile)
		return t->refused ? "in force, newest refused" : "in force";
	return t->refused ? "refused" : "no profile";
}

/* --- status --- */

void views_backlog(struct ingestd *d, const struct tenant *t, struct backlog *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < map_len(&d->files); i++) {
		const struct file *x = map_value(&d->files, i);
		const char *word = file_word(x);

		if (t && x->tenant != t)
			continue;
		if (strcmp(word, "waiting") == 0) {
			out->waiting++;
			out->reason = x->waits_for;
		} else if (strcmp(word, "queued") == 0) {
			out->queued++;
		} else {
			out->running++;
		}
		if (!out->oldest_ms || x->row.times.arrived < out->oldest_ms)
			out->oldest_ms = x->row.times.arrived;
	}
}

static uint64_t held_count(struct ingestd *d, const struct tenant *t)
{
	struct tally counts;
	struct fault f = FAULT_INIT;

	if (tally(d->journal, t->name, NULL, &counts, &f) < 0)
		return t->held;
	return counts.held;
}

static void add_tenant_status(struct ingestd *d, struct tenant *t, bool operator, struct strbuf *out)
{
	struct arrival_counts counts = {0};
	struct arrival_health health = {0};
	struct backlog backlog;
	int64_t oldest;
	const char *reason;

	views_backlog(d, t, &backlog);
	if (t->watched)
		arrival_counts(d->arrival, t->name, &counts);
	if (!t->watched || !arrival_health(d->arrival, t->name, &health))
		memset(&health, 0, sizeof(health));
	oldest = backlog.oldest_ms;
	if (counts.oldest_ms && (!oldest || counts.oldest_ms < oldest))
		oldest = counts.oldest_ms;
	reason = t->refused ? t->refused : pauses_why(d, t->name, NULL, NULL);
	if (!reason)
		reason = health.reason[0] ? health.reason : backlog.reason;
	if (!reason && disk_short(d)) /* it names the tenant that fills it */
		reason = operator ? d->disk.reason : DISK_SHORT;
	if (!reason && t->staged.over)
		reason = t->staged.why;
	json_add_comma(out);
	strbuf_addc(out, '{');
	json_pair_string(out, "tenant", t->name);
	json_pair_string(out, "state", tenant_state(t));
	json_pair_u64(out, "arriving", counts.entries);
	json_pair_u64(out, "queued", backlog.queued);
	json_pair_u64(out, "running", backlog.running);
	json_pair_u64(out, "waiting", backlog.waiting);
	json_pair_u64(out, "held", held_count(d, t));
	json_pair_u64(out, "backlog", counts.entries + t->files);
	json_pair_time(out, "oldest", oldest);
	json_pair_u64(out, "done_since_start", t->done);
	json_pair_u64(out, "failed_since_start", t->failed);
	json_pair_u64(out, "duplicates_since_start", t->duplicate);
	json_pair_u64(out, "undone_since_start", t->undone);
	json_add_key(out, "quota");
	quota_add_json(d, t, out);
	json_pair_string(out, "last_file", t->last_file[0] ? t->last_file : NULL);
	json_pair_string(out, "last_state", t->last_state[0] ? t->last_state : NULL);
	json_pair_time(out, "last_at", t->last_ms);
	json_pair_string(out, "paused", pauses_why(d, t->name, NULL, NULL));
	json_pair_string(out, "reason", reason);
	json_pair_u64(out, "incomplete", counts.incomplete + starts_incomplete(d, t));
	json_pair_u64(out, "unproven", sessions_unproven(t));
	views_add_lying(d, t, out);
	strbuf_addc(out, '}');
}

static bool add_worker(void *ctx, const struct worker *w)
{
	struct strbuf *out = ctx;
	const struct file *x = w->task ? w->task->owner : NULL;

	json_add_comma(out);
	strbuf_addc(out, '{');
	json_pair_i64(out, "pid", w->pid);
	json_pair_string(out, "tenant", w->tenant);
	json_pair_string(out, "state", w->ending ? "ending" : x ? "busy" : "idle");
	json_pair_string(out, "id", x ? x->row.arrival : NULL);
	json_pair_string(out, "file", x ? x->row.file : NULL);
	json_pair_u64(out, "jobs", w->jobs);
	json_pair_string(out, "resources", resources_of(w->reach.resources)->word);
	strbuf_addc(out, '}');
	return true;
}

static const char *daemon_state(struct ingestd *d)
{
	if (d->stopping)
		return "stopping";
	if (d->turn.behind)
		return "journal behind";
	if (pauses_of(d, PAUSE_ALL, ""))
		return pauses_drained(d) ? "drained" : "draining";
	return d->ready ? "ready" : "starting";
}

static void add_daemon(struct ingestd *d, struct strbuf *out)
{
	uint64_t outbox = 0;
	struct fault f = FAULT_INIT;

	if (outbox_count(d->journal, &outbox, &f) < 0)
		outbox = 0;
	json_pair_string(out, "version", INGEST_VERSION);
	json_pair_i64(out, "pid", getpid());
	json_pair_time(out, "started", d->started_ms);
	json_pair_string(out, "config", d->config->file);
	json_pair_string(out, "state", daemon_state(d));
	json_pair_u64(out, "workers", d->config->workers);
	json_pair_u64(out, "commits", d->turn.commits);
	json_pair_u64(out, "worst_iteration_us", d->turn.worst_us);
	json_pair_u64(out, "outbox", outbox);
	json_pair_u64(out, "files_done", d->files_done);
	json_pair_u64(out, "files_failed", d->files_failed);
	json_pair_u64(out, "files_held", d->files_held);
	json_pair_u64(out, "files_duplicate", d->files_duplicate);
	json_pair_u64(out, "files_undone", d->files_undone);
	json_pair_string(out, "trouble", schedule_trouble(d->schedule));
}

/* What is of no tenant: the operator's. */
static void add_platform(struct ingestd *d, struct strbuf *out)
{
	add_daemon(d, out);
	json_add_key(out, "processes");
	strbuf_addc(out, '[');
	schedule_walk(d->schedule, add_worker, out);
	strbuf_addc(out, ']');
	json_add_key(out, "containment");
	containment_add_json(d, out);
	json_add_key(out, "sinks");
	circuits_add_json(d, out);
	json_add_key(out, "pauses");
	pauses_add_json(d, out);
	json_add_key(out, "disk");
	disk_add_json(d, out);
	json_add_key(out, "records");
	recorder_add_json(d, out);
	json_add_key(out, "webhooks");
	notifier_add_json(d, out);
}

static unsigned status(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	(void)f;
	strbuf_addc(out, '{');
	if (args->scope) {
		json_pair_string(out, "version", INGEST_VERSION);
		json_pair_string(out, "state", daemon_state(d));
	} else {
		add_platform(d, out);
	}
	json_add_key(out, "tenants");
	strbuf_addc(out, '[');
	for (size_t i = 0; i < map_len(&d->tenants); i++) {
		struct tenant *t = map_value(&d->tenants, i);

		if (tenant_known(t) && admin_sees(args, t->name))
			add_tenant_status(d, t, !args->scope, out);
	}
	strbuf_adds(out, "]}");
	return 200;
}

/* --- tenants and jobs --- */

static void add_limit(struct strbuf *out, const char *key, int64_t limit)
{
	if (limit >= 0) {
		json_pair_i64(out, key, limit);
		return;
	}
	json_add_key(out, key);
	strbuf_adds(out, "null");
}

static void add_limits(struct strbuf *out, const struct profile *p)
{
	json_add_key(out, "limits");
	strbuf_addc(out, '{');
	add_limit(out, "max_file_bytes", p->max_file_bytes);
	add_limit(out, "max_run_bytes", p->max_run_bytes);
	add_limit(out, "max_run_files", p->max_run_files);
	add_limit(out, "max_bytes_per_day", p->max_bytes_per_day);
	add_limit(out, "max_files_per_day", p->max_files_per_day);
	add_limit(out, "max_staged_bytes", p->max_staged_bytes);
	add_limit(out, "max_workers", p->max_workers);
	json_pair_u64(out, "max_columns", p->max_columns);
	json_pair_u64(out, "max_row_bytes", p->max_row_bytes);
	strbuf_addc(out, '}');
}

static void add_formats(struct strbuf *out, const struct profile *p)
{
	json_add_key(out, "formats");
	strbuf_addc(out, '[');
	for (unsigned b = FORMAT_CSV; b <= FORMAT_AGE; b <<= 1)
		if (p->formats & b) {
			json_add_comma(out);
			json_add_string(out, span_of(format_name((enum format_bit)b)));
		}
	strbuf_addc(out, ']');
}

static void add_tenant(const struct tenant *t, struct strbuf *out)
{
	const struct profile *p = t->profile;

	json_add_comma(out);
	strbuf_addc(out, '{');
	json_pair_string(out, "tenant", t->name);
	json_pair_string(out, "state", tenant_state(t));
	json_pair_string(out, "reason", t->refused);
	json_pair_time(out, "loaded", t->loaded_ms);
	json_pair_string(out, "folder", t->folders ? t->folders->path : NULL);
	if (p) {
		json_pair_string(out, "client_id", p->client_id);
		json_pair_string(out, "client_name", p->client_name);
		json_pair_string(out, "index_prefix", p->index_prefix);
		json_pair_string(out, "level", arrival_level_name(p->level));
		json_pair_seconds(out, "settle_seconds", p->settle_ms);
		add_formats(out, p);
		add_limits(out, p);
		json_add_key(out, "retention");
		strbuf_addc(out, '{');
		add_limit(out, "done_days", p->done_days);
		add_limit(out, "failed_days", p->failed_days);
		strbuf_addc(out, '}');
	}
	json_add_key(out, "jobs");
	strbuf_addc(out, '[');
	for (size_t i = 0; p && i < p->job_count; i++) {
		json_add_comma(out);
		json_add_string(out, span_of(p->jobs[i]->name));
	}
	strbuf_adds(out, "]}");
}

static unsigned tenants(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	(void)f;
	strbuf_addc(out, '[');
	for (size_t i = 0; i < map_len(&d->tenants); i++) {
		const struct tenant *t = map_value(&d->tenants, i);

		if (tenant_known(t) && admin_sees(args, t->name))
			add_tenant(t, out);
	}
	strbuf_addc(out, ']');
	return 200;
}

static unsigned one_tenant(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	struct tenant *t = tenants_find(d, args->tenant);

	if (!t || !tenant_known(t))
		return refusal_no_such(f, "tenant", args->tenant);
	add_tenant(t, out);
	return 200;
}

/* --- health --- */

static unsigned health(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	(void)args;
	(void)f;
	strbuf_addc(out, '{');
	json_pair_string(out, "status", "ok");
	json_pair_string(out, "version", INGEST_VERSION);
	json_pair_seconds(out, "up_seconds", clock_now_ms() - d->started_ms);
	strbuf_addc(out, '}');
	return 200;
}

static unsigned ready(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	const char *drained = pauses_of(d, PAUSE_ALL, "");

	if (!d->ready || d->stopping || d->turn.behind || disk_short(d) || drained) {
		fault_set(f, FAULT_TEMPORARY, "%s",
			  d->stopping	   ? "ingestd is stopping" :
			  drained	   ? (args->scope ? "ingestd is drained" : drained) :
			  disk_short(d)	   ? (args->scope ? DISK_SHORT : d->disk.reason) :
			  d->turn.behind ? "the journal cannot be written" :
					     "the profiles are being looked at");
		return 503;
	}
	strbuf_addc(out, '{');
	json_pair_string(out, "status", "ready");
	strbuf_addc(out, '}');
	return 200;
}

static unsigned reload(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	(void)args;
	(void)f;
	event(d, EV_DAEMON_RELOAD, "%s", "");
	profiles_look(d, true);
	strbuf_addc(out, '{');
	json_pair_string(out, "state", checks_pending(d->checks) ? "checking" : "done");
	json_add_key(out, "refused");
	strbuf_addc(out, '[');
	for (size_t i = 0; i < map_len(&d->tenants); i++) {
		const struct tenant *t = map_value(&d->tenants, i);

		if (!t->refused)
			continue;
		json_add_comma(out);
		strbuf_addc(out, '{');
		json_pair_string(out, "tenant", t->name);
		json_pair_string(out, "reason", t->refused);
		strbuf_addc(out, '}');
	}
	strbuf_adds(out, "]}");
	return 200;
}

void views_said(void *ctx, const char *source, const char *why)
{
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, "source", span_of(source));
	log_add_pair(&sb, "reason", span_of(why));
	event(ctx, EV_TOKEN_REFUSED, "%s", sb.p);
	strbuf_release(&sb);
}

/* --- which view --- */

static unsigned retry(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	return views_wish(d, WISH_RETRY, args, out, f);
}

static unsigned release(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	return views_wish(d, WISH_RELEASE, args, out, f);
}

static unsigned undo(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	return views_wish(d, WISH_UNDO, args, out, f);
}

static unsigned rerun(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	return views_wish(d, WISH_RERUN, args, out, f);
}

static unsigned metrics(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	(void)args;
	(void)f;
	metrics_write(d, out);
	return 200;
}

typedef unsigned view(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);

static view *const views[ROUTE_COUNT] = {
	[ROUTE_HEALTH] = health,
	[ROUTE_READY] = ready,
	[ROUTE_METRICS] = metrics,
	[ROUTE_STATUS] = status,
	[ROUTE_TENANTS] = tenants,
	[ROUTE_TENANT] = one_tenant,
	[ROUTE_JOBS] = views_jobs,
	[ROUTE_JOB] = views_job,
	[ROUTE_TENANT_PUT] = tenant_edit_put,
	[ROUTE_TENANT_DELETE] = tenant_edit_delete,
	[ROUTE_JOB_PUT] = job_edit_put,
	[ROUTE_JOB_DELETE] = job_edit_delete,
	[ROUTE_JOB_START] = views_start,
	[ROUTE_JOB_STOP] = views_stop,
	[ROUTE_RUNS] = views_runs,
	[ROUTE_RUN] = views_run,
	[ROUTE_FILES] = views_files,
	[ROUTE_FILE] = views_file,
	[ROUTE_RETRY] = retry,
	[ROUTE_RELEASE] = release,
	[ROUTE_UNDO] = undo,
	[ROUTE_RERUN] = rerun,
	[ROUTE_EXPLAIN] = views_explain,
	[ROUTE_QUEUE] = views_queue,
	[ROUTE_TENANT_PAUSE] = views_pause_tenant,
	[ROUTE_TENANT_RESUME] = views_resume_tenant,
	[ROUTE_JOB_PAUSE] = views_pause_job,
	[ROUTE_JOB_RESUME] = views_resume_job,
	[ROUTE_SINK_PAUSE] = views_pause_sink,
	[ROUTE_SINK_RESUME] = views_resume_sink,
	[ROUTE_DRAIN] = views_drain,
	[ROUTE_DRAIN_END] = views_drain_end,
	[ROUTE_QUEUE_TRACE] = views_queue_trace,
	[ROUTE_USAGE] = views_usage,
	[ROUTE_STATS] = views_stats,
	[ROUTE_RELOAD] = reload,
	[ROUTE_SEED_CREATE_BATCH] = seed_create,
	[ROUTE_SEED_CREATE_STREAM] = seed_create_stream,
	[ROUTE_SEED_START] = seed_start,
	[ROUTE_SEED_STOP] = seed_stop,
	[ROUTE_SEED_STATUS] = seed_status,
};

unsigned views_call(void *ctx, enum admin_route route, const struct admin_args *args, struct strbuf *out,
		    struct fault *f)
{
	CHECK(route < ROUTE_COUNT && views[route]);
	return views[route](ctx, args, out, f);
}

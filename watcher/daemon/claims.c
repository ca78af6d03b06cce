/*
 * claims - what arrival asks and tells; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/claims.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/manifests.h"
#include "watcher/daemon/route.h"
#include "watcher/daemon/sessions.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"

/* The first job whose pattern matches and that takes nothing by itself: a start of it, or a manifest, takes the file. */
static const struct job *waiting_job(const struct profile *p, const char *name)
{
	for (size_t i = 0; i < p->job_count; i++)
		if (p->jobs[i]->trigger != TRIGGER_ARRIVAL && job_matches(p->jobs[i], name))
			return p->jobs[i];
	return NULL;
}

static bool is_of_run(void *ctx, const char *tenant, const char *name)
{
	struct tenant *t = tenants_find(ctx, tenant);

	return t && t->profile && manifests_start_run(t->profile, name);
}

static enum arrival_verdict wait_for_job(const struct job *j, struct arrival_answer *answer)
{
	answer->job = j->name;
	answer->rule = j->trigger == TRIGGER_MANUAL ? RULE_MANUAL : RULE_RUN;
	answer->reason = j->trigger == TRIGGER_MANUAL ? "a start of its manual job" :
							"a manifest of its job that lists it, and the other files of that";
	return ARRIVAL_WAIT;
}

static enum arrival_verdict decide(void *ctx, const char *tenant, const char *name, const struct stat *st,
				   struct arrival_answer *answer)
{
	struct ingestd *d = ctx;
	struct tenant *t = tenants_find(d, tenant);
	const struct job *j;
	bool manifest;
	size_t count;

	if (!t || !t->profile) {
		answer->rule = RULE_NO_PROFILE;
		answer->reason = "the tenant has no profile in force";
		return ARRIVAL_WAIT;
	}
	if (t->leaving) {
		answer->rule = RULE_NO_PROFILE;
		answer->reason = "nothing: its tenant is being removed";
		return ARRIVAL_WAIT;
	}
	manifest = manifests_start_run(t->profile, name);
	j = manifest ? NULL : waiting_job(t->profile, name);
	answer->needs_side = t->profile->level == LEVEL_MANIFEST && !manifest && !(j && j->trigger == TRIGGER_MANIFEST);
	answer->sum_only = manifests_own(t->profile, name);
	switch (t->sessions ? sessions_decide(t, name, st, answer) : SESSIONS_PROVEN) {
	case SESSIONS_WAIT:
		return ARRIVAL_WAIT;
	case SESSIONS_BROKEN:
		return ARRIVAL_TAKE;
	case SESSIONS_PROVEN:
		break;
	}
	if (j)
		return wait_for_job(j, answer);
	answer->reason = pauses_why(d, t->name, NULL, NULL);
	if (answer->reason) {
		answer->rule = RULE_PAUSED;
		return ARRIVAL_WAIT;
	}
	if (disk_short(d)) {
		t->full = true;
		answer->rule = RULE_DISK;
		answer->reason = d->disk.reason;
		return ARRIVAL_WAIT;
	}
	if (t->files >= TENANT_FILES_MAX || (manifest && t->manifests >= MANIFESTS_MAX)) {
		t->full = true;
		answer->rule = RULE_BACKLOG;
		answer->reason = "the tenant's files that were taken before";
		return ARRIVAL_WAIT;
	}
	answer->reason = staged_why(t, st);
	if (answer->reason) {
		answer->rule = RULE_STAGED;
		return ARRIVAL_WAIT;
	}
	j = profile_match(t->profile, name, TRIGGER_ARRIVAL, &count);
	answer->job = j ? j->name : NULL;
	answer->reason = j ? pauses_of_job(d, t->name, j->name) : NULL;
	if (answer->reason) {
		answer->rule = RULE_PAUSED;
		return ARRIVAL_WAIT;
	}
	return ARRIVAL_TAKE;
}

static void fill_row(struct file_row *r, const struct claimed *c)
{
	const struct start *start = c->token;

	memcpy(r->arrival, c->id, sizeof(r->arrival));
	file_row_set(&r->tenant, c->tenant);
	file_row_set(&r->file, c->name);
	file_row_set(&r->original, c->name_encoded ? c->original : NULL);
	file_row_set(&r->job, start ? starts_job(start) : c->job);
	if (start)
		memcpy(r->run, starts_run(start), sizeof(r->run));
	r->bytes = c->size;
	r->mtime_ms = c->mtime_ms;
	r->times.arrived = c->arrived_ms;
	r->times.complete = c->complete_ms;
	r->times.claimed = c->claimed_ms;
}

static int claimed(void *ctx, const struct claimed *c, struct fault *f)
{
	struct ingestd *d = ctx;
	struct file_row row;
	struct file *x;
	int r;

	if (d->fatal || d->turn.behind)
		return fault_set(f, FAULT_SYSTEM, "the journal cannot be written");
	if (file_find(d, c->id))
		return 0; /* offered again: its row is in the open transaction */
	file_row_init(&row);
	fill_row(&row, c);
	sessions_taken(tenants_get(d, c->tenant), c->original, &row);
	r = journal_insert(d->journal, &row, f);
	if (r == 0) {
		staged_claimed(tenants_get(d, c->tenant), c->size, c->complete_ms);
		x = file_add(d, &row);
		x->name_reason = c->name_encoded ? xstrdup(c->name_reason) : NULL;
		x->start = c->token;
		event_file(d, EV_FILE_CLAIMED, x, "bytes=%llu", (unsigned long long)row.bytes);
		/* a step of the next turn: behind the commit in any case */
		turn_then(d, x, step_route);
		if (x->start)
			starts_file_claimed(d, x);
	} else if (!d->fatal) {
		ingestd_fatal(d, f);
	}
	file_row_release(&row);
	return r;
}

static int commit(void *ctx, struct fault *f)
{
	return turn_commit(ctx, f);
}

static void ready(void *ctx, const char *tenant, const char *name)
{
	struct ingestd *d = ctx;

	(void)tenant;
	(void)name;
	ingestd_progress(d);
	starts_look(d);
}

/* What was replaced live is made and opened as at a start. */
static int folders(void *ctx, const char *tenant, struct fault *f)
{
	struct ingestd *d = ctx;
	struct tenant *t = tenants_find(d, tenant);
	bool replaced = t && t->folders && folders_replaced(t->folders);

	if (!t || d->fatal)
		return fault_set(f, FAULT_SYSTEM, "the tenant's folders are not open");
	if (!turn_ok(d, tenants_open(d, t, f), f))
		return -1;
	if (replaced)
		event_text(d, EV_FOLDER_REPLACED, "tenant", tenant);
	return 0;
}

static void lying(void *ctx, const struct arrival_view *v, size_t more)
{
	struct ingestd *d = ctx;
	struct strbuf sb = STRBUF_INIT;
	char since[CLOCK_TEXT];

	if (v->job)
		log_add_pair(&sb, "job", span_of(v->job));
	log_add_pair(&sb, "file", span_of(v->name));
	log_add_pair(&sb, "rule", span_of(rule_word(v->rule)));
	clock_format(v->since_ms, since);
	log_add_pair(&sb, "since", span_of(since));
	log_add_pair(&sb, "reason", span_of(v->reason));
	log_add_pair(&sb, "remedy", span_of(rule_remedy(v->rule)));
	if (more)
		strbuf_addf(&sb, " more=%zu", more);
	event_tenant(d, tenants_find(d, v->tenant), EV_FILE_LYING, "%s", sb.p);
	strbuf_release(&sb);
}

static void incomplete(void *ctx, const struct arrival_view *v)
{
	struct ingestd *d = ctx;
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, "file", span_of(v->name));
	log_add_pair(&sb, "reason", span_of(v->reason));
	log_add_pair(&sb, "remedy", span_of(rule_remedy(v->rule)));
	event_tenant(d, tenants_find(d, v->tenant), EV_FILE_INCOMPLETE, "%s", sb.p);
	strbuf_release(&sb);
}

static void health(void *ctx, const struct arrival_health *h)
{
	struct ingestd *d = ctx;
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, "tenant", span_of(h->tenant));
	log_add_pair(&sb, "reason", span_of(h->reason[0] ? h->reason : "well again"));
	event(d, EV_FOLDER_HEALTH, "%s", sb.p);
	strbuf_release(&sb);
}

void claims_ops(struct arrival_ops *ops)
{
	*ops = (struct arrival_ops){
		.decide = decide,
		.starts_run = is_of_run,
		.claimed = claimed,
		.commit = commit,
		.ready = ready,
		.lying = lying,
		.incomplete = incomplete,
		.folders = folders,
		.health = health,
	};
}

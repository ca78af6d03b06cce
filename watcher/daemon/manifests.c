/*
 * manifests - the manifest of a run as a file of its own; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/manifests.h"
#include "watcher/arrival/names.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/circuits.h"
#include "watcher/daemon/ending.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/proof.h"
#include "watcher/daemon/route.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/model/keys.h"
#include "watcher/model/manifest.h"
#include "watcher/model/outcome.h"
#include "watcher/model/sidecar.h"
#include "watcher/schedule/schedule.h"

#define NAMED_MAX 20 /* jobs in one sentence */

/* --- by its name --- */

static bool any_manifest_job(const struct profile *p)
{
	for (size_t i = 0; i < p->job_count; i++)
		if (p->jobs[i]->trigger == TRIGGER_MANIFEST)
			return true;
	return false;
}

bool manifests_own(const struct profile *p, const char *file)
{
	bool other = false;

	if (!any_manifest_job(p))
		return false;
	for (size_t i = 0; i < p->job_count; i++) {
		if (!job_matches(p->jobs[i], file))
			continue;
		if (p->jobs[i]->trigger == TRIGGER_MANIFEST)
			return true;
		other = true;
	}
	return !other;
}

bool manifests_start_run(const struct profile *p, const char *name)
{
	struct span owner = sidecar_owner(span_of(name));
	char *file;
	bool result;

	if (!owner.n || !names_may_start_run(span_of(name)))
		return false;
	file = xstrndup(owner.p, owner.n);
	result = manifests_own(p, file);
	free(file);
	return result;
}

/* No other file of such a name is ever taken. */
bool manifest_is(const struct file *x)
{
	return names_may_start_run(span_of(x->row.file));
}

/* --- to a worker --- */

static void drop_names(struct file *x)
{
	strings_free(x->listed, x->listed_count);
	x->listed = NULL;
	x->listed_count = x->listed_bytes = 0;
}

/* Its run came to its end, and the manifest did not: that was a kill.  1: it is so. */
static int end_with_run(struct ingestd *d, struct file *x, struct fault *f)
{
	struct run run;
	int r;

	run_init(&run);
	r = runs_by_id(d->journal, x->row.arrival, &run, f);
	if (r == 1 && run_state_over(run.state))
		manifests_end(d, x, run.state, run.reason);
	else if (r == 1)
		r = 0;
	run_release(&run);
	return r;
}

void manifests_route(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;
	int r = end_with_run(d, x, &f);

	if (r < 0 && journal_behind(d->journal))
		turn_then(d, x, step_route);
	else if (r < 0)
		ingestd_fatal(d, &f);
	if (r != 0)
		return;
	drop_names(x);
	proof_look(x);
	file_save(d, x);
	if (!d->fatal)
		file_queue(d, x);
}

/* --- what the worker says --- */

void manifests_listed(struct ingestd *d, struct file *x, const struct message *m)
{
	for (size_t i = 0; i < m->name_count; i++)
		x->listed_bytes += strlen(m->names[i]) + 1;
	if (x->listed_bytes > MANIFEST_RUN_MAX || x->listed_count + m->name_count > MANIFEST_RUN_FILES) {
		schedule_refuse(d->schedule, x->task, "more names than a manifest can hold");
		return;
	}
	x->listed = xrealloc(x->listed, (x->listed_count + m->name_count) * sizeof(*x->listed));
	for (size_t i = 0; i < m->name_count; i++)
		x->listed[x->listed_count++] = xstrdup(m->names[i]);
}

static void list_jobs(const struct profile *p, struct strbuf *out)
{
	size_t named = 0;

	for (size_t i = 0; i < p->job_count && named < NAMED_MAX; i++)
		if (p->jobs[i]->trigger == TRIGGER_MANIFEST)
			strbuf_addf(out, "%s%s", named++ ? ", " : "", p->jobs[i]->name);
}

static int check_job(const struct file *x, const struct job *j, const char *name, struct fault *f)
{
	struct strbuf jobs = STRBUF_INIT;

	if (j && j->trigger == TRIGGER_MANIFEST)
		return 0;
	list_jobs(x->tenant->profile, &jobs);
	if (j)
		fault_set(f, FAULT_DATA, "%s: $.job: \"%s\" is a job with \"trigger\": \"%s\"; allowed: one with \"manifest\": %s",
			  x->row.file, name, job_trigger_name(j->trigger), jobs.n ? jobs.p : "the tenant has none");
	else
		fault_set(f, FAULT_DATA, "%s: $.job: \"%.100s\" is no job of this tenant; allowed: %s", x->row.file, name ? name : "",
			  jobs.n ? jobs.p : "one with \"trigger\": \"manifest\", and the tenant has none");
	strbuf_release(&jobs);
	return -1;
}

static int check_name(const struct file *x, size_t at, const struct job *j, struct fault *f)
{
	const char *why = NULL, *name = x->listed[at];

	if (names_classify(span_of(name), &why) != NAMES_DATA)
		return fault_set(f, FAULT_DATA, "%s: $.files[%zu].name: \"%.200s\": %s; allowed: names of data", x->row.file, at,
				 name, why);
	if (!job_matches(j, name))
		return fault_set(f, FAULT_DATA, "%s: $.files[%zu].name: \"%.200s\"; allowed: names that job %s takes, %s", x->row.file, at,
				 name, j->name, j->pattern);
	return 0;
}

/* What only the tenant's jobs can say of it. */
static int check_list(const struct file *x, const char *job, struct fault *f)
{
	const struct job *j = job ? profile_job(x->tenant->profile, job) : NULL;

	if (!x->listed_count)
		return fault_set(f, FAULT_SYSTEM, "its worker told no file of it");
	if (check_job(x, j, job, f) < 0)
		return -1;
	for (size_t i = 0; i < x->listed_count; i++)
		if (check_name(x, i, j, f) < 0)
			return -1;
	return 0;
}

static bool read_wrong(struct ingestd *d, struct file *x, const struct fault *f)
{
	if (f->kind == FAULT_NONE)
		return false;
	drop_names(x);
	if (outcome_of(f) == OUTCOME_WAITING || !starts_manifest_wrong(d, x, f))
		file_fault(d, x, f);
	return true;
}

void manifests_read(struct ingestd *d, struct file *x, const struct message *m)
{
	struct fault f = m->fault;

	memcpy(x->row.sha256, m->sha256, sizeof(x->row.sha256));
	if (f.kind == FAULT_NONE && !x->tenant->profile)
		fault_set(&f, FAULT_SYSTEM, "the tenant has no profile in force");
	if (f.kind == FAULT_NONE)
		(void)!check_list(x, m->job, &f);
	if (read_wrong(d, x, &f))
		return;
	x->tries = x->missed = 0;
	file_row_set(&x->row.job, m->job);
	starts_manifest(d, x);
	drop_names(x);
}

/* --- while its run is under way, and after it --- */

void manifests_wait(struct ingestd *d, struct file *x, const char *reason)
{
	struct fault f = FAULT_INIT;

	if (x->row.state == FILE_WAITING && x->waits_for && strcmp(x->waits_for, reason) == 0)
		return;
	/* nobody's fault and nothing of the platform's: --once leaves it (exit 3) */
	fault_set(&f, FAULT_CONFIG, "%s", reason);
	file_wait(d, x, &f, 0);
}

void manifests_end(struct ingestd *d, struct file *x, enum run_state state, const char *reason)
{
	struct fault f = FAULT_INIT;

	if (x->row.has_outcome || x->row.state == FILE_PLACING)
		return; /* on its way already */
	turn_cancel(d, x);
	circuits_left(d, x);
	if (x->task)
		schedule_remove(d->schedule, x->task);
	x->task = NULL;
	x->parked = x->row.running = false;
	if (x->row.state == FILE_WAITING) {
		file_unwait(x);
		file_set_state(d, x, x->row.resume);
	}
	fault_set(&f, FAULT_DATA, "%s", reason ? reason : "its run was stopped");
	if (!d->fatal)
		ending_begin(d, x, state == RUN_FINISHED ? OUTCOME_DONE : OUTCOME_FAILED, state == RUN_FINISHED ? NULL : &f);
}

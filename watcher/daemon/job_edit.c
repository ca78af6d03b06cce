/*
 * job_edit - PUT and DELETE of a job; see the header
 *
 * An edit lives from its request to its answer: CHECKING while a child has its filter, STORED while the profile it stands in is loaded.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/job_edit.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/check.h"
#include "watcher/daemon/deferred.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/profiles.h"
#include "watcher/daemon/refusal.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/daemon/views.h"
#include "watcher/spool/durable.h"
#include "watcher/spool/runs.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define WAIT_MS 40000 /* a check has 30 s */
#define EDITS_MAX 4   /* of a tenant: its checks must not stand before everybody's */

struct edit {
	struct ingestd *d;
	struct admin_reply *reply;
	struct strbuf *more; /* the reply's */
	char *tenant, *job;
	struct strbuf text, warnings;
	char hash[VERSION_HASH];
	bool remove, seed, existed;
	bool answered; /* too late: its check goes on, and comes to nothing */
	enum { EDIT_NEW, EDIT_CHECKING, EDIT_STORED, EDIT_FAILED } state;
};

static void free_edit(void *mine)
{
	struct edit *e = mine;

	free(e->tenant);
	free(e->job);
	strbuf_release(&e->text);
	strbuf_release(&e->warnings);
	free(e);
}

/* --- in force --- */

static struct job *job_in_force(const struct edit *e)
{
	const struct tenant *t = tenants_find(e->d, e->tenant);

	return t && t->profile ? profile_job(t->profile, e->job) : NULL;
}

static bool is_in_force(const struct edit *e)
{
	const struct tenant *t = tenants_find(e->d, e->tenant);
	const struct job *j = job_in_force(e);
	struct strbuf text = STRBUF_INIT;
	char hash[VERSION_HASH];

	if (e->remove)
		return !j;
	if (!j)
		return false;
	version_write(t->profile, j, &text, hash);
	strbuf_release(&text);
	return strcmp(hash, e->hash) == 0;
}

static void add_answer(const struct edit *e, struct strbuf *out)
{
	const struct tenant *t = tenants_find(e->d, e->tenant);
	const struct job *j = job_in_force(e);

	if (e->seed) {
		char *id = xasprintf("%s/%s", e->tenant, e->job);

		strbuf_addc(out, '{');
		json_pair_string(out, "job_id", id);
		json_pair_string(out, "status", "created");
		strbuf_addc(out, '}');
		free(id);
		return;
	}
	if (e->remove || !j) {
		strbuf_addc(out, '{');
		json_pair_string(out, "tenant", e->tenant);
		json_pair_string(out, "job", e->job);
		json_pair_string(out, "state", e->remove ? "removed" : "stored");
		strbuf_addc(out, '}');
		return;
	}
	views_add_job(e->d, t, j, out);
	strbuf_cut(out, out->n - 1);
	refusal_add_lines(out, "warnings", e->warnings.p);
	strbuf_addc(out, '}');
}

static bool look(struct ingestd *d, void *mine, bool late)
{
	struct edit *e = mine;
	struct strbuf out = STRBUF_INIT;
	const struct tenant *t = tenants_find(d, e->tenant);
	struct fault f = FAULT_INIT;

	if (e->state == EDIT_FAILED || e->answered)
		return e->state == EDIT_FAILED;
	if (e->state == EDIT_STORED && is_in_force(e)) {
		add_answer(e, &out);
		admin_answer(e->reply, e->remove || e->existed || e->seed ? 200 : 201, &out, NULL);
		return true;
	}
	if (e->state == EDIT_STORED && t && t->refused) {
		fault_set(&f, FAULT_CONFIG, "it is stored, and the tenant's files are refused as they are now: %.600s", t->refused);
		admin_answer(e->reply, 409, NULL, &f);
		return true;
	}
	if (!late)
		return false;
	fault_set(&f, FAULT_TEMPORARY, e->state == EDIT_STORED ? "it is stored and not in force yet; look again" :
								 "the check of its filter takes too long; ask again");
	admin_answer(e->reply, 503, NULL, &f);
	e->answered = true;
	/* the child's answer still comes */
	return e->state != EDIT_CHECKING;
}

static const struct deferred_ops edit_ops = {look, free_edit};

/* --- storing --- */

static int change_file(struct edit *e, struct fault *f)
{
	char *folder = xasprintf("%s/%s/jobs", e->d->config->profiles, e->tenant);
	char *name = xasprintf("%s.json", e->job);
	int fd = -1, r;

	r = fs_make_dirs(folder, 0755, f) < 0 ? -1 : fs_open_dir(folder, &fd, f);
	if (r == 0 && e->remove) {
		if (unlinkat(fd, name, 0) < 0 && errno != ENOENT)
			r = fault_errno(f, FAULT_SYSTEM, "cannot remove jobs/%s", name);
		else
			r = durable_fsync(fd, folder, f);
	} else if (r == 0) {
		r = fs_replace_at(fd, name, strbuf_span(&e->text), 0644, f);
	}
	fs_close(&fd);
	free(name);
	free(folder);
	return r;
}

static unsigned store(struct edit *e, struct fault *f)
{
	if (change_file(e, f) < 0)
		return 503;
	e->state = EDIT_STORED;
	profiles_look(e->d, false);
	return 0;
}

/* The child's answer; may come at once, while the edit is being made. */
static void on_checked(void *ctx, enum check_answer answer, const char *errors)
{
	struct edit *e = ctx;
	struct tenant *t = tenants_find(e->d, e->tenant);
	struct fault f = FAULT_INIT;
	unsigned status = 0;

	if (t)
		t->edits--;
	if (e->answered) {
		e->state = EDIT_FAILED;
		return;
	}
	if (answer == CHECK_OK) {
		strbuf_adds(&e->warnings, errors);
		if (t)
			profiles_say_warnings(e->d, t, errors);
		status = store(e, &f);
	} else if (answer == CHECK_REFUSED) {
		status = refusal_not_valid(e->more, *errors ? errors : "the filter is refused\n", &f);
	} else {
		status = refusal(&f, 503, "the filter could not be checked: %.500s", errors);
	}
	if (!status)
		return;
	e->state = EDIT_FAILED;
	admin_answer(e->reply, status, NULL, &f);
}

/* --- making one --- */

static void check_index(const struct edit *e, const struct tenant *t, const struct job *j, const char *file, struct strbuf *errors)
{
	char *pattern = profile_index_name(t->profile, j);
	struct fault f = FAULT_INIT;

	if (tenants_check_index(e->d, t, tenants_sink(e->d, j), pattern, clock_now_ms(), &f) < 0)
		strbuf_addf(errors, "%s: $.index.name: %s\n", file, f.text);
	free(pattern);
}

/* What the tenant's own look would find, before anything is written.  0: nothing. */
static unsigned judge(struct edit *e, const struct tenant *t, struct strbuf *version, bool *filter, struct fault *f)
{
	char *file = xasprintf("jobs/%s.json", e->job);
	char *jobs = xasprintf("%s/%s/jobs", e->d->config->profiles, e->tenant);
	struct strbuf errors = STRBUF_INIT;
	int dir_fd = open(jobs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct job *j = job_read(strbuf_span(&e->text), file, dir_fd, &errors);
	unsigned status = 0;

	if (j && !errors.n) {
		struct profile with = *t->profile;

		profile_check_job(t->profile, j, file, &errors);
		with.jobs = &j;
		with.job_count = 1;
		tenants_check_sinks(e->d->config, &with, "profile", &errors);
		if (!errors.n)
			check_index(e, t, j, file, &errors);
	}
	if (errors.n) {
		status = refusal_not_valid(e->more, errors.p, f);
	} else {
		version_write(t->profile, j, version, e->hash);
		*filter = j->filter[0] != '\0';
	}
	job_unref(&j);
	fs_close(&dir_fd);
	strbuf_release(&errors);
	free(jobs);
	free(file);
	return status;
}

static unsigned check_place(struct edit *e, struct tenant **t, struct fault *f)
{
	const struct job *j;

	if (refusal_not_now(e->d, f))
		return 503;
	*t = tenants_find(e->d, e->tenant);
	if (!*t || (!(*t)->profile && !(*t)->refused))
		return refusal_no_such(f, "tenant", e->tenant);
	if ((*t)->refused)
		return refusal(f, 409, "the tenant's files are refused as they are: %.800s", (*t)->refused);
	if (!job_name_valid(span_of(e->job)))
		return refusal(f, 422, "\"%.80s\" is no job's name; allowed: [A-Za-z0-9][A-Za-z0-9_.-]{0,62}", e->job);
	if ((*t)->edits >= EDITS_MAX)
		return refusal(f, 429, "%d changes of tenant %s are being checked; ask again", EDITS_MAX, e->tenant);
	j = profile_job((*t)->profile, e->job);
	e->existed = j != NULL;
	if (!e->existed && (*t)->profile->job_count >= PROFILE_JOBS_MAX)
		return refusal(f, 409, "tenant %s has %d jobs, no more are allowed", e->tenant, PROFILE_JOBS_MAX);
	return 0;
}

static unsigned make(struct edit *e, struct fault *f)
{
	struct strbuf version = STRBUF_INIT;
	struct tenant *t = NULL;
	bool filter = false;
	unsigned status = check_place(e, &t, f);

	if (!status)
		status = judge(e, t, &version, &filter, f);
	if (!status && e->seed && e->existed && !is_in_force(e))
		status = refusal(f, 409, "job %s/%s is there with another specification; PUT /v1/tenants/%s/jobs/%s replaces it",
				 e->tenant, e->job, e->tenant, e->job);
	if (!status && filter) {
		e->state = EDIT_CHECKING;
		t->edits++;
		checks_ask(e->d->checks, e->hash, strbuf_span(&version), on_checked, e);
	} else if (!status) {
		status = store(e, f);
	}
	strbuf_release(&version);
	return status;
}

static struct edit *new_edit(struct ingestd *d, const char *tenant, const char *job, const struct admin_args *args)
{
	struct edit *e = xcalloc(1, sizeof(*e));

	e->d = d;
	e->tenant = xstrdup(tenant);
	e->job = xstrdup(job);
	e->more = args->more;
	strbuf_init(&e->text);
	strbuf_init(&e->warnings);
	return e;
}

unsigned job_edit_make(struct ingestd *d, const struct job_edit_of *of, const struct admin_args *args, struct fault *f)
{
	struct edit *e = new_edit(d, of->tenant, of->job, args);
	unsigned status;

	e->seed = of->seed;
	strbuf_addspan(&e->text, of->text);
	e->reply = admin_defer(args);
	status = make(e, f);
	if (status) {
		free_edit(e);
		return status;
	}
	deferred_add(d, &edit_ops, e, WAIT_MS);
	return ADMIN_DEFERRED;
}

unsigned job_edit_put(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	const struct job_edit_of of = {.tenant = args->tenant, .job = args->job, .text = args->body};

	(void)out;
	return job_edit_make(d, &of, args, f);
}

unsigned job_edit_delete(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	struct edit *e = new_edit(d, args->tenant, args->job, args);
	const struct run *run = starts_of_job(d, args->tenant, args->job);
	struct tenant *t = NULL;
	unsigned status;

	(void)out;
	e->remove = true;
	e->reply = admin_defer(args);
	status = check_place(e, &t, f);
	if (!status && !e->existed)
		status = refusal_no_such(f, "job", args->job);
	if (!status && run)
		status = refusal(f, 409, "run %s of it is %s; stop it first", run->id, run_state_name(run->state));
	if (!status)
		status = store(e, f);
	if (status) {
		free_edit(e);
		return status;
	}
	deferred_add(d, &edit_ops, e, WAIT_MS);
	return ADMIN_DEFERRED;
}

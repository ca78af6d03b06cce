/*
 * views_jobs - what the admin API answers about jobs, and how it starts and stops them; see views.h
 *
 * A job is told from memory; its specification, as it was written, from its file.
 */
#include "watcher/base/base.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/job_records.h"
#include "watcher/daemon/refusal.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/daemon/views.h"
#include "watcher/model/keys.h"
#include "watcher/spool/runs.h"

void views_add_job(struct ingestd *d, const struct tenant *t, const struct job *j, struct strbuf *out)
{
	const struct run *run = starts_of_job(d, t->name, j->name);

	json_add_comma(out);
	strbuf_addc(out, '{');
	json_pair_string(out, "tenant", t->name);
	json_pair_string(out, "job", j->name);
	job_records_add(d, t, j, out);
	json_pair_string(out, "state", run ? run_state_name(run->state) : "in force");
	json_pair_string(out, "run", run ? run->id : NULL);
	json_pair_string(out, "reason", run ? run->reason : NULL);
	strbuf_addc(out, '}');
}

/* Without its comments; one that cannot be read any more is null. */
static void add_specification(struct ingestd *d, const struct tenant *t, const struct job *j, struct strbuf *out)
{
	char *path = xasprintf("%s/%s/jobs/%s.json", d->config->profiles, t->name, j->name);
	struct strbuf text = STRBUF_INIT, errors = STRBUF_INIT;
	struct keys_report r = {.file = path, .errors = &errors};
	struct fault f = FAULT_INIT;
	json_t *root = NULL;
	char *dump;

	if (fs_read_file(path, KEYS_FILE_MAX, &text, &f) == 0)
		root = keys_load(strbuf_span(&text), &r);
	dump = keys_dump(root, "null");
	CHECK(out->n && out->p[out->n - 1] == '}');
	strbuf_cut(out, out->n - 1);
	json_add_key(out, "specification");
	strbuf_adds(out, dump);
	strbuf_addc(out, '}');
	free(dump);
	json_decref(root);
	strbuf_release(&errors);
	strbuf_release(&text);
	free(path);
}

unsigned views_jobs(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	struct tenant *t = tenants_find(d, args->tenant);

	if (!t || !tenant_known(t))
		return refusal_no_such(f, "tenant", args->tenant);
	strbuf_addc(out, '[');
	for (size_t i = 0; t->profile && i < t->profile->job_count; i++)
		views_add_job(d, t, t->profile->jobs[i], out);
	strbuf_addc(out, ']');
	return 200;
}

unsigned views_job(struct ingestd *d, const struct admin_args *args, struct strbuf *out,
			struct fault *f)
{
	struct tenant *t = tenants_find(d, args->tenant);
	const struct job *j = t && t->profile ? profile_job(t->profile, args->job) : NULL;

	if (!j)
		return refusal_no_such(f, "job", args->job);
	views_add_job(d, t, j, out);
	add_specification(d, t, j, out);
	return 200;
}

static unsigned start_or_stop(struct ingestd *d, const struct admin_args *args, bool start,
			      struct strbuf *out, struct fault *f)
{
	struct tenant *t = tenants_find(d, args->tenant);
	char run[ULID_TEXT];
	int r;

	if (!t || !t->profile || !profile_job(t->profile, args->job))
		return refusal_no_such(f, "job", args->job);
	if (d->stopping || d->turn.behind) {
		fault_set(f, FAULT_TEMPORARY, d->stopping ? "ingestd is stopping" : "the journal cannot be written");
		return 503;
	}
	r = start ? starts_new(d, args->tenant, args->job, run, f) :
		    starts_stop(d, args->tenant, args->job, run, f);
	if (r < 0)
		return 409;
	strbuf_addc(out, '{');
	json_pair_string(out, "run", run);
	json_pair_string(out, "tenant", args->tenant);
	json_pair_string(out, "job", args->job);
	json_pair_string(out, "state", start ? "starting" : "stopping");
	strbuf_addc(out, '}');
	return 202;
}

unsigned views_start(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	return start_or_stop(d, args, true, out, f);
}

unsigned views_stop(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	return start_or_stop(d, args, false, out, f);
}

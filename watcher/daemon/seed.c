/*
 * seed - the seed document's own names of the HTTP API; see the header
 *
 * Called by views.  What they do is job_edit's and starts'; here are the seed's bodies and words alone.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/seed.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/deferred.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/job_edit.h"
#include "watcher/daemon/refusal.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/daemon/views.h"
#include "watcher/spool/runs.h"
#include <jansson.h>

#define START_MS 30000

static json_t *body_of(const struct admin_args *args, struct fault *f)
{
	json_error_t e;
	json_t *root = json_loadb(args->body.p ? args->body.p : "", args->body.n, JSON_REJECT_DUPLICATES, &e);

	if (json_is_object(root))
		return root;
	if (root)
		fault_set(f, FAULT_CONFIG, "the body must be a JSON object");
	else
		fault_set(f, FAULT_CONFIG, "the body is no JSON: line %d, column %d: %s", e.line, e.column, e.text);
	json_decref(root);
	return NULL;
}

/* --- jobs by their id --- */

struct id {
	char *tenant, *job;
};

static void release(struct id *id)
{
	free(id->tenant);
	free(id->job);
	memset(id, 0, sizeof(*id));
}

/* 0, or the status. */
static unsigned take_id(struct ingestd *d, const struct admin_args *args, const char *text, struct id *out, struct fault *f)
{
	const char *slash = text ? strchr(text, '/') : NULL;
	struct tenant *t;

	memset(out, 0, sizeof(*out));
	if (!text)
		return refusal(f, 400, "job_id is missing, or no string; it is TENANT/JOB");
	if (!slash)
		return refusal(f, 400, "job_id must be TENANT/JOB, as /create_batchingestjob answered it");
	out->tenant = xstrndup(text, (size_t)(slash - text));
	out->job = xstrdup(slash + 1);
	t = tenants_find(d, out->tenant);
	if (admin_sees(args, out->tenant) && t && t->profile && profile_job(t->profile, out->job))
		return 0;
	release(out);
	return refusal_no_such(f, "job", text);
}

static unsigned id_of_body(struct ingestd *d, const struct admin_args *args, struct id *out, struct fault *f)
{
	json_t *root = body_of(args, f);
	unsigned status;

	memset(out, 0, sizeof(*out));
	if (!root)
		return 400;
	status = take_id(d, args, json_string_value(json_object_get(root, "job_id")), out, f);
	json_decref(root);
	return status;
}

static void add_id(struct strbuf *out, const struct id *id)
{
	char *text = xasprintf("%s/%s", id->tenant, id->job);

	json_pair_string(out, "job_id", text);
	free(text);
}

/* --- create --- */

/* Whose client_id it is; NULL and the status. */
static const char *tenant_of(struct ingestd *d, const char *client_id, unsigned *status, struct fault *f)
{
	const char *found = NULL;

	*status = 404;
	for (size_t i = 0; client_id && i < map_len(&d->tenants); i++) {
		const struct tenant *t = map_value(&d->tenants, i);

		if (!t->profile || !t->profile->client_id || strcmp(t->profile->client_id, client_id) != 0)
			continue;
		if (found) {
			fault_set(f, FAULT_CONFIG, "client_id \"%.100s\" is that of %s and of %s", client_id, found, t->name);
			*status = 409;
			return NULL;
		}
		found = t->name;
	}
	if (!found)
		fault_set(f, FAULT_CONFIG, "no tenant's profile has the client_id \"%.100s\"", client_id ? client_id : "");
	return found;
}

static unsigned create(struct ingestd *d, const struct admin_args *args, const json_t *root, struct fault *f)
{
	const char *name = json_string_value(json_object_get(root, "job_name"));
	const char *tenant = args->scope;
	struct job_edit_of of = {.text = args->body, .seed = true};
	unsigned status;

	if (!tenant)
		tenant = tenant_of(d, json_string_value(json_object_get(root, "client_id")), &status, f);
	if (!tenant)
		return status;
	if (!name)
		return refusal(f, 422, "$.job_name: missing, or no string; the job is named by it");
	of.tenant = tenant;
	of.job = name;
	return job_edit_make(d, &of, args, f);
}

unsigned seed_create(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	json_t *root = body_of(args, f);
	unsigned status;

	(void)out;
	if (!root)
		return 400;
	status = create(d, args, root, f);
	json_decref(root);
	return status;
}

static void add_failed(struct strbuf *out, const char *error)
{
	strbuf_addc(out, '{');
	json_pair_string(out, "error", error);
	json_pair_string(out, "status", "failed");
	strbuf_addc(out, '}');
}

unsigned seed_create_stream(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	(void)d;
	(void)args;
	(void)f;
	add_failed(out, "stream jobs: not in this version");
	return 200;
}

/* --- start --- */

struct starting {
	struct admin_reply *reply;
	struct id id;
	char run[ULID_TEXT];
};

static void free_starting(void *mine)
{
	struct starting *s = mine;

	release(&s->id);
	free(s);
}

/* The run as it is or was; false: the journal could not be asked. */
static bool run_of(struct ingestd *d, const char *id, struct run *out)
{
	const struct run *now = starts_find(d, id);
	struct fault f = FAULT_INIT;

	if (!now)
		return runs_by_id(d->journal, id, out, &f) == 1;
	out->state = now->state;
	out->times = now->times;
	file_row_set(&out->reason, now->reason);
	return true;
}

static bool look_at_start(struct ingestd *d, void *mine, bool late)
{
	struct starting *s = mine;
	struct strbuf out = STRBUF_INIT;
	struct run run;
	bool told;

	run_init(&run);
	told = run_of(d, s->run, &run) && run.state != RUN_CREATED && run.state != RUN_STARTING;
	if (!told && !late) {
		run_release(&run);
		return false;
	}
	if (told && run.state == RUN_FAILED && !run.times.started) {
		add_failed(&out, run.reason);
	} else {
		strbuf_addc(&out, '{');
		add_id(&out, &s->id);
		json_pair_string(&out, "status", "starting");
		strbuf_addc(&out, '}');
	}
	run_release(&run);
	admin_answer(s->reply, 200, &out, NULL);
	return true;
}

static const struct deferred_ops start_ops = {look_at_start, free_starting};

unsigned seed_start(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	struct starting *s = xcalloc(1, sizeof(*s));
	unsigned status = id_of_body(d, args, &s->id, f);

	(void)out;
	if (!status && (d->stopping || d->turn.behind))
		status = refusal(f, 503, "%s", d->stopping ? "ingestd is stopping" : "the journal cannot be written");
	if (!status && starts_new(d, s->id.tenant, s->id.job, s->run, f) < 0)
		status = 409;
	if (status) {
		free_starting(s);
		return status;
	}
	s->reply = admin_defer(args);
	deferred_add(d, &start_ops, s, START_MS);
	return ADMIN_DEFERRED;
}

unsigned seed_stop(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	struct id id;
	char run[ULID_TEXT];
	unsigned status = id_of_body(d, args, &id, f);

	if (!status && starts_stop(d, id.tenant, id.job, run, f) < 0)
		status = 409;
	if (!status) {
		strbuf_addc(out, '{');
		add_id(out, &id);
		json_pair_string(out, "status", "stopped");
		strbuf_addc(out, '}');
	}
	release(&id);
	return status ? status : 200;
}

/* --- status --- */

static bool keep_run(void *ctx, const struct run *r)
{
	struct run *out = ctx;

	memcpy(out->id, r->id, sizeof(out->id));
	out->state = r->state;
	out->files = r->files;
	out->done = r->done;
	out->failed = r->failed;
	out->held = r->held;
	out->bytes = r->bytes;
	out->times = r->times;
	file_row_set(&out->reason, r->reason);
	return false;
}

static bool keep_id(void *ctx, const struct file_row *r)
{
	memcpy(ctx, r->run, ULID_TEXT);
	return false;
}

/* The last run of a job: a start, or on arrival the last file.  -1: the journal cannot answer. */
static int last_run(struct ingestd *d, const struct id *id, struct run *out, struct fault *f)
{
	const struct run *now = starts_of_job(d, id->tenant, id->job);
	const struct journal_filter filter = {.tenant = id->tenant, .job = id->job, .limit = 1};
	char run[ULID_TEXT] = "";

	if (now) {
		keep_run(out, now);
		return 0;
	}
	if (runs_list(d->journal, id->tenant, id->job, 1, keep_run, out, f) < 0)
		return -1;
	if (out->id[0])
		return 0;
	if (journal_list(d->journal, &filter, keep_id, run, f) < 0)
		return -1;
	return run[0] && views_arrival_run(d, run, out, f) < 0 ? -1 : 0;
}

static void add_status(struct strbuf *out, const struct id *id, const struct run *r)
{
	strbuf_addc(out, '{');
	add_id(out, id);
	json_pair_string(out, "status", r->id[0] ? run_state_name(r->state) : "created");
	if (r->id[0] && r->state == RUN_FAILED)
		json_pair_string(out, "error", r->reason);
	json_pair_string(out, "run", r->id[0] ? r->id : NULL);
	json_pair_u64(out, "files", r->files);
	json_pair_u64(out, "done", r->done);
	json_pair_u64(out, "failed", r->failed);
	json_pair_u64(out, "held", r->held);
	json_pair_u64(out, "bytes", r->bytes);
	json_pair_time(out, "started", r->times.started);
	json_pair_time(out, "finished", r->times.finished);
	strbuf_addc(out, '}');
}

unsigned seed_status(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	struct id id;
	struct run run;
	unsigned status = take_id(d, args, args->query(args, "job_id"), &id, f);

	run_init(&run);
	if (!status && last_run(d, &id, &run, f) < 0)
		status = 503;
	if (!status)
		add_status(out, &id, &run);
	run_release(&run);
	release(&id);
	return status ? status : 200;
}

/*
 * runs - one start of a job each; see runs.h
 *
 * runs_set_state is the only mover of a run's state.  Each state goes into the outbox with the change to it.
 */
#include "watcher/base/base.h"
#include "watcher/spool/runs.h"

#include "watcher/base/json_out.h"
#include "watcher/base/log.h"
#include "watcher/spool/columns.h"
#include "watcher/spool/journal_inner.h"
#include "watcher/spool/outbox.h"

#define LIST_LIMIT 100
#define SELECT \
	"SELECT id, tenant, job, cause, state, reason, left_out, files, done, failed, held, " \
	"bytes," \
	" created_ms, started_ms, finished_ms FROM runs "

static const char sql_insert[] =
	"INSERT INTO runs (id, tenant, job, cause, state, reason, left_out, files, done, failed, "
	"held,"
	" bytes, created_ms, started_ms, finished_ms) VALUES"
	" (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
static const char sql_update[] =
	"UPDATE runs SET tenant = ?2, job = ?3, cause = ?4, state = ?5, reason = ?6, left_out = ?7,"
	" files = ?8, done = ?9, failed = ?10, held = ?11, bytes = ?12, created_ms = ?13,"
	" started_ms = ?14, finished_ms = ?15 WHERE id = ?1";
static const char sql_by_id[] = SELECT "WHERE id = ?1";
static const char sql_list[] = SELECT "WHERE (?2 IS NULL OR job = ?2) ORDER BY id DESC LIMIT ?3";
static const char sql_list_tenant[] =
	SELECT "WHERE tenant = ?1 AND (?2 IS NULL OR job = ?2) ORDER BY id DESC LIMIT ?3";
static const char sql_alive[] =
	SELECT "WHERE state IN ('created', 'starting', 'running') ORDER BY id";

static const char *name_trigger(unsigned v)
{
	return job_trigger_name((enum job_trigger)v);
}

static const char *name_state(unsigned v)
{
	return run_state_name((enum run_state)v);
}

#define AT(field) offsetof(struct run, field)
static const struct column run_columns[] = {
	{.name = "id", .kind = COLUMN_FIXED, .offset = AT(id), .size = ULID_TEXT},
	{.name = "tenant", .kind = COLUMN_TEXT, .offset = AT(tenant)},
	{.name = "job", .kind = COLUMN_TEXT, .offset = AT(job)},
	{.name = "cause",
	 .kind = COLUMN_NAME,
	 .offset = AT(trigger),
	 .size = TRIGGERS,
	 .value_name = name_trigger},
	{.name = "state",
	 .kind = COLUMN_NAME,
	 .offset = AT(state),
	 .size = RUN_STOPPED + 1,
	 .value_name = name_state},
	{.name = "reason", .kind = COLUMN_TEXT, .offset = AT(reason)},
	{.name = "left_out", .kind = COLUMN_TEXT, .offset = AT(left_out_json)},
	{.name = "files", .kind = COLUMN_U64, .offset = AT(files)},
	{.name = "done", .kind = COLUMN_U64, .offset = AT(done)},
	{.name = "failed", .kind = COLUMN_U64, .offset = AT(failed)},
	{.name = "held", .kind = COLUMN_U64, .offset = AT(held)},
	{.name = "bytes", .kind = COLUMN_U64, .offset = AT(bytes)},
	{.name = "created_ms", .kind = COLUMN_TIME, .offset = AT(times.created)},
	{.name = "started_ms", .kind = COLUMN_TIME, .offset = AT(times.started)},
	{.name = "finished_ms", .kind = COLUMN_TIME, .offset = AT(times.finished)},
};

void run_init(struct run *r)
{
	memset(r, 0, sizeof(*r));
}

void run_release(struct run *r)
{
	free(r->tenant);
	free(r->job);
	free(r->reason);
	free(r->left_out_json);
	run_init(r);
}

static void add_step(struct strbuf *sb, enum run_state state, int64_t at)
{
	if (!at)
		return;
	json_add_comma(sb);
	strbuf_addc(sb, '{');
	json_pair_string(sb, "state", run_state_name(state));
	json_pair_time(sb, "at", at);
	strbuf_addc(sb, '}');
}

/* A start goes on to starting at once; what broke a limit was never running. */
static void add_history(struct strbuf *sb, const struct run *r)
{
	json_add_key(sb, "history");
	strbuf_addc(sb, '[');
	add_step(sb, RUN_CREATED, r->times.created);
	if (r->state != RUN_CREATED)
		add_step(sb, RUN_STARTING, r->times.created);
	add_step(sb, RUN_RUNNING, r->times.started);
	if (run_state_over(r->state))
		add_step(sb, r->state, r->times.finished);
	strbuf_addc(sb, ']');
}

void run_add_json(struct strbuf *sb, const struct run *r)
{
	strbuf_addc(sb, '{');
	json_pair_string(sb, "id", r->id);
	json_pair_string(sb, "tenant", r->tenant);
	json_pair_string(sb, "job", r->job);
	json_pair_string(sb, "trigger", job_trigger_name(r->trigger));
	json_pair_string(sb, "state", run_state_name(r->state));
	json_pair_string(sb, "reason", r->reason);
	json_pair_u64(sb, "files", r->files);
	json_pair_u64(sb, "done", r->done);
	json_pair_u64(sb, "failed", r->failed);
	json_pair_u64(sb, "held", r->held);
	json_pair_u64(sb, "bytes", r->bytes);
	json_add_key(sb, "left_out");
	strbuf_adds(sb, r->left_out_json ? r->left_out_json : "[]");
	json_add_key(sb, "times");
	strbuf_addc(sb, '{');
	json_pair_time(sb, "created", r->times.created);
	json_pair_time(sb, "started", r->times.started);
	json_pair_time(sb, "finished", r->times.finished);
	strbuf_addc(sb, '}');
	add_history(sb, r);
	strbuf_addc(sb, '}');
}

void run_of_arrival(const struct file_row *row, struct run *out)
{
	const char *state = file_row_record_state(row);

	memcpy(out->id, row->run, sizeof(out->id));
	file_row_set(&out->tenant, row->tenant);
	file_row_set(&out->job, row->job);
	file_row_set(&out->reason, row->reason);
	out->trigger = TRIGGER_ARRIVAL;
	out->files = 1;
	out->bytes = row->bytes;
	out->done = strcmp(state, "done") == 0 || strcmp(state, "duplicate") == 0;
	out->failed = strcmp(state, "failed") == 0;
	out->held = strcmp(state, "held") == 0;
	out->state = out->done		      ? RUN_FINISHED :
		     out->failed || out->held ? RUN_FAILED :
						RUN_RUNNING;
	out->times.created = row->times.claimed;
	out->times.started = row->times.started;
	out->times.finished = row->times.placed;
}

static int write_run(struct journal *j, const char *sql, const struct run *r, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql);

	CHECK(r->id[0] && r->tenant && r->job);
	columns_bind(q, run_columns, ARRAY_LEN(run_columns), r);
	journal_mark(j, MARK_RUN);
	return db_run(q, 1, f);
}

int runs_save(struct journal *j, const struct run *r, struct fault *f)
{
	return write_run(j, sql_update, r, f);
}

static int append_record(struct journal *j, const struct run *r, struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;
	int result;

	run_add_json(&sb, r);
	result = outbox_append(j, "run", r->id, strbuf_span(&sb), f);
	strbuf_release(&sb);
	return result;
}

int runs_insert(struct journal *j, const struct run *r, struct fault *f)
{
	CHECK(r->state == RUN_CREATED);
	return write_run(j, sql_insert, r, f) < 0 ? -1 : append_record(j, r, f);
}

int runs_set_state(struct journal *j, struct run *r, enum run_state to, struct fault *f)
{
	enum run_state from = r->state;

	CHECK(run_edge_legal(from, to));
	r->state = to;
	if (runs_save(j, r, f) < 0 || append_record(j, r, f) < 0) {
		r->state = from;
		return -1;
	}
	if (j->options.trace)
		log_event(j->options.trace, LOG_LEVEL_DEBUG, "run.state", "id=%s from=%s to=%s",
			  r->id, run_state_name(from), run_state_name(to));
	return 0;
}

static int load_run(struct db_stmt *q, struct run *r, struct fault *f)
{
	run_release(r);
	return columns_load(q, 0, run_columns, ARRAY_LEN(run_columns), r, f);
}

int runs_by_id(struct journal *j, const char *id, struct run *out, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_by_id, f);
	int r;

	if (!q)
		return -1;
	db_bind_text(q, 1, id);
	r = db_step(q, f);
	if (r == 1 && load_run(q, out, f) < 0)
		r = -1;
	db_done(q);
	return r;
}

static int each_run(struct db_stmt *q, runs_fn *fn, void *ctx, struct fault *f)
{
	struct run run;
	int r;

	run_init(&run);
	while ((r = db_step(q, f)) == 1) {
		r = load_run(q, &run, f);
		if (r < 0 || !fn(ctx, &run))
			break;
	}
	run_release(&run);
	db_done(q);
	return r < 0 ? -1 : 0;
}

int runs_list(struct journal *j, const char *tenant, const char *job, size_t limit, runs_fn *fn,
	      void *ctx, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, tenant ? sql_list_tenant : sql_list, f);

	if (!q)
		return -1;
	if (tenant)
		db_bind_text(q, 1, tenant);
	db_bind_text(q, 2, job);
	db_bind_u64(q, 3, limit ? limit : LIST_LIMIT);
	return each_run(q, fn, ctx, f);
}

int runs_alive(struct journal *j, runs_fn *fn, void *ctx, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_alive, f);

	return q ? each_run(q, fn, ctx, f) : -1;
}

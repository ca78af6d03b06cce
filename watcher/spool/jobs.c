/*
 * jobs - what the outbox last said of each job; see the header
 */
#include "watcher/base/base.h"
#include "watcher/spool/jobs.h"

#include "watcher/base/clock.h"
#include "watcher/base/json_out.h"
#include "watcher/spool/journal_inner.h"
#include "watcher/spool/outbox.h"

static const char sql_known[] = "SELECT body FROM jobs WHERE tenant = ?1 AND job = ?2";
static const char sql_put[] = "INSERT OR REPLACE INTO jobs (tenant, job, body) VALUES (?1, ?2, ?3)";
static const char sql_remove[] = "DELETE FROM jobs WHERE tenant = ?1 AND job = ?2";
static const char sql_each[] =
	"SELECT tenant, job FROM jobs WHERE ?1 IS NULL OR tenant = ?1 ORDER BY tenant, job";

/* *out NULL: it is not known; malloc'ed. */
static int known(struct journal *j, const char *tenant, const char *job, char **out, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_known, f);
	int r;

	*out = NULL;
	if (!q)
		return -1;
	db_bind_text(q, 1, tenant);
	db_bind_text(q, 2, job);
	r = db_step(q, f);
	if (r == 1)
		*out = xstrdup(db_text(q, 0));
	db_done(q);
	return r < 0 ? -1 : 0;
}

static int append_record(struct journal *j, const char *tenant, const char *job, const char *state,
			 const char *body, struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;
	char *key = xasprintf("%s/%s", tenant, job);
	int r;

	strbuf_addc(&sb, '{');
	json_pair_string(&sb, "id", key);
	json_pair_string(&sb, "tenant", tenant);
	json_pair_string(&sb, "job", job);
	json_pair_string(&sb, "state", state);
	strbuf_addf(&sb, ",%s", body);
	json_add_key(&sb, "times");
	strbuf_addc(&sb, '{');
	json_pair_time(&sb, "changed", clock_now_ms());
	strbuf_adds(&sb, "}}");
	r = outbox_append(j, "job", key, strbuf_span(&sb), f);
	strbuf_release(&sb);
	free(key);
	return r;
}

static int run_named(struct journal *j, const char *sql, const char *tenant, const char *job,
		     const char *body, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql);

	db_bind_text(q, 1, tenant);
	db_bind_text(q, 2, job);
	if (body)
		db_bind_text(q, 3, body);
	return db_run(q, 1, f);
}

int jobs_put(struct journal *j, const char *tenant, const char *job, const char *body, struct fault *f)
{
	char *before;
	bool same;

	if (known(j, tenant, job, &before, f) < 0)
		return -1;
	same = before && strcmp(before, body) == 0;
	free(before);
	if (same)
		return 0;
	if (run_named(j, sql_put, tenant, job, body, f) < 0)
		return -1;
	return append_record(j, tenant, job, "in force", body, f);
}

int jobs_remove(struct journal *j, const char *tenant, const char *job, struct fault *f)
{
	char *before;
	int r;

	if (known(j, tenant, job, &before, f) < 0)
		return -1;
	if (!before)
		return 0;
	r = run_named(j, sql_remove, tenant, job, NULL, f);
	if (r == 0)
		r = append_record(j, tenant, job, "removed", before, f);
	free(before);
	return r;
}

int jobs_each(struct journal *j, const char *tenant, jobs_fn *fn, void *ctx, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_each, f);
	int r;

	if (!q)
		return -1;
	db_bind_text(q, 1, tenant);
	while ((r = db_step(q, f)) == 1)
		fn(ctx, db_text(q, 0), db_text(q, 1));
	db_done(q);
	return r < 0 ? -1 : 0;
}

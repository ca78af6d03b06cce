/*
 * journal_find - the queries of journal.h
 *
 * Each reads through prepared statements made of the one SELECT of rows and a tail; a row given to
 * a callback lives until it returns.
 */
#include "watcher/base/base.h"
#include "watcher/spool/journal.h"

#include "watcher/spool/journal_inner.h"

#define LIST_LIMIT 100
#define LIST_MAX 10000
#define AFTER_ALL "~" /* sorts behind every id */

static const char tail_arrival[] = "WHERE a.arrival = ?1";
static const char tail_delivery[] =
	"WHERE a.delivery = ?1 ORDER BY a.duplicate_of IS NOT NULL, a.arrival DESC LIMIT 1";
static const char tail_path[] =
	"WHERE a.tenant = ?1 AND a.target = ?2 AND a.folder = ?3 ORDER BY a.arrival DESC LIMIT 1";
static const char tail_alive[] = "WHERE a.state NOT IN ('PLACED', 'HELD') ORDER BY a.arrival";
static const char tail_due[] = "WHERE a.state = ?1 AND a.until_ms IS NOT NULL AND a.until_ms <= ?2"
			       " ORDER BY a.until_ms, a.arrival LIMIT ?3";
static const char sql_next_due[] =
	"SELECT min(until_ms) FROM arrivals WHERE state = ?1 AND until_ms IS NOT NULL";
static const char sql_version_used[] =
	"SELECT 1 FROM arrivals WHERE version = ?1 AND (state <> 'PLACED' OR outcome = 'done')"
	" LIMIT 1";
static const char sql_reserved[] =
	"SELECT 1 FROM arrivals WHERE tenant = ?1 AND target = ?2 AND folder = ?3"
	" AND state NOT IN ('PLACED', 'HELD') AND arrival <> ?4 LIMIT 1";

/* ?1 tenant ?2 state ?3 before ?4 job ?5 run ?6 limit; one text for each index that can serve */
#define LIST_REST \
	" AND a.arrival < ?3 AND (?4 IS NULL OR a.job = ?4) AND (?5 IS NULL OR a.run = ?5)" \
	" ORDER BY a.arrival DESC LIMIT ?6"
static const char tail_list[] = "WHERE ?1 IS NULL AND ?2 IS NULL" LIST_REST;
static const char tail_list_state[] = "WHERE ?1 IS NULL AND a.record_state = ?2" LIST_REST;
static const char tail_list_tenant[] = "WHERE a.tenant = ?1 AND ?2 IS NULL" LIST_REST;
static const char tail_list_both[] = "WHERE a.tenant = ?1 AND a.record_state = ?2" LIST_REST;
static const char tail_list_run[] =
	"WHERE a.run = ?5 AND (?1 IS NULL OR +a.tenant = ?1) AND (?2 IS NULL OR +a.record_state = "
	"?2)"
	" AND +a.arrival < ?3 AND (?4 IS NULL OR +a.job = ?4) ORDER BY a.arrival DESC LIMIT ?6";

const char *journal_select(struct journal *j, const char *tail)
{
	struct journal_select *s;

	for (size_t i = 0; i < j->select_count; i++)
		if (j->selects[i].tail == tail)
			return j->selects[i].text;
	CHECK(j->select_count < JOURNAL_SELECTS);
	s = &j->selects[j->select_count++];
	s->tail = tail;
	s->text = xasprintf("%s%s", j->texts.select, tail);
	return s->text;
}

/* One row or none; ends q. */
static int load_one(struct db_stmt *q, struct file_row *out, struct fault *f)
{
	int r = db_step(q, f);

	if (r == 1 && rows_load(q, out, f) < 0)
		r = -1;
	db_done(q);
	return r;
}

int journal_each(struct db_stmt *q, journal_row_fn *fn, void *ctx, struct fault *f)
{
	struct file_row row;
	int r;

	file_row_init(&row);
	while ((r = db_step(q, f)) == 1) {
		r = rows_load(q, &row, f);
		if (r < 0 || !fn(ctx, &row))
			break;
	}
	file_row_release(&row);
	db_done(q);
	return r < 0 ? -1 : 0;
}

int journal_by_arrival(struct journal *j, const char *arrival, struct file_row *out,
		       struct fault *f)
{
	struct db_stmt *q = db_query(j->db, journal_select(j, tail_arrival), f);

	if (!q)
		return -1;
	db_bind_text(q, 1, arrival);
	return load_one(q, out, f);
}

int journal_by_delivery(struct journal *j, const char *delivery, struct file_row *out,
			struct fault *f)
{
	struct db_stmt *q = db_query(j->db, journal_select(j, tail_delivery), f);

	if (!q)
		return -1;
	db_bind_text(q, 1, delivery);
	return load_one(q, out, f);
}

int journal_by_path(struct journal *j, const char *tenant, enum folder folder, const char *name,
		    struct file_row *out, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, journal_select(j, tail_path), f);

	if (!q)
		return -1;
	db_bind_text(q, 1, tenant);
	db_bind_text(q, 2, name);
	db_bind_text(q, 3, folder_name(folder));
	return load_one(q, out, f);
}

static const char *list_tail(const struct journal_filter *filter)
{
	if (filter->run)
		return tail_list_run;
	if (filter->tenant)
		return filter->state ? tail_list_both : tail_list_tenant;
	return filter->state ? tail_list_state : tail_list;
}

int journal_list(struct journal *j, const struct journal_filter *filter, journal_row_fn *fn,
		 void *ctx, struct fault *f)
{
	size_t limit = filter->limit ? filter->limit : LIST_LIMIT;
	struct db_stmt *q = db_query(j->db, journal_select(j, list_tail(filter)), f);

	if (!q)
		return -1;
	db_bind_text(q, 1, filter->tenant);
	db_bind_text(q, 2, filter->state);
	db_bind_text(q, 3, filter->before ? filter->before : AFTER_ALL);
	db_bind_text(q, 4, filter->job);
	db_bind_text(q, 5, filter->run);
	db_bind_u64(q, 6, limit > LIST_MAX ? LIST_MAX : limit);
	return journal_each(q, fn, ctx, f);
}

int journal_alive(struct journal *j, journal_row_fn *fn, void *ctx, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, journal_select(j, tail_alive), f);

	return q ? journal_each(q, fn, ctx, f) : -1;
}

int journal_due(struct journal *j, enum file_state state, int64_t now_ms, size_t limit,
		journal_row_fn *fn, void *ctx, struct fault *f)
{
	struct db_stmt *q;

	CHECK(state == FILE_WAITING || state == FILE_HELD);
	q = db_query(j->db, journal_select(j, tail_due), f);
	if (!q)
		return -1;
	db_bind_text(q, 1, file_state_name(state));
	db_bind_i64(q, 2, now_ms);
	db_bind_u64(q, 3, limit ? limit : LIST_LIMIT);
	return journal_each(q, fn, ctx, f);
}

/* One number, or *out untouched where it is null; ends q.  1, 0, -1. */
static int load_number(struct db_stmt *q, int64_t *out, struct fault *f)
{
	int r = db_step(q, f);

	if (r == 1 && !db_is_null(q, 0))
		*out = db_i64(q, 0);
	db_done(q);
	return r;
}

int journal_next_due(struct journal *j, enum file_state state, int64_t *ms, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_next_due, f);
	int64_t found = 0;

	if (!q)
		return -1;
	db_bind_text(q, 1, file_state_name(state));
	if (load_number(q, &found, f) < 0)
		return -1;
	*ms = found;
	return 0;
}

int journal_version_used(struct journal *j, const char *version, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_version_used, f);
	int64_t one = 0;

	if (!q)
		return -1;
	db_bind_text(q, 1, version);
	return load_number(q, &one, f);
}

int journal_name_reserved(struct journal *j, const struct file_row *r, enum folder folder,
			  const char *name, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_reserved, f);
	int64_t one = 0;

	if (!q)
		return -1;
	db_bind_text(q, 1, r->tenant);
	db_bind_text(q, 2, name);
	db_bind_text(q, 3, folder_name(folder));
	db_bind_text(q, 4, r->arrival);
	return load_number(q, &one, f);
}

/*
 * quotas - what the journal knows of daily quotas; see quotas.h
 *
 * Called by the daemon's quota.  One query each, by the indexes of schema step 9.
 */
#include "watcher/base/base.h"
#include "watcher/spool/quotas.h"

#include "watcher/spool/journal_inner.h"

static const char sql_used[] = "SELECT count(*), coalesce(sum(bytes), 0) FROM arrivals WHERE tenant = ?1 AND quota_day = ?2";
static const char sql_planned[] =
	"SELECT quota_until_ms, count(*), sum(bytes) FROM arrivals WHERE tenant = ?1 AND quota_held = 1 AND quota_until_ms ="
	" (SELECT max(quota_until_ms) FROM arrivals WHERE tenant = ?1 AND quota_held = 1 AND quota_until_ms > 0)";
static const char tail_held[] =
	"WHERE a.tenant = ?1 AND a.quota_held = 1 AND (a.quota_until_ms, a.arrival) > (?2, ?3) AND a.quota_until_ms BETWEEN ?4 AND ?5"
	" AND a.state = 'HELD' ORDER BY a.quota_until_ms, a.arrival LIMIT ?6";

int quotas_used(struct journal *j, const char *tenant, const char *day, struct quota_sum *out, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_used, f);
	int r;

	if (!q)
		return -1;
	db_bind_text(q, 1, tenant);
	db_bind_text(q, 2, day);
	r = db_step(q, f);
	if (r == 1)
		*out = (struct quota_sum){db_u64(q, 0), db_u64(q, 1)};
	db_done(q);
	return r < 0 ? -1 : 0;
}

int quotas_planned(struct journal *j, const char *tenant, int64_t *until_ms, struct quota_sum *out, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_planned, f);
	int r;

	if (!q)
		return -1;
	db_bind_text(q, 1, tenant);
	*until_ms = 0;
	*out = (struct quota_sum){0, 0};
	r = db_step(q, f);
	if (r == 1) {
		*until_ms = db_i64(q, 0);
		*out = (struct quota_sum){db_u64(q, 1), db_u64(q, 2)};
	}
	db_done(q);
	return r < 0 ? -1 : 0;
}

int quotas_held(struct journal *j, const char *tenant, const struct quota_place *from, int64_t due_ms, size_t limit,
		journal_row_fn *fn, void *ctx, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, journal_select(j, tail_held), f);
	int64_t first = due_ms == INT64_MAX ? 0 : 1;

	if (!q)
		return -1;
	db_bind_text(q, 1, tenant);
	db_bind_i64(q, 2, from->until_ms);
	db_bind_text(q, 3, from->arrival);
	/* the index begins there, not at its first line */
	db_bind_i64(q, 4, from->until_ms > first ? from->until_ms : first);
	db_bind_i64(q, 5, due_ms);
	db_bind_u64(q, 6, limit);
	return journal_each(q, fn, ctx, f);
}

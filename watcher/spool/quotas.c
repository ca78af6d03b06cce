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
	"SELECT quota_until_ms, count(*), sum(bytes) FROM arrivals WHERE tenant = ?1 AND quota_held = 1 AND quota_until_ms IS NOT NULL"
	" GROUP BY quota_until_ms ORDER BY quota_until_ms DESC LIMIT 1";
static const char tail_held[] =
	"WHERE a.tenant = ?1 AND a.quota_held = 1 AND a.arrival > ?2 AND a.state = 'HELD'"
	" AND coalesce(a.quota_until_ms, 9223372036854775807) <= ?3 ORDER BY a.arrival LIMIT ?4";

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

int quotas_held(struct journal *j, const char *tenant, const char *after, int64_t due_ms, size_t limit, journal_row_fn *fn,
		void *ctx, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, journal_select(j, tail_held), f);

	if (!q)
		return -1;
	db_bind_text(q, 1, tenant);
	db_bind_text(q, 2, after);
	db_bind_i64(q, 3, due_ms);
	db_bind_u64(q, 4, limit);
	return journal_each(q, fn, ctx, f);
}

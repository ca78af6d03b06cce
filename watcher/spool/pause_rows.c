/*
 * pause_rows - what somebody has paused; see the header
 *
 * Called by the daemon's pauses.c alone.
 */
#include "watcher/base/base.h"
#include "watcher/spool/pause_rows.h"

#include "watcher/spool/journal_inner.h"

static const char sql_put[] =
	"INSERT INTO pauses (kind, name, reason, since_ms) VALUES (?1, ?2, ?3, ?4)"
	" ON CONFLICT (kind, name) DO UPDATE SET reason = excluded.reason, since_ms = excluded.since_ms";
static const char sql_drop[] = "DELETE FROM pauses WHERE kind = ?1 AND name = ?2";
static const char sql_each[] = "SELECT kind, name, reason, since_ms FROM pauses";

int pause_rows_put(struct journal *j, const struct pause_row *p, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_put);

	db_bind_text(q, 1, p->kind);
	db_bind_text(q, 2, p->name);
	db_bind_text(q, 3, p->reason);
	db_bind_i64(q, 4, p->since_ms);
	return db_run(q, 1, f);
}

int pause_rows_drop(struct journal *j, const char *kind, const char *name, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_drop);

	db_bind_text(q, 1, kind);
	db_bind_text(q, 2, name);
	return db_run(q, -1, f);
}

int pause_rows_each(struct journal *j, void (*fn)(void *ctx, const struct pause_row *p), void *ctx, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_each, f);
	int r;

	if (!q)
		return -1;
	while ((r = db_step(q, f)) == 1) {
		struct pause_row row = {db_text(q, 0), db_text(q, 1), db_text(q, 2), db_i64(q, 3)};

		fn(ctx, &row);
	}
	db_done(q);
	return r;
}

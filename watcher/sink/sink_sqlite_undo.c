/*
 * sink_sqlite_undo - documents taken back: one by its id, or all of a delivery by the range of its ids; that range counted
 *
 * Called by sink_sqlite.c.  In transactions of UNDO_ROWS; a failed one is rolled back, and the connection with it.
 */
#include "watcher/base/base.h"
#include "watcher/sink/document_id.h"
#include "watcher/sink/sink_sqlite_table.h"

#define UNDO_ROWS "10000"

/* Deletes up to UNDO_ROWS documents; *deleted is how many. */
static int undo_some(struct sqlite_db *db, sqlite3_stmt *statement, uint64_t *deleted,
		     struct fault *f)
{
	if (sqlite_begin(db, f) < 0)
		return -1;
	if (sqlite_step(db, statement, "cannot take documents back", f) < 0)
		return -1;
	*deleted = (uint64_t)sqlite3_changes(db->handle);
	return sqlite_commit(db, f);
}

static int undo_all(struct sqlite_db *db, struct sink *s, const char *sql, uint64_t *deleted, struct fault *f)
{
	char *low = xasprintf("%s-", s->leg.delivery);
	char *high = xasprintf("%s.", s->leg.delivery); /* '.' follows '-' */
	sqlite3_stmt *statement = NULL;
	uint64_t some = 1, all = 0;
	int r = sqlite_prepare(db, sql, &statement, f);

	if (r == 0) {
		sqlite3_bind_text(statement, 1, low, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 2, high, -1, SQLITE_STATIC);
	}
	while (r == 0 && some > 0) {
		r = undo_some(db, statement, &some, f);
		all += r == 0 ? some : 0;
	}
	if (r < 0) {
		sqlite_rollback(db);
		s->broken = true;
	} else {
		*deleted = all;
	}
	sqlite3_finalize(statement);
	free(low);
	free(high);
	return r;
}

int sqlite_remove(struct sqlite_db *db, struct sink *s, uint64_t row, unsigned part, struct fault *f)
{
	struct strbuf sql = STRBUF_INIT;
	sqlite3_stmt *statement = NULL;
	char id[DOCUMENT_ID_TEXT];
	uint64_t ignored;
	bool exists;
	int r;

	if (sqlite_table_exists(db, s->leg.index, &exists, f) < 0)
		return -1;
	if (!exists)
		return 0;
	document_id(s->leg.delivery, row, part, id);
	strbuf_adds(&sql, "DELETE FROM ");
	sqlite_add_name(&sql, s->leg.index);
	strbuf_adds(&sql, " WHERE \"_id\" = ?1");
	r = sqlite_prepare(db, sql.p, &statement, f);
	if (r == 0) {
		sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
		r = undo_some(db, statement, &ignored, f);
	}
	if (r < 0) {
		sqlite_rollback(db);
		s->broken = true;
	}
	sqlite3_finalize(statement);
	strbuf_release(&sql);
	return r;
}

int sqlite_undo(struct sqlite_db *db, struct sink *s, uint64_t *deleted, struct fault *f)
{
	struct strbuf sql = STRBUF_INIT;
	bool exists;
	int r;

	if (sqlite_table_exists(db, s->leg.index, &exists, f) < 0)
		return -1;
	if (!exists) {
		*deleted = 0;
		return 0;
	}
	strbuf_adds(&sql, "DELETE FROM ");
	sqlite_add_name(&sql, s->leg.index);
	strbuf_adds(&sql, " WHERE \"_id\" IN (SELECT \"_id\" FROM ");
	sqlite_add_name(&sql, s->leg.index);
	strbuf_adds(&sql, " WHERE \"_id\" >= ?1 AND \"_id\" < ?2 LIMIT " UNDO_ROWS ")");
	r = undo_all(db, s, sql.p, deleted, f);
	strbuf_release(&sql);
	return r;
}

static int count_range(struct sqlite_db *db, const char *sql, const char *delivery, uint64_t *found, struct fault *f)
{
	char *low = xasprintf("%s-", delivery), *high = xasprintf("%s.", delivery);
	sqlite3_stmt *statement = NULL;
	int r = sqlite_prepare(db, sql, &statement, f);

	if (r == 0) {
		sqlite3_bind_text(statement, 1, low, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 2, high, -1, SQLITE_STATIC);
		if (sqlite3_step(statement) == SQLITE_ROW)
			*found = (uint64_t)sqlite3_column_int64(statement, 0);
		else
			r = sqlite_fault(db, "cannot count documents", f);
	}
	sqlite3_finalize(statement);
	free(low);
	free(high);
	return r;
}

int sqlite_count(struct sqlite_db *db, struct sink *s, uint64_t *found, struct fault *f)
{
	struct strbuf sql = STRBUF_INIT;
	bool exists;
	int r;

	*found = 0;
	if (sqlite_table_exists(db, s->leg.index, &exists, f) < 0)
		return -1;
	if (!exists)
		return 0;
	strbuf_adds(&sql, "SELECT count(*) FROM ");
	sqlite_add_name(&sql, s->leg.index);
	strbuf_adds(&sql, " WHERE \"_id\" >= ?1 AND \"_id\" < ?2");
	r = count_range(db, sql.p, s->leg.delivery, found, f);
	strbuf_release(&sql);
	return r;
}

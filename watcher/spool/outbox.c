/*
 * outbox - records on their way to the recorder; see outbox.h
 *
 * A table of the journal, so that a record and the state it tells of are one transaction.
 */
#include "watcher/base/base.h"
#include "watcher/spool/outbox.h"

#include "watcher/base/clock.h"
#include "watcher/spool/journal_inner.h"

#define READ_LIMIT 100

static const char sql_append[] =
	"INSERT INTO outbox (kind, key, body, made_ms) VALUES (?1, ?2, ?3, ?4)";
static const char sql_keep[] = "DELETE FROM outbox WHERE seq <= (SELECT max(seq) FROM outbox) - ?1";
static const char sql_read[] =
	"SELECT seq, kind, key, body FROM outbox WHERE seq > ?1 ORDER BY seq LIMIT ?2";
static const char sql_known[] =
	"DELETE FROM outbox_refused WHERE (kind, key) IN (SELECT kind, key FROM outbox WHERE seq <= ?1)";
static const char sql_refuse[] =
	"INSERT OR REPLACE INTO outbox_refused (kind, key, body, reason, refused_ms)"
	" SELECT kind, key, body, ?3, ?4 FROM outbox o WHERE seq = ?1 AND NOT EXISTS"
	" (SELECT 1 FROM outbox n WHERE n.seq > ?1 AND n.seq <= ?2 AND n.kind = o.kind"
	" AND n.key = o.key)";
static const char sql_again[] =
	"INSERT INTO outbox (kind, key, body, made_ms) SELECT kind, key, body, ?1 FROM"
	" outbox_refused WHERE (kind, key) NOT IN (SELECT kind, key FROM outbox) ORDER BY refused_ms";
static const char sql_forget_refused[] = "DELETE FROM outbox_refused";
static const char sql_refused[] =
	"SELECT kind, key, reason, refused_ms FROM outbox_refused ORDER BY refused_ms DESC, key LIMIT ?1";
static const char sql_ack[] = "DELETE FROM outbox WHERE seq <= ?1";
/* Rows come at the end and go at the front: nothing is between that would have to be counted. */
#define SQL_ROWS "(SELECT coalesce((SELECT max(seq) FROM outbox) - (SELECT min(seq) FROM outbox) + 1, 0))"
static const char sql_count[] = "SELECT " SQL_ROWS;
static const char sql_state[] = "SELECT " SQL_ROWS ", (SELECT made_ms FROM outbox ORDER BY seq LIMIT 1),"
				" (SELECT count(*) FROM outbox_refused)";

int outbox_append(struct journal *j, const char *kind, const char *key, struct span body,
		  struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_append);

	db_bind_text(q, 1, kind);
	db_bind_text(q, 2, key);
	db_bind_span(q, 3, body);
	db_bind_i64(q, 4, clock_now_ms());
	if (db_run(q, 1, f) < 0)
		return -1;
	j->outbox_appended++;
	if (j->options.recorder)
		return 0;
	q = db_write(j->db, sql_keep);
	db_bind_i64(q, 1, OUTBOX_KEEP);
	return db_run(q, -1, f);
}

int outbox_read(struct journal *j, int64_t after, size_t limit,
		bool (*fn)(void *ctx, const struct outbox_row *row), void *ctx, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_read, f);
	int r;

	if (!q)
		return -1;
	db_bind_i64(q, 1, after);
	db_bind_u64(q, 2, limit ? limit : READ_LIMIT);
	while ((r = db_step(q, f)) == 1) {
		const struct outbox_row row = {
			.seq = db_i64(q, 0),
			.kind = db_text(q, 1),
			.key = db_text(q, 2),
			.body = db_span(q, 3),
		};

		if (!fn(ctx, &row))
			break;
	}
	db_done(q);
	return r < 0 ? -1 : 0;
}

int outbox_again(struct journal *j, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_again);

	db_bind_i64(q, 1, clock_now_ms());
	if (db_run(q, -1, f) < 0 || db_run(db_write(j->db, sql_forget_refused), -1, f) < 0)
		return -1;
	j->outbox_appended++;
	return 0;
}

int outbox_ack(struct journal *j, int64_t upto, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_ack);

	db_bind_i64(q, 1, upto);
	return db_run(q, -1, f);
}

/* A later row of the same key that came through makes an older refusal moot. */
static int forget_known(struct journal *j, int64_t upto, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_known);

	db_bind_i64(q, 1, upto);
	return db_run(q, -1, f);
}

static int refuse(struct journal *j, const struct recording_refusal *r, int64_t upto, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_refuse);

	db_bind_i64(q, 1, r->seq);
	db_bind_i64(q, 2, upto);
	db_bind_text(q, 3, r->reason);
	db_bind_i64(q, 4, clock_now_ms());
	return db_run(q, -1, f);
}

int outbox_done(struct journal *j, int64_t upto, const struct recording_refusal *refused, size_t count,
		struct fault *f)
{
	if (forget_known(j, upto, f) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (refuse(j, &refused[i], upto, f) < 0)
			return -1;
	return outbox_ack(j, upto, f);
}

int outbox_count(struct journal *j, uint64_t *out, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_count, f);
	int r;

	if (!q)
		return -1;
	r = db_step(q, f);
	if (r == 1)
		*out = db_u64(q, 0);
	db_done(q);
	return r < 0 ? -1 : 0;
}

int outbox_state(struct journal *j, struct outbox_state *out, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_state, f);
	int r;

	memset(out, 0, sizeof(*out));
	if (!q)
		return -1;
	r = db_step(q, f);
	if (r == 1) {
		out->rows = db_u64(q, 0);
		out->oldest_ms = db_is_null(q, 1) ? 0 : db_i64(q, 1);
		out->refused = db_u64(q, 2);
	}
	db_done(q);
	return r < 0 ? -1 : 0;
}

int outbox_refused(struct journal *j, size_t limit,
		   bool (*fn)(void *ctx, const char *kind, const char *key, const char *reason, int64_t refused_ms),
		   void *ctx, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_refused, f);
	int r;

	if (!q)
		return -1;
	db_bind_u64(q, 1, limit);
	while ((r = db_step(q, f)) == 1)
		if (!fn(ctx, db_text(q, 0), db_text(q, 1), db_text(q, 2), db_i64(q, 3)))
			break;
	db_done(q);
	return r < 0 ? -1 : 0;
}

uint64_t outbox_appended(const struct journal *j)
{
	return j->outbox_appended;
}

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
static const char sql_ack[] = "DELETE FROM outbox WHERE seq <= ?1";
static const char sql_count[] = "SELECT count(*) FROM outbox";

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

int outbox_ack(struct journal *j, int64_t upto, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_ack);

	db_bind_i64(q, 1, upto);
	return db_run(q, -1, f);
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

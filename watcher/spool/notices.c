/*
 * notices - what webhooks are to be told; see the header
 *
 * The notifier of the daemon calls it.
 */
#include "watcher/base/base.h"
#include "watcher/spool/notices.h"
#include "watcher/base/clock.h"
#include "watcher/spool/journal_inner.h"

static const char sql_add[] = "INSERT INTO notices (webhook, run, event, body, made_ms) VALUES (?1, ?2, ?3, ?4, ?5)";
static const char sql_keep[] =
	"DELETE FROM notices WHERE webhook = ?1 AND seq <= (SELECT seq FROM notices WHERE webhook = ?1"
	" ORDER BY seq DESC LIMIT 1 OFFSET ?2)";
static const char sql_first[] =
	"SELECT seq, run, event, body, made_ms FROM notices WHERE webhook = ?1 ORDER BY seq LIMIT 1";
static const char sql_done[] = "DELETE FROM notices WHERE seq = ?1";
static const char sql_count[] = "SELECT count(*) FROM notices WHERE ?1 IS NULL OR webhook = ?1";
static const char sql_names[] = "SELECT DISTINCT webhook FROM notices";
static const char sql_forget[] = "DELETE FROM notices WHERE webhook = ?1";

int notices_add(struct journal *j, const char *webhook, const char *run, const char *event, struct span body,
		struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_add);

	db_bind_text(q, 1, webhook);
	db_bind_text(q, 2, run);
	db_bind_text(q, 3, event);
	db_bind_span(q, 4, body);
	db_bind_i64(q, 5, clock_now_ms());
	return db_run(q, 1, f);
}

int notices_trim(struct journal *j, const char *webhook, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_keep);

	db_bind_text(q, 1, webhook);
	db_bind_i64(q, 2, NOTICES_KEEP);
	return db_run(q, -1, f);
}

int notices_first(struct journal *j, const char *webhook, struct notice_row *out, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_first, f);
	int r;

	if (!q)
		return -1;
	db_bind_text(q, 1, webhook);
	r = db_step(q, f);
	if (r == 1) {
		out->seq = db_i64(q, 0);
		out->run = xstrdup(db_text(q, 1));
		out->event = xstrdup(db_text(q, 2));
		strbuf_init(&out->body);
		strbuf_addspan(&out->body, db_span(q, 3));
		out->made_ms = db_i64(q, 4);
	}
	db_done(q);
	return r;
}

void notice_row_release(struct notice_row *n)
{
	free(n->run);
	free(n->event);
	strbuf_release(&n->body);
}

int notices_done(struct journal *j, int64_t seq, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_done);

	db_bind_i64(q, 1, seq);
	return db_run(q, -1, f);
}

int notices_count(struct journal *j, const char *webhook, uint64_t *out, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_count, f);
	int r;

	if (!q)
		return -1;
	db_bind_text(q, 1, webhook);
	r = db_step(q, f);
	if (r == 1)
		*out = db_u64(q, 0);
	db_done(q);
	return r < 0 ? -1 : 0;
}

int notices_each_webhook(struct journal *j, void (*fn)(void *ctx, const char *webhook), void *ctx, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_names, f);
	int r;

	if (!q)
		return -1;
	while ((r = db_step(q, f)) == 1)
		fn(ctx, db_text(q, 0));
	db_done(q);
	return r < 0 ? -1 : 0;
}

int notices_forget(struct journal *j, const char *webhook, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_forget);

	db_bind_text(q, 1, webhook);
	return db_run(q, -1, f);
}

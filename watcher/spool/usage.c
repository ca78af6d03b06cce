/*
 * usage - what each tenant used on each UTC day; see usage.h
 *
 * Called by the journal at a file's end, by retention, and by whoever shows it.
 */
#include "watcher/base/base.h"
#include "watcher/spool/usage.h"

#include "watcher/base/json_out.h"
#include "watcher/spool/journal_inner.h"
#include "watcher/spool/outbox.h"

#define FILL_DAYS 400
#define TELL_LINES 100

static const char sql_book[] =
	"INSERT INTO usage (tenant, day, files, rows, rows_indexed, bytes_in, bytes_indexed, cpu_us, done_bytes, told)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0) ON CONFLICT (tenant, day) DO UPDATE SET"
	" files = files + excluded.files, rows = rows + excluded.rows, rows_indexed = rows_indexed + excluded.rows_indexed,"
	" bytes_in = bytes_in + excluded.bytes_in, bytes_indexed = bytes_indexed + excluded.bytes_indexed,"
	" cpu_us = cpu_us + excluded.cpu_us, done_bytes = done_bytes + excluded.done_bytes, told = 0";

/* What lay in done/ at the end of each day is the sum of all days before, those before `from` too. */
#define DAYS \
	"WITH b AS (SELECT tenant, sum(done_bytes) AS before FROM usage WHERE (?1 IS NULL OR tenant = ?1) AND day < ?2 GROUP BY tenant)" \
	" SELECT d.tenant, day, files, rows, rows_indexed, bytes_in, bytes_indexed, cpu_us, done_bytes," \
	" coalesce(b.before, 0) + sum(done_bytes) OVER (PARTITION BY d.tenant ORDER BY day) AS stored" \
	" FROM usage d LEFT JOIN b ON b.tenant = d.tenant WHERE (?1 IS NULL OR d.tenant = ?1) AND day BETWEEN ?2 AND ?3"
static const char sql_days[] = DAYS " ORDER BY d.tenant, day";
static const char sql_total[] =
	"SELECT tenant, NULL, sum(files), sum(rows), sum(rows_indexed), sum(bytes_in), sum(bytes_indexed), sum(cpu_us),"
	" sum(done_bytes), sum(stored) FROM (" DAYS ") GROUP BY tenant ORDER BY tenant";

static const char sql_last[] = "SELECT max(day) FROM usage";
static const char sql_fill[] =
	"INSERT INTO usage SELECT t.tenant, d.day, 0, 0, 0, 0, 0, 0, 0, 0 FROM"
	" (SELECT tenant FROM usage WHERE day <= ?1 GROUP BY tenant HAVING sum(done_bytes) > 0) t,"
	" (WITH RECURSIVE days(day) AS (SELECT ?2 UNION ALL SELECT date(day, '+1 day') FROM days WHERE day < ?3) SELECT day FROM days) d"
	" WHERE true ON CONFLICT (tenant, day) DO NOTHING";
static const char sql_untold[] =
	"SELECT tenant, day, files, rows, rows_indexed, bytes_in, bytes_indexed, cpu_us, done_bytes,"
	" (SELECT sum(b.done_bytes) FROM usage b WHERE b.tenant = u.tenant AND b.day <= u.day)"
	" FROM usage u WHERE told = 0 ORDER BY tenant, day LIMIT ?1";
static const char sql_told[] = "UPDATE usage SET told = 1 WHERE tenant = ?1 AND day = ?2";
static const char sql_stored[] = "SELECT coalesce(sum(done_bytes), 0) FROM usage WHERE tenant = ?1";
static const char sql_close[] = "UPDATE arrivals SET booked_done_bytes = 0 WHERE tenant = ?1 AND booked_done_bytes <> 0";

static bool in_done(const struct file_row *r)
{
	return r->state == FILE_PLACED && r->has_folder && r->folder == FOLDER_DONE && !r->times.removed;
}

/* A share is of an end: on its way again, a file's is what its last end made it. */
static void share_of(const struct file_row *r, struct usage_sums *out)
{
	const struct counters *c = &r->leg.checkpoint.counters;

	*out = r->booked;
	if (!file_state_alive(r->state)) {
		out->files = 1;
		out->bytes_in = (int64_t)r->bytes;
		out->rows = (int64_t)c->read;
		out->rows_indexed = (int64_t)c->indexed;
		out->bytes_indexed = r->outcome == OUTCOME_DONE ? (int64_t)c->bytes_sent : 0;
		out->cpu_us = (int64_t)r->cpu_us;
	}
	out->done_bytes = in_done(r) ? (int64_t)r->bytes : 0;
}

static int add(struct journal *j, const char *tenant, int64_t at_ms, const struct usage_sums *more, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_book);
	char day[CLOCK_DAY];
	int at = 3;

	clock_day(at_ms, day);
	db_bind_text(q, 1, tenant);
	db_bind_text(q, 2, day);
#define X(field) db_bind_i64(q, at++, more->field);
	USAGE_SUMS(X)
#undef X
	return db_run(q, 1, f);
}

int usage_book(struct journal *j, struct file_row *r, int64_t at_ms, struct fault *f)
{
	struct usage_sums share, none = {0}, more;

	share_of(r, &share);
#define X(field) more.field = share.field - r->booked.field;
	USAGE_SUMS(X)
#undef X
	if (memcmp(&more, &none, sizeof(more)) == 0)
		return 0;
	r->booked = share;
	return add(j, r->tenant, at_ms, &more, f);
}

static void load(struct db_stmt *q, struct usage *u)
{
	int at = 2;

	u->tenant = db_text(q, 0);
	u->day = db_text(q, 1);
#define X(field) u->sums.field = db_i64(q, at++);
	USAGE_SUMS(X)
#undef X
	u->storage_byte_days = db_i64(q, at);
}

int usage_list(struct journal *j, const struct usage_filter *filter, usage_fn *fn, void *ctx, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, filter->total ? sql_total : sql_days, f);
	struct usage u;
	int r;

	if (!q)
		return -1;
	db_bind_text(q, 1, filter->tenant);
	db_bind_text(q, 2, filter->from);
	db_bind_text(q, 3, filter->to);
	while ((r = db_step(q, f)) == 1) {
		load(q, &u);
		fn(ctx, &u);
	}
	db_done(q);
	return r;
}

void usage_add_json(struct strbuf *out, const struct usage *u)
{
	json_pair_string(out, "tenant", u->tenant);
	json_pair_string(out, "day", u->day);
	json_pair_i64(out, "files", u->sums.files);
	json_pair_i64(out, "rows", u->sums.rows);
	json_pair_i64(out, "rows_indexed", u->sums.rows_indexed);
	json_pair_i64(out, "bytes_in", u->sums.bytes_in);
	json_pair_i64(out, "bytes_indexed", u->sums.bytes_indexed);
	json_add_key(out, "cpu_seconds");
	strbuf_addf(out, "%lld.%06lld", (long long)(u->sums.cpu_us / 1000000), (long long)(u->sums.cpu_us % 1000000));
	json_pair_i64(out, "storage_byte_days", u->storage_byte_days);
}

/* --- days --- */

/* *day "": there is none. */
static int last_day(struct journal *j, char day[CLOCK_DAY], struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_last, f);
	int r;

	if (!q)
		return -1;
	day[0] = '\0';
	r = db_step(q, f);
	if (r == 1 && !db_is_null(q, 0))
		snprintf(day, CLOCK_DAY, "%s", db_text(q, 0));
	db_done(q);
	return r < 0 ? -1 : 0;
}

/* Nothing came into done/ or left it between the two days, but for the last: no daemon ran, or the clock leapt. */
int usage_fill(struct journal *j, const char *since, int64_t now_ms, struct fault *f)
{
	char last[CLOCK_DAY], first[CLOCK_DAY], today[CLOCK_DAY];
	struct db_stmt *q;

	snprintf(last, sizeof(last), "%s", since);
	if (!last[0] && last_day(j, last, f) < 0)
		return -1;
	clock_day(now_ms, today);
	clock_day(now_ms - FILL_DAYS * CLOCK_DAY_MS, first);
	if (!last[0] || strcmp(last, today) > 0)
		return 0;
	q = db_write(j->db, sql_fill);
	db_bind_text(q, 1, last);
	/* others may have a line of the last day already */
	db_bind_text(q, 2, strcmp(last, first) < 0 ? first : last);
	db_bind_text(q, 3, today);
	return db_run(q, -1, f);
}

int usage_close(struct journal *j, const char *tenant, int64_t now_ms, struct fault *f)
{
	struct usage_sums more = {0};
	struct db_stmt *q = db_query(j->db, sql_stored, f);
	int r;

	if (!q)
		return -1;
	db_bind_text(q, 1, tenant);
	r = db_step(q, f);
	if (r == 1)
		more.done_bytes = -db_i64(q, 0);
	db_done(q);
	if (r < 0 || !more.done_bytes)
		return r < 0 ? -1 : 0;
	q = db_write(j->db, sql_close);
	db_bind_text(q, 1, tenant);
	return db_run(q, -1, f) < 0 ? -1 : add(j, tenant, now_ms, &more, f);
}

/* --- records --- */

struct line {
	char *tenant, *key;
	char day[CLOCK_DAY];
	struct strbuf body;
};

static void make_line(struct db_stmt *q, struct line *out)
{
	struct usage u;

	load(q, &u);
	out->tenant = xstrdup(u.tenant);
	snprintf(out->day, sizeof(out->day), "%s", u.day);
	out->key = xasprintf("%s/%s", u.tenant, u.day);
	strbuf_init(&out->body);
	strbuf_addc(&out->body, '{');
	json_pair_string(&out->body, "id", out->key);
	usage_add_json(&out->body, &u);
	strbuf_addc(&out->body, '}');
}

static int tell(struct journal *j, const struct line *l, struct fault *f)
{
	struct db_stmt *q;

	if (outbox_append(j, "usage", l->key, strbuf_span(&l->body), f) < 0)
		return -1;
	q = db_write(j->db, sql_told);
	db_bind_text(q, 1, l->tenant);
	db_bind_text(q, 2, l->day);
	return db_run(q, 1, f);
}

/* Read to its end first: what is told is looked for by an index of what is not. */
static int read_untold(struct journal *j, struct line *lines, size_t *n, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_untold, f);
	int r;

	if (!q)
		return -1;
	db_bind_u64(q, 1, TELL_LINES);
	while ((r = db_step(q, f)) == 1)
		make_line(q, &lines[(*n)++]);
	db_done(q);
	return r;
}

int usage_tell(struct journal *j, size_t *count, struct fault *f)
{
	struct line *lines = xcalloc(TELL_LINES, sizeof(*lines));
	size_t n = 0;
	int r = read_untold(j, lines, &n, f);

	for (size_t i = 0; i < n; i++) {
		if (r == 0)
			r = tell(j, &lines[i], f);
		free(lines[i].tenant);
		free(lines[i].key);
		strbuf_release(&lines[i].body);
	}
	free(lines);
	*count = n;
	return r;
}

int usage_untold(struct journal *j, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_untold, f);
	int r;

	if (!q)
		return -1;
	db_bind_u64(q, 1, 1);
	r = db_step(q, f);
	db_done(q);
	return r;
}

/*
 * usage - what each tenant used on each UTC day; see usage.h
 *
 * Called by the journal at a file's end, by retention, and by whoever shows it.
 */
#include "watcher/base/base.h"
#include "watcher/spool/usage.h"

#include "watcher/base/json_out.h"
#include "watcher/spool/journal_inner.h"

static const char sql_book[] =
	"INSERT INTO usage (tenant, day, files, rows, rows_indexed, bytes_in, bytes_indexed, cpu_us, done_bytes, told)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0) ON CONFLICT (tenant, day) DO UPDATE SET"
	" files = files + excluded.files, rows = rows + excluded.rows, rows_indexed = rows_indexed + excluded.rows_indexed,"
	" bytes_in = bytes_in + excluded.bytes_in, bytes_indexed = bytes_indexed + excluded.bytes_indexed,"
	" cpu_us = cpu_us + excluded.cpu_us, done_bytes = done_bytes + excluded.done_bytes, told = 0";

/* What lay in done/ at the end of each day is the sum of all days before, those before `from` too. */
#define DAYS \
	"SELECT tenant, day, files, rows, rows_indexed, bytes_in, bytes_indexed, cpu_us, done_bytes," \
	" sum(done_bytes) OVER (PARTITION BY tenant ORDER BY day) AS stored" \
	" FROM usage WHERE (?1 IS NULL OR tenant = ?1) AND day <= ?3"
static const char sql_days[] = "SELECT * FROM (" DAYS ") WHERE day >= ?2 ORDER BY tenant, day";
static const char sql_total[] =
	"SELECT tenant, NULL, sum(files), sum(rows), sum(rows_indexed), sum(bytes_in), sum(bytes_indexed), sum(cpu_us),"
	" sum(done_bytes), sum(stored) FROM (" DAYS ") WHERE day >= ?2 GROUP BY tenant ORDER BY tenant";

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

int usage_book(struct journal *j, struct file_row *r, int64_t at_ms, struct fault *f)
{
	struct usage_sums share, none = {0}, more;
	char day[CLOCK_DAY];
	struct db_stmt *q;
	int at = 3;

	share_of(r, &share);
#define X(field) more.field = share.field - r->booked.field;
	USAGE_SUMS(X)
#undef X
	if (memcmp(&more, &none, sizeof(more)) == 0)
		return 0;
	clock_day(at_ms, day);
	q = db_write(j->db, sql_book);
	db_bind_text(q, 1, r->tenant);
	db_bind_text(q, 2, day);
#define X(field) db_bind_i64(q, at++, more.field);
	USAGE_SUMS(X)
#undef X
	r->booked = share;
	return db_run(q, 1, f);
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

/*
 * stats - what became of the files of a time; see stats.h
 *
 * Called by ingestd --stats.  One pass over the records and one question for the reasons, both in one reading transaction.
 */
#include "watcher/base/base.h"
#include "watcher/spool/stats.h"

#include "watcher/base/json_out.h"
#include "watcher/spool/journal_inner.h"

#define HOUR_MS (3600 * (int64_t)1000)

#define ENDED \
	"a.state IN ('PLACED', 'HELD') AND a.placed_ms >= ?1 AND a.placed_ms < ?2 AND (?3 IS NULL OR a.tenant = ?3)"
static const char sql_files[] =
	"SELECT a.tenant, a.job, a.record_state, a.arrived_ms, a.indexed_ms, a.placed_ms, a.bytes, coalesce(l.documents, 0),"
	" coalesce(l.read, 0), coalesce(l.indexed, 0), coalesce(l.rejected, 0)"
	" FROM arrivals a LEFT JOIN legs l ON l.arrival = a.arrival WHERE " ENDED;
static const char sql_reasons[] =
	"SELECT a.reason, count(*) FROM arrivals a WHERE " ENDED
	" AND a.record_state IN ('failed', 'held') AND a.reason IS NOT NULL GROUP BY a.reason ORDER BY 2 DESC, 1 LIMIT 10";
_Static_assert(STATS_REASONS == 10, "the limits of the statements");

#define RUNS "FROM runs WHERE finished_ms >= ?1 AND finished_ms < ?2 AND (?3 IS NULL OR tenant = ?3)"
static const char sql_runs[] = "SELECT state, count(*) " RUNS " GROUP BY state";
static const char sql_run_reasons[] =
	"SELECT reason, count(*) " RUNS " AND state = 'failed' AND reason IS NOT NULL GROUP BY reason ORDER BY 2 DESC, 1 LIMIT 10";

/* --- reading --- */

struct ended {
	const char *tenant, *job, *state;
	int64_t arrived, indexed, placed;
	uint64_t bytes, documents, read, rows_indexed, rejected;
};

static void load(struct db_stmt *q, struct ended *e)
{
	e->tenant = db_text(q, 0);
	e->job = db_text(q, 1);
	e->state = db_text(q, 2);
	e->arrived = db_i64(q, 3);
	e->indexed = db_i64(q, 4);
	e->placed = db_i64(q, 5);
	e->bytes = db_u64(q, 6);
	e->documents = db_u64(q, 7);
	e->read = db_u64(q, 8);
	e->rows_indexed = db_u64(q, 9);
	e->rejected = db_u64(q, 10);
}

static void add_wait(struct stats_group *g, int64_t ms)
{
	if (g->wait_count == g->wait_cap) {
		g->wait_cap = g->wait_cap ? g->wait_cap * 2 : 64;
		g->waits = xrealloc(g->waits, g->wait_cap * sizeof(*g->waits));
	}
	g->waits[g->wait_count++] = ms;
}

static void count(struct stats_group *g, const struct ended *e)
{
	if (!g->files || e->arrived < g->first_ms)
		g->first_ms = e->arrived;
	if (e->placed > g->last_ms)
		g->last_ms = e->placed;
	g->files++;
#define X(name) g->name += strcmp(e->state, #name) == 0;
	STATS_STATES(X)
#undef X
	g->bytes += e->bytes;
	g->documents += e->documents;
	g->rows_read += e->read;
	g->rows_indexed += e->rows_indexed;
	g->rows_rejected += e->rejected;
	if (strcmp(e->state, "done") == 0 && e->indexed)
		add_wait(g, e->indexed - e->arrived);
}

static struct stats_group *group(struct map *groups, const char *key)
{
	struct stats_group *g = map_get(groups, span_of(key));

	if (!g) {
		g = xcalloc(1, sizeof(*g));
		map_put(groups, span_of(key), g);
	}
	return g;
}

static void count_everywhere(struct stats *s, const struct ended *e)
{
	char hour[CLOCK_TEXT];
	char *job = xasprintf("%s/%s", e->tenant, e->job ? e->job : "");

	clock_format(e->placed - e->placed % HOUR_MS, hour);
	count(&s->total, e);
	count(group(&s->tenants, e->tenant), e);
	count(group(&s->jobs, job), e);
	count(group(&s->hours, hour), e);
	free(job);
}

static struct db_stmt *ask(struct journal *j, const char *sql, const struct stats_query *query, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql, f);

	if (!q)
		return NULL;
	db_bind_i64(q, 1, query->since_ms);
	db_bind_i64(q, 2, query->until_ms);
	db_bind_text(q, 3, query->tenant);
	return q;
}

static int read_files(struct journal *j, struct stats *s, struct fault *f)
{
	struct db_stmt *q = ask(j, sql_files, &s->query, f);
	struct ended e;
	int r;

	if (!q)
		return -1;
	while ((r = db_step(q, f)) == 1) {
		load(q, &e);
		count_everywhere(s, &e);
	}
	db_done(q);
	return r;
}

static int read_reasons(struct journal *j, const char *sql, const struct stats_query *query, struct stats_reasons *out,
			struct fault *f)
{
	struct db_stmt *q = ask(j, sql, query, f);
	int r;

	if (!q)
		return -1;
	while ((r = db_step(q, f)) == 1)
		out->list[out->count++] = (struct stats_reason){xstrdup(db_text(q, 0)), db_u64(q, 1)};
	db_done(q);
	return r;
}

static int read_runs(struct journal *j, struct stats *s, struct fault *f)
{
	struct db_stmt *q = ask(j, sql_runs, &s->query, f);
	int r;

	if (!q)
		return -1;
	while ((r = db_step(q, f)) == 1) {
#define X(name) \
	if (strcmp(db_text(q, 0), #name) == 0) \
		s->runs.name = db_u64(q, 1);
		STATS_RUNS(X)
#undef X
	}
	db_done(q);
	return r < 0 ? -1 : read_reasons(j, sql_run_reasons, &s->query, &s->runs.reasons, f);
}

int stats_read(struct journal *j, const struct stats_query *q, struct stats *out, struct fault *f)
{
	struct stats s = {.query = *q};

	map_init(&s.tenants);
	map_init(&s.jobs);
	map_init(&s.hours);
	/* files that end in between are in neither of them */
	if (db_exec(j->db, "BEGIN", f) < 0 || read_files(j, &s, f) < 0 ||
	    read_reasons(j, sql_reasons, q, &s.reasons, f) < 0 || read_runs(j, &s, f) < 0 || db_exec(j->db, "COMMIT", f) < 0) {
		stats_release(&s);
		return -1;
	}
	*out = s;
	return 0;
}

/* --- telling --- */

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Nearest rank: the smallest value that so many of a hundred do not exceed. */
static void add_percentile(struct strbuf *sb, const char *key, const struct stats_group *g, size_t percent)
{
	json_pair_seconds(sb, key, g->wait_count ? g->waits[(g->wait_count * percent + 99) / 100 - 1] : -1);
}

static void add_waits(struct strbuf *sb, struct stats_group *g)
{
	if (g->wait_count)
		qsort(g->waits, g->wait_count, sizeof(*g->waits), by_size);
	json_add_key(sb, "arrival_to_indexed");
	strbuf_addc(sb, '{');
	json_pair_u64(sb, "files", g->wait_count);
	add_percentile(sb, "p50", g, 50);
	add_percentile(sb, "p95", g, 95);
	add_percentile(sb, "p99", g, 99);
	strbuf_addc(sb, '}');
}

static void add_ratio(struct strbuf *sb, const char *key, uint64_t of, double by)
{
	json_add_key(sb, key);
	if (by > 0)
		strbuf_addf(sb, "%.6f", (double)of / by);
	else
		strbuf_adds(sb, "null");
}

static void add_group(struct strbuf *sb, struct stats_group *g)
{
	int64_t ms = g->last_ms - g->first_ms;
	double seconds = (double)ms / 1000;

	json_pair_u64(sb, "files", g->files);
#define X(state) json_pair_u64(sb, #state, g->state);
	STATS_STATES(X)
#undef X
	add_ratio(sb, "success_rate", g->done + g->duplicate, (double)g->files);
	add_ratio(sb, "failure_rate", g->failed, (double)g->files);
	json_add_key(sb, "rows");
	strbuf_addc(sb, '{');
	json_pair_u64(sb, "read", g->rows_read);
	json_pair_u64(sb, "indexed", g->rows_indexed);
	json_pair_u64(sb, "rejected", g->rows_rejected);
	strbuf_addc(sb, '}');
	json_pair_u64(sb, "documents", g->documents);
	json_pair_u64(sb, "bytes", g->bytes);
	json_pair_seconds(sb, "seconds", g->files ? ms : -1);
	add_ratio(sb, "rows_per_second", g->rows_indexed, seconds);
	add_ratio(sb, "bytes_per_second", g->bytes, seconds);
	add_waits(sb, g);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_name(struct strbuf *sb, const char *list, const char *key)
{
	const char *slash = strchr(key, '/');

	if (strcmp(list, "hours") == 0) {
		json_pair_string(sb, "hour", key);
		return;
	}
	json_pair_span(sb, "tenant", (struct span){key, slash ? (size_t)(slash - key) : strlen(key)});
	if (slash)
		json_pair_string(sb, "job", slash[1] ? slash + 1 : NULL);
}

static void add_groups(struct strbuf *sb, const char *list, struct map *groups)
{
	size_t n = map_len(groups);
	const char **keys = xcalloc(n + 1, sizeof(*keys));

	for (size_t i = 0; i < n; i++)
		keys[i] = map_key(groups, i).p;
	qsort(keys, n, sizeof(*keys), by_key);
	json_add_key(sb, list);
	strbuf_addc(sb, '[');
	for (size_t i = 0; i < n; i++) {
		json_add_comma(sb);
		strbuf_addc(sb, '{');
		add_name(sb, list, keys[i]);
		add_group(sb, map_get(groups, span_of(keys[i])));
		strbuf_addc(sb, '}');
	}
	strbuf_addc(sb, ']');
	free(keys);
}

static void add_reasons(struct strbuf *sb, const struct stats_reasons *r, const char *of)
{
	json_add_key(sb, "reasons");
	strbuf_addc(sb, '[');
	for (size_t i = 0; i < r->count; i++) {
		json_add_comma(sb);
		strbuf_addc(sb, '{');
		json_pair_string(sb, "reason", r->list[i].text);
		json_pair_u64(sb, of, r->list[i].count);
		strbuf_addc(sb, '}');
	}
	strbuf_addc(sb, ']');
}

void stats_add_json(struct strbuf *sb, struct stats *s)
{
	char since[CLOCK_TEXT], until[CLOCK_TEXT];

	strbuf_addc(sb, '{');
	json_pair_string(sb, "tenant", s->query.tenant);
	clock_format(s->query.since_ms, since);
	clock_format(s->query.until_ms, until);
	json_pair_string(sb, "since", since);
	json_pair_string(sb, "until", until);
	json_add_key(sb, "total");
	strbuf_addc(sb, '{');
	add_group(sb, &s->total);
	strbuf_addc(sb, '}');
	add_groups(sb, "tenants", &s->tenants);
	add_groups(sb, "jobs", &s->jobs);
	add_groups(sb, "hours", &s->hours);
	add_reasons(sb, &s->reasons, "files");
	json_add_key(sb, "runs");
	strbuf_addc(sb, '{');
#define X(state) json_pair_u64(sb, #state, s->runs.state);
	STATS_RUNS(X)
#undef X
	add_reasons(sb, &s->runs.reasons, "runs");
	strbuf_adds(sb, "}}");
}

static void release_groups(struct map *groups)
{
	for (size_t i = 0; i < map_len(groups); i++) {
		struct stats_group *g = map_value(groups, i);

		free(g->waits);
		free(g);
	}
	map_release(groups);
}

static void release_reasons(struct stats_reasons *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->list[i].text);
}

void stats_release(struct stats *s)
{
	free(s->total.waits);
	release_groups(&s->tenants);
	release_groups(&s->jobs);
	release_groups(&s->hours);
	release_reasons(&s->reasons);
	release_reasons(&s->runs.reasons);
	memset(s, 0, sizeof(*s));
}

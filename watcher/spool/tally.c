/*
 * tally - how many files are in which state; see tally.h
 *
 * Two statements a call: a count by the indexes of record_state, and bytes and age of the living
 * files by the index of those.
 */
#include "watcher/base/base.h"
#include "watcher/spool/tally.h"

#include "watcher/spool/journal_inner.h"

#define LIVING "state NOT IN ('PLACED', 'HELD')"

static const char count_all[] = "SELECT record_state, count(*) FROM arrivals GROUP BY record_state";
static const char count_tenant[] =
	"SELECT record_state, count(*) FROM arrivals WHERE tenant = ?1 GROUP BY record_state";
static const char count_run[] =
	"SELECT record_state, count(*) FROM arrivals WHERE run = ?2 AND arrival <> run AND (?1 IS NULL OR tenant = ?1)"
	" GROUP BY record_state";
static const char sum_living[] = "SELECT sum(bytes), min(arrived_ms) FROM arrivals WHERE " LIVING
				 " AND (?1 IS NULL OR tenant = ?1)";
static const char sum_run[] =
	"SELECT sum(bytes), min(CASE WHEN " LIVING
	" THEN arrived_ms END) FROM arrivals WHERE run = ?2 AND (?1 IS NULL OR tenant = ?1)";

static void add_count(struct tally *t, const char *state, uint64_t n)
{
	const struct {
		const char *name;
		uint64_t *count;
	} fields[] = {
		{"done", &t->done},           {"failed", &t->failed},   {"held", &t->held},
		{"duplicate", &t->duplicate}, {"undone", &t->undone},   {"queued", &t->queued},
		{"running", &t->running},     {"waiting", &t->waiting},
	};

	t->files += n;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (strcmp(fields[i].name, state) == 0)
			*fields[i].count += n;
}

static struct db_stmt *ask(struct journal *j, const char *sql, const char *tenant, const char *run,
			   struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql, f);

	if (!q)
		return NULL;
	if (sql != count_all)
		db_bind_text(q, 1, tenant);
	if (run)
		db_bind_text(q, 2, run);
	return q;
}

static int count_states(struct journal *j, const char *tenant, const char *run, struct tally *t,
			struct fault *f)
{
	const char *sql = run ? count_run : tenant ? count_tenant : count_all;
	struct db_stmt *q = ask(j, sql, tenant, run, f);
	int r;

	if (!q)
		return -1;
	while ((r = db_step(q, f)) == 1)
		add_count(t, db_text(q, 0), db_u64(q, 1));
	db_done(q);
	return r;
}

int tally(struct journal *j, const char *tenant, const char *run, struct tally *out,
	  struct fault *f)
{
	struct tally t = {0};
	struct db_stmt *q;
	int r;

	if (count_states(j, tenant, run, &t, f) < 0)
		return -1;
	q = ask(j, run ? sum_run : sum_living, tenant, run, f);
	if (!q)
		return -1;
	r = db_step(q, f);
	if (r == 1) {
		t.bytes = db_u64(q, 0);
		t.oldest_ms = db_i64(q, 1);
	}
	db_done(q);
	if (r < 0)
		return -1;
	*out = t;
	return 0;
}

/*
 * deliveries - which deliveries D were made; see deliveries.h
 *
 * Written by the daemon with LOADING, INDEXED (PLACING for one that replaces) and at the end of
 * UNDOING, in the transaction of that state.  Rows stay for ever: without them a file that comes again would be loaded again (its ids
 * would still be the same, but its books would lie).
 */
#include "watcher/base/base.h"
#include "watcher/spool/deliveries.h"

#include "watcher/base/clock.h"
#include "watcher/spool/journal_inner.h"

static const char sql_find[] =
	"SELECT delivery, arrival, state, made_ms FROM deliveries WHERE delivery = ?1";
static const char sql_tell[] =
	"SELECT file, tenant, job, arrival, state, made_ms FROM deliveries WHERE delivery = ?1";
static const char sql_same_name[] =
	"SELECT delivery, arrival, state, made_ms FROM deliveries WHERE tenant = ?1 AND job = ?2"
	" AND file = ?3 AND state <> 'undone' AND (?4 IS NULL OR delivery <> ?4)"
	" ORDER BY state = 'live', arrival DESC LIMIT 1";
static const char sql_older[] =
	"SELECT delivery, arrival, state, made_ms FROM deliveries WHERE tenant = ?1 AND job = ?2"
	" AND file = ?3 AND state = 'live' AND delivery <> ?4 AND arrival < ?5 ORDER BY arrival DESC LIMIT 1";
static const char sql_put[] =
	"INSERT INTO deliveries (delivery, arrival, tenant, job, file, state, made_ms)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (delivery) DO UPDATE SET"
	" arrival = excluded.arrival, state = excluded.state, made_ms = excluded.made_ms";

static const char *const state_names[] = {
	[DELIVERY_LOADING] = "loading",
	[DELIVERY_LIVE] = "live",
	[DELIVERY_UNDONE] = "undone",
};

const char *delivery_state_name(enum delivery_state s)
{
	CHECK((size_t)s < ARRAY_LEN(state_names));
	return state_names[s];
}

static int parse_state(const char *text, enum delivery_state *out, struct fault *f)
{
	for (size_t i = 0; i < ARRAY_LEN(state_names); i++) {
		if (strcmp(state_names[i], text) != 0)
			continue;
		*out = (enum delivery_state)i;
		return 0;
	}
	return fault_set(f, FAULT_SYSTEM, "journal: a delivery is '%s'", text);
}

static int load_delivery(struct db_stmt *q, struct delivery *out, struct fault *f)
{
	int r = db_step(q, f);

	if (r == 1) {
		struct delivery d = {.made_ms = db_i64(q, 3)};

		snprintf(d.id, sizeof(d.id), "%s", db_text(q, 0));
		snprintf(d.arrival, sizeof(d.arrival), "%s", db_text(q, 1));
		if (parse_state(db_text(q, 2), &d.state, f) < 0)
			r = -1;
		else
			*out = d;
	}
	db_done(q);
	return r;
}

int deliveries_find(struct journal *j, const char *id, struct delivery *out, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_find, f);

	if (!q)
		return -1;
	db_bind_text(q, 1, id);
	return load_delivery(q, out, f);
}

int deliveries_tell(struct journal *j, const char *id, struct strbuf *out, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_tell, f);
	char since[CLOCK_TEXT];
	int r;

	if (!q)
		return -1;
	db_bind_text(q, 1, id);
	r = db_step(q, f);
	if (r == 1) {
		clock_format(db_i64(q, 5), since);
		strbuf_addf(out, "%s of tenant %s, job %s, arrival %s, %s since %s", db_text(q, 0), db_text(q, 1),
			    db_text(q, 2), db_text(q, 3), db_text(q, 4), since);
	}
	db_done(q);
	return r;
}

int deliveries_same_name(struct journal *j, const char *tenant, const char *job, const char *name,
			 const char *except, struct delivery *out, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_same_name, f);

	if (!q)
		return -1;
	db_bind_text(q, 1, tenant);
	db_bind_text(q, 2, job);
	db_bind_text(q, 3, name);
	db_bind_text(q, 4, except);
	return load_delivery(q, out, f);
}

int deliveries_older(struct journal *j, const struct file_row *r, struct delivery *at, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_older, f);

	if (!q)
		return -1;
	db_bind_text(q, 1, r->tenant);
	db_bind_text(q, 2, r->job);
	db_bind_text(q, 3, r->file);
	db_bind_text(q, 4, r->delivery);
	db_bind_text(q, 5, at->arrival);
	return load_delivery(q, at, f);
}

int deliveries_put(struct journal *j, const struct file_row *r, enum delivery_state state,
		   int64_t now_ms, struct fault *f)
{
	struct db_stmt *q;

	CHECK(r->delivery[0] && r->job);
	q = db_write(j->db, sql_put);
	db_bind_text(q, 1, r->delivery);
	db_bind_text(q, 2, r->arrival);
	db_bind_text(q, 3, r->tenant);
	db_bind_text(q, 4, r->job);
	db_bind_text(q, 5, r->file);
	db_bind_text(q, 6, delivery_state_name(state));
	db_bind_i64(q, 7, now_ms);
	return db_run(q, 1, f);
}

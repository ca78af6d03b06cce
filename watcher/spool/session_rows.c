/*
 * session_rows - what sshd's log has said of the files in in/; see the header
 *
 * Called by the daemon's sessions.c alone.
 */
#include "watcher/base/base.h"
#include "watcher/spool/session_rows.h"

#include "watcher/spool/journal_inner.h"

static const char sql_put[] =
	"INSERT INTO sessions (tenant, name, state, time_ms, pid) VALUES (?1, ?2, ?3, ?4, ?5)"
	" ON CONFLICT (tenant, name) DO UPDATE SET state = excluded.state, time_ms = excluded.time_ms,"
	" pid = excluded.pid";
static const char sql_drop[] = "DELETE FROM sessions WHERE tenant = ?1 AND name = ?2";
static const char sql_each[] = "SELECT name, state, time_ms, pid FROM sessions WHERE tenant = ?1";
static const char sql_at[] = "SELECT ino, byte_offset, mark FROM session_logs WHERE tenant = ?1";
static const char sql_put_at[] =
	"INSERT INTO session_logs (tenant, ino, byte_offset, mark) VALUES (?1, ?2, ?3, ?4)"
	" ON CONFLICT (tenant) DO UPDATE SET ino = excluded.ino, byte_offset = excluded.byte_offset,"
	" mark = excluded.mark";

static const char *const state_names[] = {
	[SESSION_OPEN] = "open",       [SESSION_CLEAN] = "clean",       [SESSION_FORCED] = "forced",
	[SESSION_SPOILED] = "spoiled", [SESSION_RELEASED] = "released",
};

const char *session_state_name(enum session_state s)
{
	CHECK((size_t)s < ARRAY_LEN(state_names));
	return state_names[s];
}

int session_rows_put(struct journal *j, const char *tenant, const struct session *s, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_put);

	db_bind_text(q, 1, tenant);
	db_bind_blob(q, 2, span_of(s->name));
	db_bind_text(q, 3, session_state_name(s->state));
	db_bind_i64(q, 4, s->time_ms);
	db_bind_u64(q, 5, s->pid);
	return db_run(q, 1, f);
}

int session_rows_drop(struct journal *j, const char *tenant, const char *name, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_drop);

	db_bind_text(q, 1, tenant);
	db_bind_blob(q, 2, span_of(name));
	return db_run(q, -1, f);
}

static int load(struct db_stmt *q, struct session *out, struct fault *f)
{
	const char *state = db_text(q, 1);

	for (size_t i = 0; i < ARRAY_LEN(state_names); i++)
		if (strcmp(state_names[i], state) == 0) {
			out->state = (enum session_state)i;
			out->time_ms = db_i64(q, 2);
			out->pid = db_u64(q, 3);
			return 0;
		}
	return fault_set(f, FAULT_SYSTEM, "journal: a session is '%s'", state);
}

int session_rows_each(struct journal *j, const char *tenant, session_rows_fn *fn, void *ctx, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_each, f);
	int r;

	if (!q)
		return -1;
	db_bind_text(q, 1, tenant);
	while ((r = db_step(q, f)) == 1) {
		struct span name = db_span(q, 0);
		char *text = xstrndup(name.p, name.n);
		struct session s = {.name = text};

		r = load(q, &s, f);
		if (r == 0)
			fn(ctx, &s);
		free(text);
		if (r < 0)
			break;
	}
	db_done(q);
	return r;
}

int session_rows_at(struct journal *j, const char *tenant, struct session_at *at, char mark_out[64], struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_at, f);
	int r;

	if (!q)
		return -1;
	db_bind_text(q, 1, tenant);
	r = db_step(q, f);
	if (r == 1) {
		struct span mark = db_span(q, 2);

		at->ino = db_u64(q, 0);
		at->offset = db_u64(q, 1);
		at->mark = (struct span){mark_out, mark.n < 64 ? mark.n : 64};
		memcpy(mark_out, mark.p, at->mark.n);
	}
	db_done(q);
	return r;
}

int session_rows_put_at(struct journal *j, const char *tenant, const struct session_at *at, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_put_at);

	db_bind_text(q, 1, tenant);
	db_bind_u64(q, 2, at->ino);
	db_bind_u64(q, 3, at->offset);
	db_bind_blob(q, 4, at->mark);
	return db_run(q, 1, f);
}

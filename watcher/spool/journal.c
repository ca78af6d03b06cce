/*
 * journal - var/journal.db: open, write, change a state, commit; see journal.h
 *
 * journal_set_state is the only mover of an arrival's state.  The crash points of delivery.md's
 * Order around each commit are passed here: the transaction remembers what it holds.  Queries are
 * in journal_find.c.
 */
#include "watcher/base/base.h"
#include "watcher/spool/journal.h"

#include "watcher/base/clock.h"
#include "watcher/base/crash.h"
#include "watcher/base/log.h"
#include "watcher/spool/journal_inner.h"
#include "watcher/spool/outbox.h"
#include "watcher/spool/receipt_of.h"
#include "watcher/spool/schema.h"
#include "watcher/spool/usage.h"

static const char sql_leg_reset[] = "DELETE FROM legs WHERE arrival = ?1";
static const char sql_integrity[] = "PRAGMA integrity_check(20)";
static const char sql_forget_placed[] = "DELETE FROM arrivals WHERE arrival = ?1";
static const char sql_forget[] = "DELETE FROM arrivals WHERE arrival = ?1 AND state = 'CLAIMED'";

static const struct {
	const char *before;
	const char *after;
} marks[] = {
	[FILE_CLAIMED] = {NULL, NULL}, /* arrival passes those of a claim */
	[FILE_IDENTIFIED] = {"identified.before-commit", "identified.committed"},
	[FILE_GATED] = {"gated.before-commit", "gated.committed"},
	[FILE_LOADING] = {"loading.before-commit", "loading.committed"},
	[FILE_INDEXED] = {"indexed.before-commit", "indexed.committed"},
	[FILE_PLACING] = {"placing.before-commit", "placing.committed"},
	[FILE_PLACED] = {"placed.before-commit", "placed.committed"},
	[FILE_UNDOING] = {"undoing.before-commit", "undoing.committed"},
	[FILE_WAITING] = {"waiting.before-commit", "waiting.committed"},
	[FILE_HELD] = {"held.before-commit", "held.committed"},
	[FILE_RETAKING] = {"retaking.before-commit", "retaking.committed"},
	[FILE_REPLACING] = {"replacing.before-commit", "replacing.committed"},
	[MARK_CHECKPOINT] = {"checkpoint.before-commit", "checkpoint.committed"},
	[MARK_UNDONE] = {"undone.before-commit", "undone.committed"},
	[MARK_RUN] = {"run.before-commit", "run.committed"},
};
_Static_assert(ARRAY_LEN(marks) == MARK_COUNT, "marks");

void journal_mark(struct journal *j, unsigned mark)
{
	CHECK(mark < MARK_COUNT);
	j->marks |= 1u << mark;
}

int journal_open(const char *path, const struct journal_options *options, struct journal **out,
		 struct fault *f)
{
	struct journal *j = xcalloc(1, sizeof(*j));

	if (options)
		j->options = *options;
	rows_texts_init(&j->texts);
	if (db_open(path, &j->db, f) < 0 ||
	    schema_open(j->db, path, schema_steps, SCHEMA_VERSION, f) < 0) {
		journal_free(&j);
		return -1;
	}
	*out = j;
	return 0;
}

int journal_open_read(const char *path, struct journal **out, struct fault *f)
{
	struct journal *j = xcalloc(1, sizeof(*j));

	rows_texts_init(&j->texts);
	if (db_open_read(path, &j->db, f) < 0 || schema_expect(j->db, path, SCHEMA_VERSION, f) < 0) {
		journal_free(&j);
		return -1;
	}
	*out = j;
	return 0;
}

int journal_integrity(struct journal *j, struct strbuf *out, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_integrity, f);
	int r;

	if (!q)
		return -1;
	while ((r = db_step(q, f)) == 1)
		if (strcmp(db_text(q, 0), "ok") != 0)
			strbuf_addf(out, "%s\n", db_text(q, 0));
	db_done(q);
	return r;
}

int journal_copy(struct journal *j, const char *path, struct fault *f)
{
	return schema_copy_to(j->db, path, f);
}

void journal_free(struct journal **jp)
{
	struct journal *j = *jp;

	if (!j)
		return;
	db_free(&j->db);
	rows_texts_release(&j->texts);
	for (size_t i = 0; i < j->select_count; i++)
		free(j->selects[i].text);
	free(j);
	*jp = NULL;
}

int journal_commit(struct journal *j, struct fault *f)
{
	if (!db_dirty(j->db))
		return 0;
	for (unsigned m = 0; m < MARK_COUNT; m++)
		if ((j->marks & (1u << m)) && marks[m].before)
			crash_point(marks[m].before);
	if (db_commit(j->db, f) < 0)
		return -1;
	for (unsigned m = 0; m < MARK_COUNT; m++)
		if ((j->marks & (1u << m)) && marks[m].after)
			crash_point(marks[m].after);
	j->marks = 0;
	return 0;
}

bool journal_dirty(const struct journal *j)
{
	return db_dirty(j->db);
}

bool journal_behind(const struct journal *j)
{
	return db_behind(j->db);
}

static int write_leg(struct journal *j, const struct file_row *r, struct fault *f)
{
	struct db_stmt *q;

	if (r->leg.state == LEG_NONE) {
		q = db_write(j->db, sql_leg_reset);
		db_bind_text(q, 1, r->arrival);
		return db_run(q, -1, f);
	}
	q = db_write(j->db, j->texts.leg);
	rows_bind_leg(q, r);
	return db_run(q, 1, f);
}

int journal_insert(struct journal *j, const struct file_row *r, struct fault *f)
{
	struct db_stmt *q;

	CHECK(r->state == FILE_CLAIMED && r->leg.state == LEG_NONE);
	q = db_write(j->db, j->texts.insert);
	rows_bind_arrival(q, r);
	journal_mark(j, FILE_CLAIMED);
	return db_run(q, 1, f);
}

int journal_save(struct journal *j, const struct file_row *r, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, j->texts.update);

	rows_bind_arrival(q, r);
	if (db_run(q, 1, f) < 0)
		return -1;
	return write_leg(j, r, f);
}

int journal_checkpoint(struct journal *j, const struct file_row *r, struct fault *f)
{
	CHECK(r->state == FILE_LOADING && r->leg.state == LEG_LOADING);
	journal_mark(j, MARK_CHECKPOINT);
	return write_leg(j, r, f);
}

static int forget(struct journal *j, const char *sql, const struct file_row *r, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_leg_reset);

	db_bind_text(q, 1, r->arrival);
	if (db_run(q, -1, f) < 0)
		return -1;
	q = db_write(j->db, sql);
	db_bind_text(q, 1, r->arrival);
	return db_run(q, 1, f);
}

int journal_forget(struct journal *j, const struct file_row *r, struct fault *f)
{
	CHECK(r->state == FILE_CLAIMED);
	return forget(j, sql_forget, r, f);
}

int journal_forget_placed(struct journal *j, const struct file_row *r, struct fault *f)
{
	CHECK(file_state_alive(r->state));
	return forget(j, sql_forget_placed, r, f);
}

static void check_edge(const struct file_row *r, enum file_state to)
{
	CHECK(file_edge_legal(r->state, to));
	if (r->state == FILE_WAITING)
		CHECK(to == r->resume || file_edge_legal(r->resume, to));
	if (to == FILE_PLACING)
		CHECK(r->has_outcome && r->has_folder && r->target);
	if (to == FILE_PLACED || to == FILE_HELD) {
		CHECK(r->has_outcome && r->times.placed);
		CHECK((to == FILE_HELD) == (r->outcome == OUTCOME_HELD));
	}
}

static void make_sentence(struct file_row *r)
{
	struct strbuf sb = STRBUF_INIT;
	struct receipt c;

	receipt_of(r, RECEIPT_RECORD, &c);
	receipt_add_sentence(&sb, &c);
	receipt_release(&c);
	file_row_set(&r->sentence, sb.p);
	strbuf_release(&sb);
}

static int append_record(struct journal *j, const struct file_row *r, struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;
	int result;

	receipt_text(r, RECEIPT_RECORD, &sb);
	result = outbox_append(j, "file", r->arrival, strbuf_span(&sb), f);
	strbuf_release(&sb);
	return result;
}

/* What a file brings into its tenant's usage changes when it ends, and when it leaves done/ again. */
static int book(struct journal *j, struct file_row *r, bool end, struct fault *f)
{
	if (!end && r->state != FILE_RETAKING)
		return 0;
	return usage_book(j, r, end ? r->times.placed : clock_now_ms(), f);
}

static void trace(const struct journal *j, const struct file_row *r, enum file_state from)
{
	if (j->options.trace)
		log_event(j->options.trace, LOG_LEVEL_DEBUG, "file.state", "id=%s from=%s to=%s", r->arrival,
			  file_state_name(from), file_state_name(r->state));
}

void journal_pass_state(struct journal *j, struct file_row *r, enum file_state to)
{
	enum file_state from = r->state;

	CHECK(to == FILE_IDENTIFIED || to == FILE_GATED);
	check_edge(r, to);
	r->state = to;
	r->resume = FILE_CLAIMED;
	journal_mark(j, to);
	trace(j, r, from);
}

int journal_set_state(struct journal *j, struct file_row *r, enum file_state to, struct fault *f)
{
	enum file_state from = r->state;
	enum file_state resume = r->resume;
	struct usage_sums booked = r->booked;
	bool end = to == FILE_PLACED || to == FILE_HELD;

	check_edge(r, to);
	r->state = to;
	r->resume = to == FILE_WAITING ? from : FILE_CLAIMED;
	if (end)
		make_sentence(r);
	if (book(j, r, end, f) < 0 || journal_save(j, r, f) < 0 || (end && append_record(j, r, f) < 0)) {
		r->state = from;
		r->resume = resume;
		r->booked = booked;
		return -1;
	}
	journal_mark(j, to);
	if (from == FILE_UNDOING && to != FILE_WAITING)
		journal_mark(j, MARK_UNDONE);
	trace(j, r, from);
	return 0;
}

/*
 * db - the journal's SQLite; see db.h
 *
 * Owns the connection, its prepared statements, and the list of the open transaction's writes: which
 * statement, and what was bound to it.  A commit that fails for want of room, or because another process writes, rolls back and
 * leaves that list; the next commit plays it again.  A failed fsync or a damaged file is told to
 * durable and is final.
 */
#include "watcher/base/base.h"
#include "watcher/spool/db.h"

#include "watcher/base/fsutil.h"
#include "watcher/base/sqlite_error.h"
#include "watcher/spool/durable.h"
#include "watcher/spool/redo.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#define DB_STATEMENTS 64
#define DB_BUSY_MS 2000
#define DB_CHECKPOINT_PAGES 1000 /* of the WAL, then they go into the file */

struct db_stmt {
	struct db *db;
	const char *sql;
	sqlite3_stmt *handle;
	bool busy;
};

struct db {
	sqlite3 *handle;
	struct db_stmt stmts[DB_STATEMENTS];
	size_t stmt_count;
	struct redo redo;
	struct db_stmt *writer; /* gets its values now; NULL: none */
	bool open;   /* a transaction is open in SQLite */
	bool behind; /* redo is not in the open transaction */
};

static int db_refuse(struct db *db, const char *what, struct fault *f)
{
	int code = sqlite3_extended_errcode(db->handle);
	int error = sqlite_error(db->handle, code);

	fault_set(f, FAULT_SYSTEM, "journal: %s: %s%s (SQLite %d)", what, sqlite_error_is_fsync(code) ? "fsync: " : "",
		  error ? strerror(error) : sqlite3_errmsg(db->handle), code);
	f->error = error;
	return -1;
}

/* Is it worth trying again?  Nothing was written, and the file is sound. */
static bool may_pass(const struct fault *f, int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_FULL:
		return true;
	case SQLITE_IOERR: /* a commit's fsync too: the next try writes its frames anew */
		return fault_no_room(f);
	case SQLITE_CANTOPEN:
		return f->error == EMFILE || f->error == ENFILE;
	}
	return false;
}

/* The same while the daemon runs: what does not pass is the end of it. */
static int db_fail(struct db *db, const char *what, struct fault *f)
{
	int code = sqlite3_extended_errcode(db->handle);

	(void)db_refuse(db, what, f);
	if (!may_pass(f, code))
		durable_set_broken(f);
	return -1;
}

/*
 * SQLite's own checkpoint behind a commit, which would keep to itself that the disk is broken.  One
 * that fails for want of room is made again behind the next commit: the WAL keeps the pages.
 */
static int on_wal(void *ctx, sqlite3 *handle, const char *name, int pages)
{
	struct db *db = ctx;
	struct fault f = FAULT_INIT;

	if (pages >= DB_CHECKPOINT_PAGES &&
	    sqlite3_wal_checkpoint_v2(handle, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) != SQLITE_OK)
		(void)db_fail(db, "checkpoint", &f);
	return SQLITE_OK;
}

/* A new file is durable when its folder is; SQLite cares for those that it makes itself. */
static int sync_folder_of(const char *path, struct fault *f)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	int fd = -1;
	int r = fs_open_dir(folder, &fd, f);

	if (r == 0)
		r = durable_fsync(fd, folder, f);
	fs_close(&fd);
	free(folder);
	return r;
}

static int make_file(const char *path, struct fault *f)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot open %s", path);
	if (fchmod(fd, 0600) < 0) {
		fault_errno(f, FAULT_SYSTEM, "cannot set the mode of %s", path);
		close(fd);
		return -1;
	}
	close(fd);
	return sync_folder_of(path, f);
}

int db_exec(struct db *db, const char *sql, struct fault *f)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_refuse(db, "statement", f);
	return 0;
}

int db_rollback(struct db *db, struct fault *f)
{
	return sqlite3_get_autocommit(db->handle) ? 0 : db_exec(db, "ROLLBACK", f);
}

int db_open(const char *path, struct db **out, struct fault *f)
{
	static const char settings[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
				       "PRAGMA cache_spill=OFF; PRAGMA temp_store=MEMORY;"
				       "PRAGMA journal_size_limit=67108864;"
				       "PRAGMA trusted_schema=OFF;";
	struct db *db = xcalloc(1, sizeof(*db));

	redo_init(&db->redo);
	if (make_file(path, f) < 0)
		goto fail;
	if (sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK) {
		fault_set(f, FAULT_SYSTEM, "cannot open %s: %s", path,
			  db->handle ? sqlite3_errmsg(db->handle) : "out of memory");
		goto fail;
	}
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
	if (db_exec(db, settings, f) < 0) {
		fault_prefix(f, "%s", path);
		goto fail;
	}
	/* the -wal is there now; SQLite does not look at what its own fsync of the folder says */
	if (sync_folder_of(path, f) < 0)
		goto fail;
	sqlite3_wal_hook(db->handle, on_wal, db);
	*out = db;
	return 0;
fail:
	db_free(&db);
	return -1;
}

int db_open_read(const char *path, struct db **out, struct fault *f)
{
	struct db *db = xcalloc(1, sizeof(*db));
	int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;

	redo_init(&db->redo);
	if (sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK) {
		fault_set(f, FAULT_SYSTEM, "cannot open %s: %s", path,
			  db->handle ? sqlite3_errmsg(db->handle) : "out of memory");
		db_free(&db);
		return -1;
	}
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
	*out = db;
	return 0;
}

void db_free(struct db **db)
{
	struct db *d = *db;

	if (!d)
		return;
	redo_release(&d->redo);
	for (size_t i = 0; i < d->stmt_count; i++)
		sqlite3_finalize(d->stmts[i].handle);
	sqlite3_close(d->handle);
	free(d);
	*db = NULL;
}

static struct db_stmt *stmt_take(struct db *db, const char *sql)
{
	struct db_stmt *q = NULL;

	for (size_t i = 0; i < db->stmt_count && !q; i++)
		if (db->stmts[i].sql == sql)
			q = &db->stmts[i];
	if (!q) {
		CHECK(db->stmt_count < DB_STATEMENTS);
		q = &db->stmts[db->stmt_count];
		if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->handle,
				       NULL) != SQLITE_OK)
			return NULL;
		q->db = db;
		q->sql = sql;
		db->stmt_count++;
	}
	CHECK(!q->busy);
	q->busy = true;
	return q;
}

struct db_stmt *db_query(struct db *db, const char *sql, struct fault *f)
{
	struct db_stmt *q;

	if (db->behind) {
		fault_set(f, FAULT_SYSTEM, "journal: the last commit is still to be done");
		return NULL;
	}
	q = stmt_take(db, sql);
	if (!q)
		db_fail(db, "prepare", f);
	return q;
}

struct db_stmt *db_write(struct db *db, const char *sql)
{
	struct db_stmt *q = stmt_take(db, sql);

	/* our own text against our own schema: only memory or a bug can refuse it */
	if (!q)
		fprintf(stderr, "journal: %s\n", sqlite3_errmsg(db->handle));
	CHECK(q != NULL && !db->writer);
	db->writer = q;
	return q;
}

static void keep_value(const struct db_stmt *q, int at, enum redo_kind kind, int64_t n, const char *bytes)
{
	if (q->db->writer == q)
		redo_value(&q->db->redo, at, kind, n, bytes);
}

void db_bind_text(struct db_stmt *q, int at, const char *s)
{
	if (s)
		db_bind_span(q, at, span_of(s));
	else
		db_bind_null(q, at);
}

void db_bind_span(struct db_stmt *q, int at, struct span s)
{
	int r = sqlite3_bind_text64(q->handle, at, s.p, s.n, SQLITE_TRANSIENT, SQLITE_UTF8);

	CHECK(r == SQLITE_OK);
	if (s.p)
		keep_value(q, at, REDO_TEXT, (int64_t)s.n, s.p);
}

void db_bind_blob(struct db_stmt *q, int at, struct span s)
{
	int r = sqlite3_bind_blob64(q->handle, at, s.p, s.n, SQLITE_TRANSIENT);

	CHECK(r == SQLITE_OK);
	if (s.p)
		keep_value(q, at, REDO_BLOB, (int64_t)s.n, s.p);
}

void db_bind_i64(struct db_stmt *q, int at, int64_t n)
{
	int r = sqlite3_bind_int64(q->handle, at, n);

	CHECK(r == SQLITE_OK);
	keep_value(q, at, REDO_INTEGER, n, NULL);
}

void db_bind_u64(struct db_stmt *q, int at, uint64_t n)
{
	db_bind_i64(q, at, n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

void db_bind_null(struct db_stmt *q, int at)
{
	int r = sqlite3_bind_null(q->handle, at);

	CHECK(r == SQLITE_OK);
}

int db_step(struct db_stmt *q, struct fault *f)
{
	int r = sqlite3_step(q->handle);

	if (r == SQLITE_ROW)
		return 1;
	if (r == SQLITE_DONE)
		return 0;
	return db_fail(q->db, "read", f);
}

void db_done(struct db_stmt *q)
{
	CHECK(q->busy);
	q->busy = false;
	sqlite3_reset(q->handle);
	sqlite3_clear_bindings(q->handle);
}

bool db_is_null(struct db_stmt *q, int at)
{
	return sqlite3_column_type(q->handle, at) == SQLITE_NULL;
}

const char *db_text(struct db_stmt *q, int at)
{
	return (const char *)sqlite3_column_text(q->handle, at);
}

struct span db_span(struct db_stmt *q, int at)
{
	const void *p = sqlite3_column_blob(q->handle, at);

	return (struct span){p, (size_t)sqlite3_column_bytes(q->handle, at)};
}

int64_t db_i64(struct db_stmt *q, int at)
{
	return sqlite3_column_int64(q->handle, at);
}

uint64_t db_u64(struct db_stmt *q, int at)
{
	int64_t n = db_i64(q, at);

	return n < 0 ? 0 : (uint64_t)n;
}

static void check_changed(struct db *db, int want)
{
	CHECK(want < 0 || sqlite3_changes(db->handle) == want);
}

static int bind_value(sqlite3_stmt *handle, const struct redo_value *v)
{
	switch (v->kind) {
	case REDO_INTEGER:
		return sqlite3_bind_int64(handle, v->at, v->n);
	case REDO_TEXT:
		return sqlite3_bind_text64(handle, v->at, v->bytes, (sqlite3_uint64)v->n, SQLITE_TRANSIENT, SQLITE_UTF8);
	case REDO_BLOB:
		return sqlite3_bind_blob64(handle, v->at, v->bytes, (sqlite3_uint64)v->n, SQLITE_TRANSIENT);
	}
	return SQLITE_MISUSE;
}

static int write_again(struct db *db, const struct redo_write *w, struct fault *f)
{
	struct db_stmt *q = w->statement;
	struct redo_value v = {0};
	int r = 0;

	CHECK(!q->busy);
	q->busy = true;
	while (redo_next(&db->redo, w, &v))
		r |= bind_value(q->handle, &v);
	CHECK(r == SQLITE_OK);
	r = sqlite3_step(q->handle) == SQLITE_DONE ? 0 : db_fail(db, "write again", f);
	if (r == 0)
		check_changed(db, w->want);
	db_done(q);
	return r;
}

static int db_begin(struct db *db, struct fault *f)
{
	if (sqlite3_exec(db->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return db_fail(db, "begin", f);
	db->open = true;
	return 0;
}

/* Gives up what SQLite holds; the writes stay in redo. */
static void db_fall_behind(struct db *db)
{
	db->behind = true;
	db->open = false;
	if (!sqlite3_get_autocommit(db->handle))
		(void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

int db_run(struct db_stmt *q, int want, struct fault *f)
{
	struct db *db = q->db;
	int r = 0;

	CHECK(db->writer == q);
	db->writer = NULL;
	redo_add(&db->redo, q, want);
	if (!db->open && !db->behind && db_begin(db, f) < 0)
		db_fall_behind(db);
	if (db->behind)
		goto out;
	if (sqlite3_step(q->handle) == SQLITE_DONE) {
		check_changed(db, want);
		goto out;
	}
	(void)db_fail(db, "write", f);
	/* a broken constraint is a mistake of ours, never a tenant's */
	CHECK((sqlite3_errcode(db->handle) & 0xff) != SQLITE_CONSTRAINT);
	sqlite3_reset(q->handle);
	db_fall_behind(db);
out:
	db_done(q);
	if (durable_broken())
		r = -1;
	else if (db->behind)
		fault_clear(f);
	return r;
}

static int db_replay(struct db *db, struct fault *f)
{
	if (db_begin(db, f) < 0)
		return -1;
	for (size_t i = 0; i < db->redo.len; i++)
		if (write_again(db, &db->redo.writes[i], f) < 0)
			return -1;
	return 0;
}

int db_commit(struct db *db, struct fault *f)
{
	if (!db_dirty(db))
		return 0;
	if (db->behind && db_replay(db, f) < 0) {
		db_fall_behind(db);
		return -1;
	}
	if (sqlite3_exec(db->handle, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
		(void)db_fail(db, "commit", f);
		db_fall_behind(db);
		return -1;
	}
	db->open = false;
	db->behind = false;
	redo_clear(&db->redo);
	if (!durable_broken())
		return 0;
	*f = *durable_cause(); /* of the checkpoint behind it */
	return -1;
}

bool db_dirty(const struct db *db)
{
	return db->redo.len > 0;
}

bool db_behind(const struct db *db)
{
	return db->behind;
}

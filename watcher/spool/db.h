/*
 * db - the journal's SQLite: one connection, prepared statements, writes that survive a failed
 * commit
 *
 * The door of sqlite3 for spool/; used by journal, deliveries, runs, outbox and schema, by nobody
 * outside.
 *
 *	db_open(path, &db, &f)
 *	q = db_query(db, SQL, &f);                    NULL: fault set
 *	db_bind_text(q, 1, s); ...
 *	while ((r = db_step(q, &f)) == 1) db_text(q, 0) ...
 *	db_done(q);                                   always
 *	q = db_write(db, SQL); db_bind_...; db_run(q, 1, &f)     begins the transaction; 1: rows
 *	                                                         it must change, -1: any
 *	db_commit(db, &f)
 *
 * SQL is a string that lives as long as db: its address names the prepared statement.  A statement
 * is used by one caller at a time (CHECK). Text and blobs bound are copied; columns are valid until
 * the next db_step or db_done. db_run keeps the statement's expanded text until the commit, for the
 * next try (journal.h, Failure).  The cache never spills, so that the disk is written by COMMIT
 * alone.
 */
#ifndef SPOOL_DB_H
#define SPOOL_DB_H

#include "watcher/base/fault.h"
#include "watcher/base/span.h"

struct db;
struct db_stmt;

int db_open(const char *path, struct db **out, struct fault *f) MUST_CHECK;
/* For looking only, beside whoever writes; the file must be there. */
int db_open_read(const char *path, struct db **out, struct fault *f) MUST_CHECK;
void db_free(struct db **db);
/* Outside the transaction machinery: schema, pragmas; one or more statements. */
int db_exec(struct db *db, const char *sql, struct fault *f) MUST_CHECK;
/* Of a transaction begun by db_exec; SQLite may have ended it by itself (disk full). */
int db_rollback(struct db *db, struct fault *f) MUST_CHECK;

/* NULL when behind or SQLite fails. */
struct db_stmt *db_query(struct db *db, const char *sql, struct fault *f) MUST_CHECK;
struct db_stmt *db_write(struct db *db, const char *sql);
void db_bind_text(struct db_stmt *q, int at, const char *s); /* NULL: null; at from 1 */
void db_bind_span(struct db_stmt *q, int at, struct span s); /* text */
void db_bind_blob(struct db_stmt *q, int at, struct span s);
void db_bind_i64(struct db_stmt *q, int at, int64_t n);
void db_bind_u64(struct db_stmt *q, int at, uint64_t n); /* over 2^63-1: that */
void db_bind_null(struct db_stmt *q, int at);
int db_step(struct db_stmt *q, struct fault *f) MUST_CHECK; /* 1 a row, 0 the end, -1 */
void db_done(struct db_stmt *q);
int db_run(struct db_stmt *q, int want, struct fault *f) MUST_CHECK; /* db_done is included */

bool db_is_null(struct db_stmt *q, int at);     /* at from 0 */
const char *db_text(struct db_stmt *q, int at); /* NULL: null */
struct span db_span(struct db_stmt *q, int at); /* text or blob */
int64_t db_i64(struct db_stmt *q, int at);
uint64_t db_u64(struct db_stmt *q, int at);

int db_commit(struct db *db, struct fault *f) MUST_CHECK;
bool db_dirty(const struct db *db);
bool db_behind(const struct db *db);

#endif

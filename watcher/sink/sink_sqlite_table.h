/*
 * sink_sqlite_table - the database file of a tenant, and the table of one index in it
 *
 *	sqlite_db_open(folder, &db, &f)          makes folder and file
 *	sqlite_table_open(db, leg, &f)           makes or widens the table: db->table, its insert
 *	sqlite_db_close(&db)
 *
 * One table an index, named by the index: "_id" TEXT key, one typed column for each mapped field,
 * "_extra" TEXT (a JSON object) for all else.  Table _ingest_fields remembers the type each field was
 * mapped with, since SQLite's own types say less: a field whose type changed is FAULT_CONFIG.  In
 * _extra live: unmapped fields, those beyond SQLITE_COLUMNS_MAX, names equal to another's but for
 * case (SQLite takes them for the same), "", "_id" and "_extra".  A field that was mapped once keeps
 * its column.  The table has row numbers: WITHOUT ROWID took a fifth more CPU (measured, 1 M rows).
 *
 * sqlite3.h is included here and nowhere else in sink/: this is its door for sink_sqlite.c and the
 * parts of its helper, _table, _db, _undo and _memory.
 */
#ifndef SINK_SINK_SQLITE_TABLE_H
#define SINK_SINK_SQLITE_TABLE_H

#include "watcher/sink/sink_ops.h"
#include <sqlite3.h>
#include <sys/types.h>

#define SQLITE_COLUMNS_MAX 1000
#define SQLITE_BUSY_MS 60000

/* A field that was mapped once, for this index. */
struct sqlite_field {
	struct mapping_field field; /* own strings */
	bool is_column;
	size_t column; /* from 0, behind _id */
};

struct sqlite_table {
	char *index; /* own; NULL: none is open */
	struct sqlite_field *fields;
	size_t len;
	size_t column_count;
	struct map by_name;   /* name -> struct sqlite_field */
	sqlite3_stmt *insert; /* ?1 _id, ?2.. columns, last _extra */
};

struct sqlite_db {
	sqlite3 *handle;
	char *file; /* own */
	dev_t device;
	ino_t inode;
	sqlite3_stmt *begin, *commit, *rollback;
	struct sqlite_table table;
};

/* Before SQLite's first use in this process; later calls do nothing. */
void sqlite_memory_set_up(void);

int sqlite_db_open(const char *folder, struct sqlite_db **out, struct fault *f) MUST_CHECK;
void sqlite_db_close(struct sqlite_db **db);
/* Is the file that is open still the one of that name? */
bool sqlite_db_there(const struct sqlite_db *db);

int sqlite_table_open(struct sqlite_db *db, const struct sink_leg *leg, struct fault *f) MUST_CHECK;
int sqlite_table_exists(struct sqlite_db *db, const char *index, bool *exists,
			struct fault *f) MUST_CHECK;
const struct sqlite_field *sqlite_table_field(const struct sqlite_table *t, struct span name);

int sqlite_step(struct sqlite_db *db, sqlite3_stmt *statement, const char *what,
		struct fault *f) MUST_CHECK; /* to the end, rows ignored; resets it */
bool sqlite_begun(const struct sqlite_db *db); /* a transaction is open */
int sqlite_begin(struct sqlite_db *db, struct fault *f) MUST_CHECK; /* IMMEDIATE */
int sqlite_commit(struct sqlite_db *db, struct fault *f) MUST_CHECK;
int sqlite_end_group(void *connection, bool keep, struct fault *f) MUST_CHECK; /* sink_ops */
void sqlite_rollback(struct sqlite_db *db); /* nothing when no transaction is open */
int sqlite_prepare(struct sqlite_db *db, const char *sql, sqlite3_stmt **out,
		   struct fault *f) MUST_CHECK;
/* The handle's error as a fault: always -1. */
int sqlite_fault(struct sqlite_db *db, const char *what, struct fault *f);
/* sink_sqlite_undo.c: s is the leg's sink; nothing of it is pending */
int sqlite_remove(struct sqlite_db *db, struct sink *s, uint64_t row, unsigned part,
		  struct fault *f) MUST_CHECK;
int sqlite_undo(struct sqlite_db *db, struct sink *s, uint64_t *deleted, struct fault *f) MUST_CHECK;
int sqlite_count(struct sqlite_db *db, struct sink *s, uint64_t *found, struct fault *f) MUST_CHECK;
void sqlite_add_name(struct strbuf *sb, const char *name); /* quoted identifier */

#endif

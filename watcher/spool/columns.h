/*
 * columns - fields of a struct as columns of a table
 *
 * A table of {column, kind, offset} gives the INSERT, UPDATE and SELECT texts, binds a struct and
 * loads one, so that a field stands in one place.  Column i is parameter i + 1 of the texts and, in
 * a SELECT list, result `from` + i.
 *
 *	columns_insert(&sb, "runs", cols, n)      INSERT INTO runs (...) VALUES (?1, ...)
 *	columns_update(&sb, "runs", cols, n)      UPDATE runs SET ... WHERE <column 0> = ?1
 *	columns_list(&sb, "a", cols, n)           a.x, a.y, ...
 *	columns_bind(q, cols, n, &thing)
 *	columns_load(q, from, cols, n, &thing, &f)     -1: a value unknown here (SYSTEM)
 *
 * Used by journal (arrivals, legs) and runs.  Strings loaded are the struct's own, old ones are
 * freed.
 */
#ifndef SPOOL_COLUMNS_H
#define SPOOL_COLUMNS_H

#include "watcher/base/strbuf.h"
#include "watcher/spool/db.h"

enum column_kind {
	COLUMN_TEXT,  /* char *, NULL = null */
	COLUMN_BYTES, /* the same as a blob */
	COLUMN_FIXED, /* char[size], "" = null */
	COLUMN_U64,
	COLUMN_I64,
	COLUMN_TIME, /* int64_t, 0 = null */
	COLUMN_BOOL,
	COLUMN_NAME, /* an enum by its names */
	COLUMN_MADE, /* made_of's text; written, not loaded */
};

struct column {
	const char *name;
	enum column_kind kind;
	size_t offset;
	size_t size; /* FIXED: bytes; NAME: how many values */
	size_t has;  /* U64, NAME: offset of a bool that says whether it is there; 0 = always */
	const char *(*value_name)(unsigned v);     /* NAME */
	const char *(*made_of)(const void *thing); /* MADE */
};

void columns_insert(struct strbuf *sb, const char *table, const struct column *c, size_t n);
void columns_update(struct strbuf *sb, const char *table, const struct column *c, size_t n);
/* "x = excluded.x, ..." of the columns from `first` on. */
void columns_excluded(struct strbuf *sb, const struct column *c, size_t first, size_t n);
void columns_list(struct strbuf *sb, const char *prefix, const struct column *c, size_t n);
void columns_bind(struct db_stmt *q, const struct column *c, size_t n, const void *thing);
int columns_load(struct db_stmt *q, int from, const struct column *c, size_t n, void *thing,
		 struct fault *f) MUST_CHECK;

#endif

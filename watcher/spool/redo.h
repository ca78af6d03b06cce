/*
 * redo - the writes of the open transaction, kept until its commit; for db.c
 *
 *	redo_value(&r, 1, REDO_TEXT, n, bytes) ...   what is bound, ...
 *	redo_add(&r, statement, want)                ... then the write it was bound for
 *	for each of r.writes: while (redo_next(&r, write, &value)) bind it again
 *	redo_clear(&r)                               committed
 *
 * Statement and values, as they were bound: the text that SQLite makes of both costs as much as the write itself.
 * Ownership: the values are copies in one buffer, which stays; a value's bytes live until the next change.
 */
#ifndef SPOOL_REDO_H
#define SPOOL_REDO_H

#include "watcher/base/strbuf.h"

enum redo_kind { REDO_INTEGER, REDO_TEXT, REDO_BLOB };

/* What is not bound is null, and not here. */
struct redo_value {
	int at;
	enum redo_kind kind;
	int64_t n; /* the number, or how many bytes */
	const char *bytes;
	size_t next; /* redo_next's place; 0 in all: the first */
};

struct redo_write {
	void *statement;
	size_t from, to; /* in values */
	int want;
};

struct redo {
	struct redo_write *writes;
	size_t len, cap;
	struct strbuf values;
	size_t from; /* of the write that gets its values now */
};

void redo_init(struct redo *r);
void redo_release(struct redo *r);
void redo_clear(struct redo *r);
void redo_value(struct redo *r, int at, enum redo_kind kind, int64_t n, const char *bytes);
void redo_add(struct redo *r, void *statement, int want);
bool redo_next(const struct redo *r, const struct redo_write *w, struct redo_value *v);

#endif

/*
 * journal_inner - what the files of the journal share: journal.c, journal_find.c, deliveries.c,
 * runs.c, outbox.c
 *
 * Nobody outside of them includes it.
 */
#ifndef SPOOL_JOURNAL_INNER_H
#define SPOOL_JOURNAL_INNER_H

#include "watcher/spool/db.h"
#include "watcher/spool/journal.h"
#include "watcher/spool/rows.h"

#define JOURNAL_SELECTS 24

/* What the open transaction will have made true: its crash points are passed around the commit. */
enum journal_mark {
	MARK_CHECKPOINT = FILE_STATE_COUNT, /* before it: enum file_state */
	MARK_UNDONE,
	MARK_RUN,
	MARK_COUNT,
};

struct journal_select {
	const char *tail; /* a literal */
	char *text;
};

struct journal {
	struct db *db;
	struct journal_options options;
	struct rows_texts texts;
	struct journal_select selects[JOURNAL_SELECTS];
	size_t select_count;
	unsigned marks; /* bit a journal_mark */
	uint64_t outbox_appended; /* rows, since it was opened */
};

void journal_mark(struct journal *j, unsigned mark);
/* texts.select + tail, kept. */
const char *journal_select(struct journal *j, const char *tail);
/* Each row of such a query to fn; ends q. */
int journal_each(struct db_stmt *q, journal_row_fn *fn, void *ctx, struct fault *f) MUST_CHECK;

#endif

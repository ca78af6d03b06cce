/*
 * rows - struct file_row in the tables arrivals and legs
 *
 * Inside of the journal: journal.c writes with it, journal_find.c reads with it.
 *
 *	rows_texts_init(&t)                     the SQL texts, built once a journal
 *	rows_bind_arrival(q, row)               for t.insert and t.update
 *	rows_bind_leg(q, row)                   for t.leg
 *	rows_load(q, &row, &f)                  of a result of t.select + a tail
 */
#ifndef SPOOL_ROWS_H
#define SPOOL_ROWS_H

#include "watcher/spool/db.h"
#include "watcher/spool/file_row.h"

struct rows_texts {
	char *insert;
	char *update;
	char *leg;    /* insert or update */
	char *select; /* "SELECT ... FROM arrivals a LEFT JOIN legs l ... " */
};

void rows_texts_init(struct rows_texts *t);
void rows_texts_release(struct rows_texts *t);
void rows_bind_arrival(struct db_stmt *q, const struct file_row *r);
void rows_bind_leg(struct db_stmt *q, const struct file_row *r);
int rows_load(struct db_stmt *q, struct file_row *r, struct fault *f) MUST_CHECK;

#endif

/*
 * straight - a record straight to its document's text, where nothing but types stands between them
 *
 *	struct straight *s = straight_new(&job->mapping, names, count)    NULL: the mappings have a type for which there is no such way
 *	if (straight_fits(s, &record))
 *		straight_add(s, &record, &body)                           the text that event_add_json would give
 *	else the record goes by an event, which alone says what is wrong with it
 *	straight_free(&s)
 *
 *	straight_of_marks(&job->mapping, &event, &marks)                  the same for a plan that has a shape (plan.h): event is what it
 *	                                                                  makes of a row whose columns are the marks
 *
 * Fits a record of which every value is already what the document shall have: texts, numbers in JSON's own grammar and surely in
 * range, true and false, dates and addresses that the servers take, nothing.  A value that would be altered, counted or refused
 * does not: +5, 007, 1e3, 1.5 for a whole number.  Only the zeros at the end of a converted float come and go: 5 is 5.0.
 * A column's key is written once, here, into glue that is copied before its value.
 * Ownership: mapping is borrowed, names are copied.  Nothing is allocated a row but the body's growth.
 */
#ifndef WORKER_STRAIGHT_H
#define WORKER_STRAIGHT_H

#include "watcher/base/strbuf.h"
#include "watcher/model/event.h"
#include "watcher/model/mapping.h"
#include "watcher/model/record.h"

struct straight;

/* Columns of a row, each its own digits, as they stood in the bytes of the row. */
struct straight_marks {
	struct span row;
	const struct span *columns;
	size_t count;
	size_t conversions; /* of struct plan_shape, as header */
	struct span header;
};

struct straight *straight_new(const struct mapping *m, const struct span *names, size_t count);
/* NULL: a column's value is not in the document as it is. */
struct straight *straight_of_marks(const struct mapping *m, const struct event *ev, const struct straight_marks *marks);
bool straight_same(const struct straight *a, const struct straight *b);
void straight_free(struct straight **s);
bool straight_fits(const struct straight *s, const struct record *rec);
/* The document's fields, where all of them are values of the row: as many as values; NULL: it has others.  They live as long as s. */
const struct span *straight_names(const struct straight *s, size_t *count);
/* Only a record that fits, and where there are names: their values, of the record and of a. */
void straight_values(const struct straight *s, const struct record *rec, struct arena *a, struct value *out);
/* Only a record that fits. */
void straight_add(const struct straight *s, const struct record *rec, struct strbuf *out);

#endif

/*
 * csv_line - the fields of one row in a field's text, as Ruby's CSV.parse_line reads it
 *
 *	struct csv_line l = {.separator = ..., .quote = '"'};
 *	if (csv_line_split(&l, text, arena, &why))       l.fields, l.count; why: static, when it is malformed
 *	csv_line_release(&l)
 *
 * Strict: a quote inside an unquoted field, text behind a closing quote, a CR or LF outside of quotes that ends no row, and a quote
 * that is not closed are malformed.  The row ends at the first line end outside of quotes; an empty text has no row at all, count 0.
 * Ownership: fields are the line's, good until the next split; texts are the text's, or the arena's where quotes were doubled.
 * Source: Ruby's csv 3.2 (meaning, tried case by case).
 */
#ifndef TRANSFORMS_CSV_LINE_H
#define TRANSFORMS_CSV_LINE_H

#include "watcher/model/record.h"

struct csv_field {
	struct span text;
	bool quoted; /* an empty field without quotes is null, with quotes "" */
};

struct csv_line {
	struct span separator;
	char quote; /* NUL: none */
	struct csv_field *fields;
	size_t count;
	size_t cap;
};

/* Comma and double quote, as the parser's records. */
bool csv_line_is_usual(const struct csv_line *l);
/* The fields that the parser found in rec, the same as of its raw text. */
void csv_line_take(struct csv_line *l, const struct record *rec, struct arena *a);
bool csv_line_split(struct csv_line *l, struct span text, struct arena *a, const char **why);
void csv_line_release(struct csv_line *l);

#endif

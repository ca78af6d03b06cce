/*
 * fields - one csv record into its fields
 *
 *	fields_init(&fs, max_columns)
 *	switch (fields_split(&fs, raw, &at)) ...      fs.items[0..count), good until the next split
 *	fields_release(&fs)
 *
 * raw is a record that the cutter found: every quote that opens a field closes.  Spans point into
 * raw, or, where a doubled quote had to go, into memory of fs.  Memory: max_columns fields at most,
 * and the longest record with doubled quotes.
 */
#ifndef PARSE_FIELDS_H
#define PARSE_FIELDS_H

#include "watcher/base/strbuf.h"
#include "watcher/model/record.h"

enum fields_result {
	FIELDS_OK,
	FIELDS_AFTER_QUOTE, /* *at: the byte behind a closing quote that is no comma */
	FIELDS_TOO_MANY,    /* more than max_columns */
};

struct fields {
	struct field *items; /* own */
	size_t count;
	size_t cap;
	size_t max;
	struct strbuf unquoted;
};

void fields_init(struct fields *fs, size_t max_columns);
/* Room for count fields, at most max. */
void fields_reserve(struct fields *fs, size_t count);
void fields_release(struct fields *fs);
enum fields_result fields_split(struct fields *fs, struct span raw, size_t *at);
/*
 * In which field (from 0) does the byte at `at` lie, and is a quote open there?  raw may be any
 * bytes.
 */
size_t fields_locate(struct span raw, size_t at, bool *in_quotes);

#endif

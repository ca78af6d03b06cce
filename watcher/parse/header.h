/*
 * header - the names of a csv file's fields
 *
 * header_set copies the record: an empty name becomes columnN (N from 1), a name that is taken gets
 * _2, _3, ... until it is free.  All names as written are taken first, so that only repeats change.
 */
#ifndef PARSE_HEADER_H
#define PARSE_HEADER_H

#include "watcher/base/arena.h"
#include "watcher/parse/parser.h"

struct header {
	struct parser_header view;
	struct span *names; /* own; the bytes are the arena's */
	struct arena arena;
};

void header_init(struct header *h);
void header_release(struct header *h);
/* fields NULL: only the raw record. */
void header_set(struct header *h, struct span raw, const struct field *fields, size_t count);

#endif

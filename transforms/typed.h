/*
 * typed - CSV fields to values by the index's mappings, for jobs without filter text
 *
 *	struct typed *t = typed_new(mapping, names, count);     names: the header's, copied; count 0: column1, column2 ...
 *	r = typed_apply(t, fields, n, &event, &coercions, &column, &why);     -1: the row is a reject
 *
 * A value that is a JSON number of the mapped family passes through as its text.  One that must be changed loses nothing silently:
 * `007` becomes 7, `1.9` for an integer 1 and is counted.  What does not fit is a reject.  An empty unquoted field is null, an
 * empty quoted one "".  Ranges: Elasticsearch reference, "Numeric field types".
 */
#ifndef TRANSFORMS_TYPED_H
#define TRANSFORMS_TYPED_H

#include "watcher/model/coercions.h"
#include "watcher/model/event.h"
#include "watcher/model/mapping.h"
#include "watcher/model/record.h"

struct typed;

struct typed *typed_new(const struct mapping *m, const struct span *names, size_t count);
void typed_free(struct typed **t);
/* error: column and text are set on -1; coercions may be NULL (not counted). */
int typed_apply(struct typed *t, const struct field *fields, size_t n, struct event *ev,
		struct coercions *c, struct row_error *error) MUST_CHECK;

#endif

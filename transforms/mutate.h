/*
 * mutate - what the parts of the mutate filter share; only filter_mutate.c and mutate_*.c include it
 *
 * Each operation runs over its fields in the order of the text.  It returns 0, or -1 behind mutate_fail: the first failure ends the
 * whole filter, and what was changed before it stays changed.
 */
#ifndef TRANSFORMS_MUTATE_H
#define TRANSFORMS_MUTATE_H

#include "transforms/filter.h"

/* One replacement of gsub. */
struct gsub {
	const struct ref *ref;
	struct regex *regex;		/* constant, or the last one that the template gave (then own) */
	const struct template *pattern; /* NULL: constant */
	size_t at;			/* of the pattern in the filter's text */
	struct strbuf last;		/* the text of that regex */
	const struct template *by;
};

/* What a pair of convert makes of a value. */
struct conversion_type {
	enum { TO_STRING, TO_BOOLEAN, TO_INTEGER, TO_FLOAT } kind;
	bool eu; /* decimal commas */
};

struct mutate {
	struct option_hash coerce, rename, update, replace, convert, split, join, merge, copy;
	struct option_list gsub, uppercase, capitalize, lowercase, strip;
	struct option_item tag;

	const char *failure; /* tag, NUL-terminated */
	bool lenient;
	struct conversion_type *types; /* of convert's pairs; the plan's arena */
	struct gsub *gsubs;
	size_t gsub_count;
	struct strbuf text; /* being made; kept from row to row */
};

struct mutation {
	struct mutate *mutate;
	struct filter_run *run;
	struct event *ev;
};

int mutate_fail(const struct mutation *m, const struct ref *ref, const struct value *value,
		const char *fmt, ...) PRINTF_LIKE(4, 5);
int mutate_set(const struct mutation *m, const struct ref *ref, struct value v) MUST_CHECK;

/* mutate_convert.c */
void mutate_convert_init(struct mutate *m, struct compile *c);
int mutate_convert(const struct mutation *m) MUST_CHECK;

/* mutate_text.c */
int mutate_uppercase(const struct mutation *m) MUST_CHECK;
int mutate_capitalize(const struct mutation *m) MUST_CHECK;
int mutate_lowercase(const struct mutation *m) MUST_CHECK;
int mutate_strip(const struct mutation *m) MUST_CHECK;
int mutate_split(const struct mutation *m) MUST_CHECK;
int mutate_join(const struct mutation *m) MUST_CHECK;

/* mutate_gsub.c */
int mutate_gsub_init(struct mutate *m, struct compile *c) MUST_CHECK;
void mutate_gsub_release(struct mutate *m);
int mutate_gsub(const struct mutation *m) MUST_CHECK;

#endif

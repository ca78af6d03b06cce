/*
 * options - the settings of a filter: one table each, from which checks, coercions, suggestions, help and reference come
 *
 *	struct mine { struct option_item source; struct option_list columns; bool skip; double size; struct option_hash convert; };
 *
 *	static const struct option mine_options[] = {
 *		{"source", OPTION_STRING, ITEM_FIELD, .offset = offsetof(struct mine, source), .otherwise = "message",
 *		 .says = "the field to read"},
 *		{"convert", OPTION_HASH, ITEM_TEXT, .key = ITEM_FIELD, .offset = ..., .words = convert_words, .says = "..."},
 *	};
 *
 * The core fills the filter's zeroed struct before its init, by Logstash's coercions: a scalar for a list is a list of one; a
 * flat list for a hash is its pairs; a number may stand as a string; a boolean is true or false alone; a setting that repeats
 * is merged; `${VAR}` is put in.  What is not in the table is an error with the nearest name.  Absent: `otherwise`, else all
 * zero (set == false).
 * What an item's text is compiled to:
 *	ITEM_TEXT      text alone
 *	ITEM_FIELD     ref: a field reference, checked; no `%{}` in it
 *	ITEM_PLACE     ref, or template where the name has `%{}` in it: option_place() tells the ref for an event
 *	ITEM_TEMPLATE  template
 *	ITEM_REGEX     regex (kept and freed by the plan)
 * Ownership: all is the plan's.
 */
#ifndef TRANSFORMS_OPTIONS_H
#define TRANSFORMS_OPTIONS_H

#include "transforms/ref.h"
#include "transforms/regex.h"
#include "transforms/template.h"

enum option_type {
	OPTION_STRING,  /* struct option_item */
	OPTION_NUMBER,  /* double */
	OPTION_BOOLEAN, /* bool */
	OPTION_LIST,    /* struct option_list */
	OPTION_HASH,    /* struct option_hash */
};

enum item_kind { ITEM_TEXT, ITEM_FIELD, ITEM_PLACE, ITEM_TEMPLATE, ITEM_REGEX };

enum option_flags {
	OPTION_REQUIRED = 1,
	OPTION_NOT_BUILT = 2, /* known, refused by name */
	OPTION_IGNORED = 4,   /* known, means nothing here (enable_metric): checked and left */
};

struct option_item {
	struct span text;
	size_t at; /* place in the filter text, for compile_error */
	bool set;
	const struct ref *ref;
	const struct template *template;
	struct regex *regex;
};

struct option_list {
	const struct option_item *items;
	size_t count;
	bool set;
};

struct option_pair {
	struct option_item key;
	struct option_list values; /* a scalar is a list of one */
};

struct option_hash {
	const struct option_pair *pairs; /* in the order of the text */
	size_t count;
	bool set;
};

struct option {
	const char *name;
	enum option_type type;
	enum item_kind item; /* a string, a list's elements, a hash's values */
	enum item_kind key;  /* a hash's keys */
	unsigned flags;
	size_t offset;
	const char *otherwise;    /* default, as text; booleans "true", lists have none */
	const char *const *words; /* what a string, an element or a hash's value may be; NULL-terminated */
	const char *says;
};

/* The field an ITEM_PLACE means for this event; NULL: what its template gave is no reference. */
const struct ref *option_place(const struct option_item *item, struct event *ev, int64_t now_ms);

#endif

/*
 * values - what filters do with a value whatever its type
 *
 * Copies and texts are in the arena given.  Texts are those of a Ruby to_s where filters meet them: a number's digits, true
 * and false, "" for null, a time in RFC 3339, JSON for a map; an array is its elements' texts joined by commas.
 */
#ifndef TRANSFORMS_VALUES_H
#define TRANSFORMS_VALUES_H

#include "watcher/model/event.h"

const char *value_type_name(enum value_type t); /* "null", "boolean", "integer", "float", "string", ... */
struct span value_text(const struct value *v, struct arena *a);
struct value value_copy(const struct value *v, struct arena *a); /* deep; strings are shared */
/* Equal by type and content; integers and floats by their value: 1 == 1.0. */
bool value_equal(const struct value *a, const struct value *b);
/* -1, 0, 1; false: the two cannot be ordered. */
bool value_compare(const struct value *a, const struct value *b, int *order);
struct value value_int(int64_t n, struct arena *a);
struct value value_array(struct arena *a); /* empty, to be filled by value_array_add(v.u.array, ...) */
struct value value_map(struct arena *a);
static inline struct value value_bool(bool b)
{
	return (struct value){.type = VALUE_BOOL, .u = {.boolean = b}};
}
static inline struct value value_time(int64_t ms)
{
	return (struct value){.type = VALUE_TIME, .u = {.time_ms = ms}};
}
static inline struct value value_null(void)
{
	return (struct value){.type = VALUE_NULL};
}

/* A deep copy with the arena of ev. */
struct event *event_copy(const struct event *ev);
/* What `tags` takes: null, a text, a list of texts. */
bool value_is_tags(const struct value *v);
/* Event#tag: once each; a string that is there becomes a list. */
void event_tag(struct event *ev, struct span tag);
bool event_has_tag(const struct event *ev, struct span tag);

#endif

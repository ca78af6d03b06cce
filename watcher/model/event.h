/*
 * event - one row on its way to a document: fields in order, metadata, whether it was dropped
 *
 *	struct event ev;
 *	event_init(&ev, arena);                         all memory of an event is its arena's
 *	event_append(&ev, name, value);                 the caller knows that the name is new
 *	event_set(&ev, name, value);                    replaces or appends
 *	v = event_get(&ev, name);                       NULL: not there; a value of type VALUE_NULL: there and null
 *	event_remove(&ev, name);
 *
 * Numbers are JSON text (VALUE_INT, VALUE_FLOAT) and stay text: what passes through is never converted.  VALUE_INT has no
 * fraction and no exponent and may be of any length.  Strings are valid UTF-8.  A name may be any valid UTF-8.
 * Maps keep insertion order and find names by a hash once they are large; append is O(1).
 * Ownership: spans point into the arena, the row's window, or the plan; they live until the arena is reset.
 */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include "watcher/base/arena.h"
#include "watcher/base/strbuf.h"

enum value_type {
	VALUE_NULL,
	VALUE_BOOL,
	VALUE_INT,
	VALUE_FLOAT,
	VALUE_STRING,
	VALUE_TIME, /* milliseconds since 1970 UTC */
	VALUE_ARRAY,
	VALUE_MAP,
};

struct value_array;
struct value_map;

struct value {
	enum value_type type;
	union {
		bool boolean;
		int64_t time_ms;
		struct span text; /* INT, FLOAT, STRING */
		struct value_array *array;
		struct value_map *map;
	} u;
};

struct value_array {
	struct value *items;
	size_t len;
	size_t cap;
};

struct value_entry {
	struct span name;
	struct value value;
};

struct value_map {
	struct value_entry *entries; /* in insertion order */
	size_t len;
	size_t cap;
	uint32_t *slots; /* hash index, NULL while small */
	size_t slot_count;
};

#define EVENT_MESSAGE SPAN_LITERAL("message")

struct event {
	struct arena *arena;
	struct value_map fields;   /* what becomes the document */
	struct value_map metadata; /* [@metadata][...]: never output */
	bool cancelled;            /* by drop */
	bool message_set;          /* a filter has set `message`: it is data, and no longer the row itself */
	int64_t now_ms;            /* what @timestamp is while no field of that name is set */
};

void event_init(struct event *ev, struct arena *arena);
struct value *event_get(const struct event *ev, struct span name);
struct value *event_set(struct event *ev, struct span name, struct value v);
struct value *event_append(struct event *ev, struct span name, struct value v);
bool event_remove(struct event *ev, struct span name);

void value_map_init(struct value_map *m);
struct value *value_map_get(const struct value_map *m, struct span name);
struct value *value_map_set(struct value_map *m, struct arena *a, struct span name, struct value v);
struct value *value_map_append(struct value_map *m, struct arena *a, struct span name, struct value v);
bool value_map_remove(struct value_map *m, struct span name);
void value_array_add(struct value_array *va, struct arena *a, struct value v);

static inline struct value value_string(struct span s)
{
	return (struct value){.type = VALUE_STRING, .u = {.text = s}};
}

/* JSON text of a value; a time as a string with milliseconds and Z. */
void value_add_json(struct strbuf *sb, const struct value *v);
/* The document: the event's fields as one JSON object. */
void event_add_json(struct strbuf *sb, const struct event *ev);

#endif

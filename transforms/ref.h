/*
 * ref - a field reference, compiled once: `name`, `[a][b]`, `[list][-1]`, `[@metadata][x]`
 *
 *	ref_compile(text, arena, &ref, &why, &offset)     -1: why is a sentence, offset the byte at fault
 *	v = ref_get(ref, ev);                             NULL: not there; VALUE_NULL: there and null
 *	ref_set(ref, ev, value, &why)                     makes the maps on the way; -1: something else is in the way
 *	ref_remove(ref, ev, &was)                         true: it was there
 *
 * An element that is an integer indexes an array (negative: from its end) and names a key of a map.  `@timestamp` takes
 * times only.  Illegal are: an empty element, brackets that do not match, text outside brackets once there is one.
 * Ownership: text and elements are the arena's.  Source: Logstash's FieldReference (strict) and Accessors, meaning only.
 */
#ifndef TRANSFORMS_REF_H
#define TRANSFORMS_REF_H

#include "watcher/model/event.h"

struct ref_element {
	struct span name;
	int64_t index;
	bool is_index; /* name is an integer */
};

struct ref {
	struct span text;  /* as written */
	struct span shown; /* for messages and coercions: a bare name without its brackets */
	bool metadata;     /* below [@metadata]; elements are those behind it, perhaps none */
	bool timestamp;    /* @timestamp itself */
	bool tags;	   /* the event's tags, or below them */
	bool version;      /* @version itself */
	bool message;      /* message, or below it */
	size_t count;
	struct ref_element *elements;
};

int ref_compile(struct span text, struct arena *a, const struct ref **out, const char **why,
		size_t *offset) MUST_CHECK;
struct value *ref_get(const struct ref *r, const struct event *ev);
int ref_set(const struct ref *r, struct event *ev, struct value v, const char **why) MUST_CHECK;
/* Another value in the place that ref_get found; false: not a plain field of the event, ref_set has to look at it. */
bool ref_replace(const struct ref *r, struct event *ev, struct value *found, struct value v);
bool ref_remove(const struct ref *r, struct event *ev, struct value *was);
/* A reference to one top-level field. */
const struct ref *ref_of_name(struct span name, struct arena *a);

#endif

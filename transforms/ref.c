/*
 * ref - a field reference, compiled once; see the header
 *
 * Called by the compiler for constant names and by options for those that a template gives.  Walks are plain loops; what stands in
 * the way of a set is said, never overwritten.
 */
#include "watcher/base/base.h"
#include "transforms/ref.h"
#include "transforms/values.h"

#define METADATA SPAN_LITERAL("@metadata")
#define TIMESTAMP SPAN_LITERAL("@timestamp")
#define VERSION SPAN_LITERAL("@version")
#define TAGS SPAN_LITERAL("tags")
#define ELEMENTS 32
#define ARRAY_GROWTH 10000 /* an index so far behind an array's end is a mistake */

static int refuse(const char **why, size_t *offset, size_t at, const char *text)
{
	*why = text;
	*offset = at;
	return -1;
}

static void take_index(struct ref_element *e)
{
	size_t i = e->name.n && e->name.p[0] == '-' ? 1 : 0, from = i;
	int64_t n = 0;

	while (i < e->name.n && i - from < 9 && e->name.p[i] >= '0' && e->name.p[i] <= '9')
		n = n * 10 + (e->name.p[i++] - '0');
	e->is_index = i > from && i == e->name.n;
	e->index = from ? -n : n;
}

/* The elements of `[a][b]`; -1: illegal. */
static int split(struct span text, struct ref_element *elements, size_t *count, const char **why,
		 size_t *offset)
{
	for (size_t i = 0; i < text.n;) {
		size_t from = i + 1;

		if (text.p[i] != '[')
			return refuse(why, offset, i, "text outside of the brackets");
		for (i = from; i < text.n && text.p[i] != ']'; i++)
			if (text.p[i] == '[')
				return refuse(why, offset, i, "a [ within brackets");
		if (i == text.n)
			return refuse(why, offset, from - 1, "a [ without its ]");
		if (i == from)
			return refuse(why, offset, from - 1, "empty brackets");
		if (*count == ELEMENTS)
			return refuse(why, offset, from - 1, "more than 32 elements");
		elements[(*count)++].name = (struct span){text.p + from, i - from};
		i++;
	}
	return 0;
}

static void finish(struct ref *r, struct arena *a, const struct ref_element *elements, size_t count)
{
	r->metadata = span_equal(elements[0].name, METADATA);
	if (r->metadata) {
		elements++;
		count--;
	}
	r->count = count;
	r->elements = arena_alloc(a, (count ? count : 1) * sizeof(*elements));
	for (size_t i = 0; i < count; i++) {
		r->elements[i].name = arena_span(a, elements[i].name);
		take_index(&r->elements[i]);
	}
	r->timestamp = !r->metadata && count == 1 && span_equal(r->elements[0].name, TIMESTAMP);
	r->tags = !r->metadata && count && span_equal(r->elements[0].name, TAGS);
	r->message = !r->metadata && count && span_equal(r->elements[0].name, EVENT_MESSAGE);
	r->version = !r->metadata && count == 1 && span_equal(r->elements[0].name, VERSION);
	r->shown = !r->metadata && count == 1 ? r->elements[0].name : r->text;
}

int ref_compile(struct span text, struct arena *a, const struct ref **out, const char **why,
		size_t *offset)
{
	struct ref_element elements[ELEMENTS];
	struct ref *r;
	size_t count = 0;

	if (!text.n)
		return refuse(why, offset, 0, "an empty name");
	if (text.p[0] == '[') {
		if (split(text, elements, &count, why, offset) < 0)
			return -1;
	} else {
		for (size_t i = 0; i < text.n; i++)
			if (text.p[i] == '[' || text.p[i] == ']')
				return refuse(why, offset, i, "a bracket within a name");
		elements[0].name = text;
		count = 1;
	}
	r = arena_zalloc(a, sizeof(*r));
	r->text = arena_span(a, text);
	finish(r, a, elements, count);
	*out = r;
	return 0;
}

const struct ref *ref_of_name(struct span name, struct arena *a)
{
	struct ref_element one = {.name = name};
	struct ref *r = arena_zalloc(a, sizeof(*r));

	r->text = arena_span(a, name);
	finish(r, a, &one, 1);
	return r;
}

/* --- walking --- */

static struct value *item_of(struct value_array *va, const struct ref_element *e)
{
	int64_t i = e->index < 0 ? (int64_t)va->len + e->index : e->index;

	if (!e->is_index || i < 0 || (size_t)i >= va->len)
		return NULL;
	return &va->items[i];
}

static struct value *child_of(const struct value *v, const struct ref_element *e)
{
	if (v->type == VALUE_MAP)
		return value_map_get(v->u.map, e->name);
	return v->type == VALUE_ARRAY ? item_of(v->u.array, e) : NULL;
}

static struct value root_of(const struct ref *r, const struct event *ev)
{
	const struct value_map *m = r->metadata ? &ev->metadata : &ev->fields;

	return (struct value){.type = VALUE_MAP, .u = {.map = (struct value_map *)(uintptr_t)m}};
}

/* The container that holds the last element; type NULL: not there. */
static struct value parent_of(const struct ref *r, const struct event *ev)
{
	struct value v = root_of(r, ev), *child;

	for (size_t i = 0; i + 1 < r->count; i++) {
		child = child_of(&v, &r->elements[i]);
		if (!child)
			return (struct value){.type = VALUE_NULL};
		v = *child;
	}
	return v;
}

/* Logstash gives every event a @timestamp and the @version "1".  Here they can be read, and are stored only when the text sets them. */
static struct value *implied(const struct ref *r, const struct event *ev)
{
	struct value *v;

	if (!r->timestamp && !r->version)
		return NULL;
	v = arena_alloc(ev->arena, sizeof(*v));
	*v = r->timestamp ? (struct value){.type = VALUE_TIME, .u = {.time_ms = ev->now_ms}}
			  : value_string(SPAN_LITERAL("1"));
	return v;
}

struct value *ref_get(const struct ref *r, const struct event *ev)
{
	struct value v, *found;

	if (!r->count) {
		struct value *all = arena_alloc(ev->arena, sizeof(*all));

		*all = root_of(r, ev);
		return all;
	}
	if (r->count == 1) {
		found = value_map_get(r->metadata ? &ev->metadata : &ev->fields, r->elements[0].name);
		return found ? found : implied(r, ev);
	}
	v = parent_of(r, ev);
	return child_of(&v, &r->elements[r->count - 1]);
}

/* Puts v under e; NULL: the container has no such place. */
static struct value *put(struct value *container, const struct ref_element *e, struct value v,
			 struct arena *a, const char **why)
{
	struct value_array *va;
	struct value *item;

	if (container->type == VALUE_MAP)
		return value_map_set(container->u.map, a, e->name, v);
	if (container->type != VALUE_ARRAY) {
		*why = "a value that is no map stands in the way";
		return NULL;
	}
	va = container->u.array;
	if (!e->is_index || (e->index < 0 && (size_t)-e->index > va->len) ||
	    e->index > (int64_t)va->len + ARRAY_GROWTH) {
		*why = "an array stands in the way, and this is no index of it";
		return NULL;
	}
	item = item_of(va, e);
	if (item) {
		*item = v;
		return item;
	}
	while ((int64_t)va->len < e->index)
		value_array_add(va, a, value_null());
	value_array_add(va, a, v);
	return &va->items[va->len - 1];
}

int ref_set(const struct ref *r, struct event *ev, struct value v, const char **why)
{
	struct value container = root_of(r, ev), *child;

	if (r->timestamp && v.type != VALUE_TIME) {
		*why = "@timestamp takes a time only";
		return -1;
	}
	if (r->tags && (r->count > 1 || !value_is_tags(&v))) {
		*why = "tags takes a text or a list of texts only";
		return -1;
	}
	if (!r->count) {
		if (v.type != VALUE_MAP) {
			*why = "@metadata takes a map only";
			return -1;
		}
		ev->metadata = *v.u.map;
		return 0;
	}
	for (size_t i = 0; i + 1 < r->count; i++) {
		child = child_of(&container, &r->elements[i]);
		if (!child || child->type == VALUE_NULL)
			child = put(&container, &r->elements[i], value_map(ev->arena), ev->arena, why);
		if (!child)
			return -1;
		container = *child;
	}
	if (!put(&container, &r->elements[r->count - 1], v, ev->arena, why))
		return -1;
	ev->message_set = ev->message_set || r->message;
	return 0;
}

bool ref_replace(const struct ref *r, struct event *ev, struct value *found, struct value v)
{
	if (r->count != 1 || r->timestamp || r->tags || r->version)
		return false;
	*found = v;
	ev->message_set = ev->message_set || r->message;
	return true;
}

bool ref_remove(const struct ref *r, struct event *ev, struct value *was)
{
	const struct ref_element *last;
	struct value container, *child;
	struct value_array *va;

	if (!r->count) {
		bool any = ev->metadata.len > 0;

		if (was)
			*was = (struct value){.type = VALUE_NULL};
		value_map_init(&ev->metadata);
		return any;
	}
	last = &r->elements[r->count - 1];
	container = parent_of(r, ev);
	child = child_of(&container, last);
	if (!child && was && (child = implied(r, ev))) {
		*was = *child;
		return true;
	}
	if (!child)
		return false;
	if (was)
		*was = *child;
	if (container.type == VALUE_MAP)
		return value_map_remove(container.u.map, last->name);
	va = container.u.array;
	va->len--;
	memmove(child, child + 1, (size_t)(va->items + va->len - child) * sizeof(*child));
	return true;
}

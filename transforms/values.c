/*
 * values - what filters do with a value whatever its type; see the header
 *
 * Called by templates, conditions and filters.  Copies and texts are the arena's; nothing can fail.
 */
#include "watcher/base/base.h"
#include "transforms/values.h"
#include "watcher/base/clock.h"
#include "watcher/base/json_out.h"

#define TAGS SPAN_LITERAL("tags")
#define NUMBER_ROOM 128

const char *value_type_name(enum value_type t)
{
	static const char *const names[] = {
		[VALUE_NULL] = "null",     [VALUE_BOOL] = "boolean",  [VALUE_INT] = "integer",
		[VALUE_FLOAT] = "float",   [VALUE_STRING] = "string", [VALUE_TIME] = "time",
		[VALUE_ARRAY] = "array",   [VALUE_MAP] = "map",
	};

	CHECK((size_t)t < ARRAY_LEN(names));
	return names[t];
}

static struct span json_text(const struct value *v, struct arena *a)
{
	struct strbuf sb = STRBUF_INIT;
	struct span out;

	value_add_json(&sb, v);
	out = arena_span(a, strbuf_span(&sb));
	strbuf_release(&sb);
	return out;
}

/* The elements' texts with commas between them: one copy, sized first. */
static struct span joined(const struct value_array *va, struct arena *a)
{
	struct span *parts = arena_alloc(a, (va->len ? va->len : 1) * sizeof(*parts));
	size_t n = va->len ? va->len - 1 : 0;
	char *text, *to;

	for (size_t i = 0; i < va->len; i++) {
		parts[i] = value_text(&va->items[i], a);
		n += parts[i].n;
	}
	text = to = arena_alloc(a, n + 1);
	for (size_t i = 0; i < va->len; i++) {
		if (i)
			*to++ = ',';
		if (parts[i].n)
			memcpy(to, parts[i].p, parts[i].n);
		to += parts[i].n;
	}
	*to = '\0';
	return (struct span){text, n};
}

struct span value_text(const struct value *v, struct arena *a)
{
	char time[CLOCK_TEXT];

	switch (v->type) {
	case VALUE_NULL:
		return SPAN_LITERAL("");
	case VALUE_BOOL:
		return v->u.boolean ? SPAN_LITERAL("true") : SPAN_LITERAL("false");
	case VALUE_INT:
	case VALUE_FLOAT:
	case VALUE_STRING:
		return v->u.text;
	case VALUE_TIME:
		clock_format(v->u.time_ms, time);
		return arena_span(a, span_of(time));
	case VALUE_ARRAY:
		return joined(v->u.array, a);
	case VALUE_MAP:
		return json_text(v, a);
	}
	CHECK(!"a value's type");
	return SPAN_NONE;
}

struct value value_array(struct arena *a)
{
	return (struct value){.type = VALUE_ARRAY,
			      .u = {.array = arena_zalloc(a, sizeof(struct value_array))}};
}

struct value value_map(struct arena *a)
{
	return (struct value){.type = VALUE_MAP, .u = {.map = arena_zalloc(a, sizeof(struct value_map))}};
}

struct value value_int(int64_t n, struct arena *a)
{
	return (struct value){.type = VALUE_INT, .u = {.text = arena_printf(a, "%lld", (long long)n)}};
}

static void copy_map(struct value_map *to, const struct value_map *from, struct arena *a)
{
	value_map_init(to);
	for (size_t i = 0; i < from->len; i++)
		value_map_append(to, a, from->entries[i].name,
				 value_copy(&from->entries[i].value, a));
}

struct value value_copy(const struct value *v, struct arena *a)
{
	struct value out;

	if (v->type == VALUE_ARRAY) {
		out = value_array(a);
		for (size_t i = 0; i < v->u.array->len; i++)
			value_array_add(out.u.array, a, value_copy(&v->u.array->items[i], a));
		return out;
	}
	if (v->type == VALUE_MAP) {
		out = value_map(a);
		copy_map(out.u.map, v->u.map, a);
		return out;
	}
	return *v;
}

struct event *event_copy(const struct event *ev)
{
	struct event *copy = arena_zalloc(ev->arena, sizeof(*copy));

	event_init(copy, ev->arena);
	copy_map(&copy->fields, &ev->fields, ev->arena);
	copy_map(&copy->metadata, &ev->metadata, ev->arena);
	copy->message_set = ev->message_set;
	return copy;
}

/* --- comparing --- */

#define EXACT_DIGITS 15 /* of a decimal that a double holds exactly, as it does tens[] */

/*
 * The doubles that s lies between, most often one and the same: a decimal of up to EXACT_DIGITS digits and places is its digits by a
 * power of ten, rounded once.  Of a longer fraction the digits behind count as none and as one more.  false: written otherwise.
 */
static bool bounds(struct span s, double *low, double *high)
{
	static const double tens[] = {1e0,  1e1,  1e2,	1e3,  1e4,  1e5,  1e6,	1e7,
				      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	bool minus = s.n && s.p[0] == '-', point = false, cut = false;
	int64_t digits = 0;
	size_t count = 0, places = 0;

	for (size_t i = minus; i < s.n; i++) {
		if (s.p[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		cut = cut || count == EXACT_DIGITS;
		if (cut && !point)
			return false;
		if (cut)
			continue;
		digits = digits * 10 + (s.p[i] - '0');
		count++;
		places += point;
	}
	*low = (double)digits / tens[places];
	*high = cut ? (double)(digits + 1) / tens[places] : *low;
	if (minus) {
		double least = -*high;

		*high = -*low;
		*low = least;
	}
	return count > 0;
}

static double number_of(struct span s)
{
	char room[NUMBER_ROOM], *text = room;
	double d;

	/* longer than any number of a sane file: the heap may have it */
	if (s.n >= sizeof(room))
		text = xmalloc(s.n + 1);
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	d = strtod(text, NULL);
	if (text != room)
		free(text);
	return d;
}

/* Integers of any length, by their digits. */
static int order_integers(struct span a, struct span b)
{
	bool minus_a = a.n && a.p[0] == '-', minus_b = b.n && b.p[0] == '-';
	int order;

	if (minus_a != minus_b)
		return minus_a ? -1 : 1;
	if (a.n != b.n)
		order = a.n < b.n ? -1 : 1;
	else
		order = memcmp(a.p, b.p, a.n);
	order = order < 0 ? -1 : order > 0;
	return minus_a ? -order : order;
}

static bool is_number(const struct value *v)
{
	return v->type == VALUE_INT || v->type == VALUE_FLOAT;
}

static int order_of(double a, double b)
{
	return a < b ? -1 : a > b;
}

/* As doubles. */
static int order_numbers(struct span a, struct span b)
{
	double a_low, a_high, b_low, b_high;

	if (bounds(a, &a_low, &a_high) && bounds(b, &b_low, &b_high)) {
		if (a_high < b_low || a_low > b_high)
			return a_high < b_low ? -1 : 1;
		if (a_low == a_high && b_low == b_high)
			return 0;
	}
	return order_of(number_of(a), number_of(b));
}

bool value_compare(const struct value *a, const struct value *b, int *order)
{
	size_t n;
	int r;

	if (a->type == VALUE_INT && b->type == VALUE_INT) {
		*order = order_integers(a->u.text, b->u.text);
		return true;
	}
	if (is_number(a) && is_number(b)) {
		*order = order_numbers(a->u.text, b->u.text);
		return true;
	}
	if (a->type == VALUE_TIME && b->type == VALUE_TIME) {
		*order = a->u.time_ms < b->u.time_ms ? -1 : a->u.time_ms > b->u.time_ms;
		return true;
	}
	if (a->type != VALUE_STRING || b->type != VALUE_STRING)
		return false;
	n = a->u.text.n < b->u.text.n ? a->u.text.n : b->u.text.n;
	r = n ? memcmp(a->u.text.p, b->u.text.p, n) : 0;
	if (r == 0)
		r = a->u.text.n < b->u.text.n ? -1 : a->u.text.n > b->u.text.n;
	*order = r < 0 ? -1 : r > 0;
	return true;
}

static bool maps_equal(const struct value_map *a, const struct value_map *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++) {
		const struct value *other = value_map_get(b, a->entries[i].name);

		if (!other || !value_equal(&a->entries[i].value, other))
			return false;
	}
	return true;
}

bool value_equal(const struct value *a, const struct value *b)
{
	int order;

	if (is_number(a) && is_number(b))
		return value_compare(a, b, &order) && order == 0;
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case VALUE_NULL:
		return true;
	case VALUE_BOOL:
		return a->u.boolean == b->u.boolean;
	case VALUE_INT:
	case VALUE_FLOAT:
	case VALUE_STRING:
		return span_equal(a->u.text, b->u.text);
	case VALUE_TIME:
		return a->u.time_ms == b->u.time_ms;
	case VALUE_ARRAY:
		if (a->u.array->len != b->u.array->len)
			return false;
		for (size_t i = 0; i < a->u.array->len; i++)
			if (!value_equal(&a->u.array->items[i], &b->u.array->items[i]))
				return false;
		return true;
	case VALUE_MAP:
		return maps_equal(a->u.map, b->u.map);
	}
	CHECK(!"a value's type");
	return false;
}

/* --- tags --- */

bool value_is_tags(const struct value *v)
{
	if (v->type == VALUE_NULL || v->type == VALUE_STRING)
		return true;
	for (size_t i = 0; v->type == VALUE_ARRAY && i < v->u.array->len; i++)
		if (v->u.array->items[i].type != VALUE_STRING)
			return false;
	return v->type == VALUE_ARRAY;
}

static bool array_has(const struct value_array *va, struct span text)
{
	for (size_t i = 0; i < va->len; i++)
		if (va->items[i].type == VALUE_STRING && span_equal(va->items[i].u.text, text))
			return true;
	return false;
}

bool event_has_tag(const struct event *ev, struct span tag)
{
	const struct value *tags = event_get(ev, TAGS);

	if (!tags)
		return false;
	if (tags->type == VALUE_STRING)
		return span_equal(tags->u.text, tag);
	return tags->type == VALUE_ARRAY && array_has(tags->u.array, tag);
}

void event_tag(struct event *ev, struct span tag)
{
	struct value *tags = event_get(ev, TAGS);
	struct value list;

	if (event_has_tag(ev, tag))
		return;
	if (tags && tags->type == VALUE_ARRAY) {
		value_array_add(tags->u.array, ev->arena, value_string(tag));
		return;
	}
	list = value_array(ev->arena);
	if (tags && tags->type == VALUE_STRING)
		value_array_add(list.u.array, ev->arena, *tags);
	value_array_add(list.u.array, ev->arena, value_string(tag));
	event_set(ev, TAGS, list);
}

/*
 * event - one row on its way to a document; see the header
 *
 * Called by transforms, worker and sinks.  A map is a dense array with a hash index beside it once it has more than SMALL
 * entries; removal keeps the order and rebuilds the index, since removing is rare and rows are short.
 */
#include "watcher/base/base.h"
#include "watcher/model/event.h"
#include "watcher/base/clock.h"
#include "watcher/base/json_out.h"
#include "watcher/base/map.h"

#define SMALL 16

void value_map_init(struct value_map *m)
{
	memset(m, 0, sizeof(*m));
}

static void index_put(struct value_map *m, size_t entry)
{
	size_t mask = m->slot_count - 1;
	size_t i = (size_t)map_hash(m->entries[entry].name) & mask;

	while (m->slots[i])
		i = (i + 1) & mask;
	m->slots[i] = (uint32_t)entry + 1;
}

static void index_rebuild(struct value_map *m)
{
	memset(m->slots, 0, m->slot_count * sizeof(*m->slots));
	for (size_t i = 0; i < m->len; i++)
		index_put(m, i);
}

/* Makes the index, twice as large as the entries' room; called only when a name is looked for. */
static void index_make(struct value_map *m, struct arena *a)
{
	size_t count = 64;

	while (count < m->cap * 2)
		count *= 2;
	m->slots = arena_alloc(a, count * sizeof(*m->slots));
	m->slot_count = count;
	index_rebuild(m);
}

static size_t find(const struct value_map *m, struct span name)
{
	size_t mask = m->slot_count - 1;

	if (!m->slots) {
		for (size_t i = 0; i < m->len; i++)
			if (span_equal(m->entries[i].name, name))
				return i;
		return SIZE_MAX;
	}
	for (size_t i = (size_t)map_hash(name) & mask; m->slots[i]; i = (i + 1) & mask)
		if (span_equal(m->entries[m->slots[i] - 1].name, name))
			return m->slots[i] - 1;
	return SIZE_MAX;
}

struct value *value_map_get(const struct value_map *m, struct span name)
{
	size_t i = find(m, name);

	return i == SIZE_MAX ? NULL : &m->entries[i].value;
}

struct value *value_map_append(struct value_map *m, struct arena *a, struct span name, struct value v)
{
	if (m->len == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : SMALL;
		struct value_entry *more = arena_alloc(a, cap * sizeof(*more));

		if (m->len)
			memcpy(more, m->entries, m->len * sizeof(*more));
		m->entries = more;
		m->cap = cap;
		m->slots = NULL;
	}
	m->entries[m->len] = (struct value_entry){name, v};
	if (m->slots)
		index_put(m, m->len);
	return &m->entries[m->len++].value;
}

struct value *value_map_set(struct value_map *m, struct arena *a, struct span name, struct value v)
{
	struct value *old;

	if (!m->slots && m->len > SMALL)
		index_make(m, a);
	old = value_map_get(m, name);
	if (!old)
		return value_map_append(m, a, name, v);
	*old = v;
	return old;
}

bool value_map_remove(struct value_map *m, struct span name)
{
	size_t i = find(m, name);

	if (i == SIZE_MAX)
		return false;
	memmove(m->entries + i, m->entries + i + 1, (m->len - i - 1) * sizeof(*m->entries));
	m->len--;
	if (m->slots)
		index_rebuild(m);
	return true;
}

void value_array_add(struct value_array *va, struct arena *a, struct value v)
{
	if (va->len == va->cap) {
		size_t cap = va->cap ? va->cap * 2 : 4;
		struct value *more = arena_alloc(a, cap * sizeof(*more));

		if (va->len)
			memcpy(more, va->items, va->len * sizeof(*more));
		va->items = more;
		va->cap = cap;
	}
	va->items[va->len++] = v;
}

void event_init(struct event *ev, struct arena *arena)
{
	ev->arena = arena;
	ev->cancelled = false;
	ev->message_set = false;
	ev->now_ms = 0;
	value_map_init(&ev->fields);
	value_map_init(&ev->metadata);
}

struct value *event_get(const struct event *ev, struct span name)
{
	return value_map_get(&ev->fields, name);
}

struct value *event_set(struct event *ev, struct span name, struct value v)
{
	ev->message_set = ev->message_set || span_equal(name, EVENT_MESSAGE);
	return value_map_set(&ev->fields, ev->arena, name, v);
}

struct value *event_append(struct event *ev, struct span name, struct value v)
{
	return value_map_append(&ev->fields, ev->arena, name, v);
}

bool event_remove(struct event *ev, struct span name)
{
	return value_map_remove(&ev->fields, name);
}

static void add_map(struct strbuf *sb, const struct value_map *m)
{
	strbuf_addc(sb, '{');
	for (size_t i = 0; i < m->len; i++) {
		if (i)
			strbuf_addc(sb, ',');
		json_add_string(sb, m->entries[i].name);
		strbuf_addc(sb, ':');
		value_add_json(sb, &m->entries[i].value);
	}
	strbuf_addc(sb, '}');
}

void value_add_json(struct strbuf *sb, const struct value *v)
{
	char time[CLOCK_TEXT];

	switch (v->type) {
	case VALUE_NULL:
		strbuf_adds(sb, "null");
		break;
	case VALUE_BOOL:
		strbuf_adds(sb, v->u.boolean ? "true" : "false");
		break;
	case VALUE_INT:
	case VALUE_FLOAT:
		strbuf_addspan(sb, v->u.text);
		break;
	case VALUE_STRING:
		json_add_string(sb, v->u.text);
		break;
	case VALUE_TIME:
		clock_format(v->u.time_ms, time);
		json_add_string(sb, span_of(time));
		break;
	case VALUE_ARRAY:
		strbuf_addc(sb, '[');
		for (size_t i = 0; i < v->u.array->len; i++) {
			if (i)
				strbuf_addc(sb, ',');
			value_add_json(sb, &v->u.array->items[i]);
		}
		strbuf_addc(sb, ']');
		break;
	case VALUE_MAP:
		add_map(sb, v->u.map);
		break;
	}
}

void event_add_json(struct strbuf *sb, const struct event *ev)
{
	add_map(sb, &ev->fields);
}

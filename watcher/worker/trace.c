/*
 * trace - what each filter did to an event; see the header
 *
 * Called by apply, and by the plan through the watch.
 */
#include "watcher/base/base.h"
#include "watcher/worker/trace.h"
#include "watcher/base/json_out.h"
#include "transforms/values.h"

#define SHOWN 300

static struct value_map copy_of(struct trace *t, const struct value_map *m)
{
	struct value v = {.type = VALUE_MAP, .u = {.map = (struct value_map *)(uintptr_t)m}};

	return *value_copy(&v, &t->arena).u.map;
}

static void add_value(struct trace *t, const struct value *v)
{
	size_t from = t->text.n;

	value_add_json(&t->text, v);
	if (t->text.n - from > SHOWN) {
		strbuf_cut(&t->text, from + SHOWN);
		strbuf_adds(&t->text, "...");
	}
}

static void add_line(struct trace *t, char sign, const char *where, struct span name, const struct value *was,
		     const struct value *is)
{
	strbuf_addf(&t->text, "      %c %s", sign, where);
	json_add_string(&t->text, name);
	strbuf_adds(&t->text, ": ");
	if (was)
		add_value(t, was);
	if (was && is)
		strbuf_adds(&t->text, " -> ");
	if (is)
		add_value(t, is);
	strbuf_addc(&t->text, '\n');
}

static void diff(struct trace *t, const char *where, const struct value_map *was, const struct value_map *is)
{
	for (size_t i = 0; i < was->len; i++)
		if (!value_map_get(is, was->entries[i].name))
			add_line(t, '-', where, was->entries[i].name, &was->entries[i].value, NULL);
	for (size_t i = 0; i < is->len; i++) {
		const struct value *v = &is->entries[i].value;
		const struct value *old = value_map_get(was, is->entries[i].name);

		if (!old)
			add_line(t, '+', where, is->entries[i].name, NULL, v);
		else if (old->type != v->type || !value_equal(old, v))
			add_line(t, '~', where, is->entries[i].name, old, v);
	}
}

static void flush(struct trace *t)
{
	fwrite(t->text.p, 1, t->text.n, t->out);
	strbuf_reset(&t->text);
}

/* The place of an event's copy; made empty when the event is new. */
static size_t place_of(struct trace *t, const struct event *ev)
{
	size_t i = 0;

	while (i < t->count && t->seen[i].event != ev)
		i++;
	if (i == t->count && i < TRACE_EVENTS) {
		t->seen[i].event = ev;
		value_map_init(&t->seen[i].fields);
		value_map_init(&t->seen[i].metadata);
		t->count++;
	}
	return i;
}

static void on_filter(void *context, const char *name, const char *id, size_t line, const struct event *ev,
		      const char *outcome)
{
	struct trace *t = context;
	size_t i = place_of(t, ev);

	strbuf_addf(&t->text, "  line %zu %s%s%s: %s\n", line, name, id ? " " : "", id ? id : "", outcome);
	if (i < TRACE_EVENTS && !ev->cancelled) {
		diff(t, "", &t->seen[i].fields, &ev->fields);
		diff(t, "[@metadata] ", &t->seen[i].metadata, &ev->metadata);
		t->seen[i].fields = copy_of(t, &ev->fields);
		t->seen[i].metadata = copy_of(t, &ev->metadata);
	}
	flush(t);
}

static void on_condition(void *context, size_t line, bool met)
{
	struct trace *t = context;

	strbuf_addf(&t->text, "  line %zu if: %s\n", line, met ? "met" : "not met");
	flush(t);
}

void trace_init(struct trace *t)
{
	memset(t, 0, sizeof(*t));
	t->watch = (struct plan_watch){on_filter, on_condition, t};
	arena_init(&t->arena, 64 * 1024);
	strbuf_init(&t->text);
	t->out = stderr;
}

void trace_release(struct trace *t)
{
	arena_release(&t->arena);
	strbuf_release(&t->text);
}

void trace_row(struct trace *t, uint64_t row, const struct event *ev)
{
	size_t i;

	arena_reset(&t->arena);
	t->count = 0;
	i = place_of(t, ev);
	t->seen[i].fields = copy_of(t, &ev->fields);
	t->seen[i].metadata = copy_of(t, &ev->metadata);
	strbuf_addf(&t->text, "row %llu: ", (unsigned long long)row);
	event_add_json(&t->text, ev);
	strbuf_addc(&t->text, '\n');
	flush(t);
}

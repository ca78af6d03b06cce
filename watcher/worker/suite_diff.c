/*
 * suite_diff - expected against come; see the header
 *
 * Called by suite for each event.  A difference is told at the innermost field that has one.
 */
#include "watcher/base/base.h"
#include "watcher/worker/suite_diff.h"
#include "transforms/values.h"
#include "watcher/worker/json_event.h"

static bool compare(const char *path, const struct value *want, const struct value *got, struct strbuf *text);

static void say(struct strbuf *text, char sign, const char *path, const struct value *v)
{
	strbuf_addf(text, "      %c %s: ", sign, path);
	value_add_json(text, v);
	strbuf_addc(text, '\n');
}

static bool maps(const char *path, const struct value_map *want, const struct value_map *got,
		 struct strbuf *text)
{
	bool same = true;

	for (size_t i = 0; i < want->len; i++) {
		const struct value_entry *e = &want->entries[i];
		char *inner = xasprintf("%s[%.*s]", path, SPAN_FMT(e->name));

		same &= compare(inner, &e->value, value_map_get(got, e->name), text);
		free(inner);
	}
	for (size_t i = 0; i < got->len; i++) {
		const struct value_entry *e = &got->entries[i];
		char *inner = xasprintf("%s[%.*s]", path, SPAN_FMT(e->name));

		if (!value_map_get(want, e->name))
			same = compare(inner, NULL, &e->value, text);
		free(inner);
	}
	return same;
}

static bool arrays(const char *path, const struct value_array *want, const struct value_array *got,
		   struct strbuf *text)
{
	size_t n = want->len > got->len ? want->len : got->len;
	bool same = true;

	for (size_t i = 0; i < n; i++) {
		char *inner = xasprintf("%s[%zu]", path, i);

		same &= compare(inner, i < want->len ? &want->items[i] : NULL,
				i < got->len ? &got->items[i] : NULL, text);
		free(inner);
	}
	return same;
}

static bool times(const struct value *want, const struct value *got)
{
	int64_t ms;

	if (want->type == VALUE_STRING && got->type == VALUE_TIME)
		return json_event_time(want->u.text, &ms) && ms == got->u.time_ms;
	return want->type == VALUE_TIME && got->type == VALUE_STRING && times(got, want);
}

/* NULL: not there on that side. */
static bool compare(const char *path, const struct value *want, const struct value *got, struct strbuf *text)
{
	if (want && got) {
		if (want->type == VALUE_MAP && got->type == VALUE_MAP)
			return maps(path, want->u.map, got->u.map, text);
		if (want->type == VALUE_ARRAY && got->type == VALUE_ARRAY)
			return arrays(path, want->u.array, got->u.array, text);
		if (value_equal(want, got) || times(want, got))
			return true;
	}
	if (want)
		say(text, '-', path, want);
	if (got)
		say(text, '+', path, got);
	return false;
}

bool suite_diff(struct event *want, struct event *got, const struct ref *const *ignore, size_t count,
		struct strbuf *text)
{
	for (size_t i = 0; i < count; i++) {
		ref_remove(ignore[i], want, NULL);
		ref_remove(ignore[i], got, NULL);
	}
	return maps("", &want->fields, &got->fields, text);
}

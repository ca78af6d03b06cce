/*
 * filter_json - one field's JSON text as fields
 *
 * Without a target the text must be an object, whose keys are set as field references.  An empty text is null, as Logstash's reader has it.
 * `@timestamp` of the text is the event's when it reads as ISO 8601; else the event takes the present moment, the tag
 * _timestampparsefailure, and the original in `_@timestamp`.
 * Source: logstash-filter-json 3.2.1 (meaning).
 */
#include "watcher/base/base.h"
#include "transforms/date_pattern.h"
#include "transforms/failure.h"
#include "transforms/json_value.h"

#define BAD_TIME "_timestampparsefailure"

struct json {
	struct option_item source, target, ecs;
	struct option_list tags;
	bool skip;

	struct failure failure;
	const struct ref *timestamp;
	struct zones zones;
	const struct zone *utc;
};

static const char *const ecs_words[] = {"disabled", "v1", "v8", NULL};

static const struct option options[] = {
	{"source", OPTION_STRING, ITEM_FIELD, .flags = OPTION_REQUIRED, .offset = offsetof(struct json, source),
	 .says = "the field whose text is JSON"},
	{"target", OPTION_STRING, ITEM_FIELD, .offset = offsetof(struct json, target),
	 .says = "a field for the value; not set: the object's keys become fields of the event"},
	{"skip_on_invalid_json", OPTION_BOOLEAN, .offset = offsetof(struct json, skip), .otherwise = "false",
	 .says = "a text that is no JSON is left alone and is no failure"},
	{"tag_on_failure", OPTION_LIST, ITEM_TEXT, .offset = offsetof(struct json, tags),
	 .says = "tags of an event whose text is no JSON; _jsonparsefailure when not set"},
	{"ecs_compatibility", OPTION_STRING, ITEM_TEXT, .offset = offsetof(struct json, ecs), .words = ecs_words,
	 .says = "disabled, v1 or v8: v1 and v8 warn where no target is set; the fields are the same with each"},
};

static int json_init(void *self, struct compile *c)
{
	struct json *j = self;

	failure_init(&j->failure, c, &j->tags, "_jsonparsefailure");
	compile_warn_ecs(c, &j->ecs, &j->target);
	zones_init(&j->zones, NULL);
	j->utc = zones_get(&j->zones, SPAN_LITERAL("UTC"));
	j->timestamp = compile_ref(c, SPAN_LITERAL("@timestamp"), 0);
	return j->timestamp ? 0 : -1;
}

static void json_release(void *self)
{
	zones_release(&((struct json *)self)->zones);
}

/* --- run --- */

static bool is_blank(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr(" \t\r\n\f\v", s.p[i]) || !s.p[i])
			return false;
	return true;
}

static bool read_time(const struct json *j, const struct value *v, int64_t *ms)
{
	struct date_fields f;
	const char *why;

	return v->type == VALUE_STRING && date_iso_parse(v->u.text, &f) &&
	       date_moment(&f, 1970, j->utc, ms, &why);
}

static bool set_timestamp(const struct json *j, struct filter_run *run, struct event *ev,
			  const struct value *v)
{
	const char *why;
	int64_t ms;
	bool ok;

	if (v->type == VALUE_NULL || (v->type == VALUE_BOOL && !v->u.boolean))
		return true;
	ok = read_time(j, v, &ms);
	if (ref_set(j->timestamp, ev, value_time(ok ? ms : filter_now(run)), &why) < 0)
		return false;
	if (ok)
		return true;
	event_set(ev, SPAN_LITERAL("_@timestamp"), value_string(value_text(v, ev->arena)));
	filter_warn_tag(run, ev, BAD_TIME, SPAN_LITERAL("@timestamp"), v, "it is no time of ISO 8601");
	return true;
}

/* A key is a field reference; one without brackets or @ is a name and needs no compiling, but tags, which takes not every value. */
static bool set_key(struct event *ev, struct span key, struct value v, const char **why)
{
	const struct ref *ref;
	size_t at;

	if (key.n && key.p[0] != '@' && !span_is(key, "tags") && !memchr(key.p, '[', key.n) && !memchr(key.p, ']', key.n)) {
		event_set(ev, key, v);
		return true;
	}
	return ref_compile(key, ev->arena, &ref, why, &at) == 0 && ref_set(ref, ev, v, why) == 0;
}

static enum filter_result set_keys(const struct json *j, struct filter_run *run, struct event *ev,
				   const struct value *source, const struct value_map *m)
{
	const struct value *time = value_map_get(m, SPAN_LITERAL("@timestamp"));
	struct value whole = *source;
	const char *why = NULL;

	for (size_t i = 0; i < m->len; i++) {
		struct span key = m->entries[i].name;

		if (!span_is(key, "@timestamp") && !set_key(ev, key, m->entries[i].value, &why))
			return failure_of(&j->failure, run, ev, j->source.ref->shown, &whole,
					  "key \"%.*s\": %s", (int)(key.n < 80 ? key.n : 80), key.p, why);
	}
	if (time && !set_timestamp(j, run, ev, time))
		return failure_of(&j->failure, run, ev, j->source.ref->shown, &whole,
				  "@timestamp cannot be set");
	return FILTER_DONE;
}

static enum filter_result bad_text(const struct json *j, struct filter_run *run, struct event *ev,
				   const struct value *v, const char *why, size_t at)
{
	if (j->skip)
		return FILTER_LEFT;
	return failure_of(&j->failure, run, ev, j->source.ref->shown, v, "it is no JSON: byte %zu: %s", at + 1,
			  why);
}

static enum filter_result json_run(void *self, struct filter_run *run, struct event *ev)
{
	struct json *j = self;
	const struct value *source = ref_get(j->source.ref, ev);
	struct value v = value_null();
	const char *why = NULL;
	size_t at = 0;

	if (!source || source->type == VALUE_NULL || (source->type == VALUE_BOOL && !source->u.boolean))
		return FILTER_LEFT;
	if (source->type != VALUE_STRING)
		return bad_text(j, run, ev, source, "it is no text", 0);
	if (!is_blank(source->u.text) && !json_value_read(source->u.text, ev->arena, &v, &why, &at))
		return bad_text(j, run, ev, source, why, at);
	if (!j->target.set) {
		if (v.type == VALUE_MAP)
			return set_keys(j, run, ev, source, v.u.map);
		return failure_of(&j->failure, run, ev, j->source.ref->shown, source,
				  "it is no object; another value needs a target");
	}
	if (ref_set(j->target.ref, ev, v, &why) < 0)
		return failure_of(&j->failure, run, ev, j->source.ref->shown, source, "target: %s", why);
	return FILTER_DONE;
}

static enum filter_result json_undecorated(void *self, struct filter_run *run, struct event *ev,
					   struct span field, const char *why)
{
	return failure_of(&((const struct json *)self)->failure, run, ev, field, NULL, "%s", why);
}

const struct filter_type filter_json = {
	.name = "json",
	.says = "reads a field's JSON text into fields",
	.size = sizeof(struct json),
	.options = options,
	.option_count = ARRAY_LEN(options),
	.init = json_init,
	.run = json_run,
	.undecorated = json_undecorated,
	.release = json_release,
};

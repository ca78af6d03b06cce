/*
 * suite - test cases of a filter, run and compared; see the header
 *
 * Called by main for --test.  A file of cases is read as an event is, so that numbers keep their text; all of it lives in one arena.
 */
#include "watcher/base/base.h"
#include "watcher/worker/suite.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "transforms/values.h"
#include "watcher/worker/chosen.h"
#include "watcher/worker/json_event.h"
#include "watcher/worker/suite_diff.h"
#include "watcher/worker/suite_report.h"

#define FILE_MAX (16 * 1024 * 1024)
#define IGNORED 64
#define EXIT_REFUSED 2

struct suite {
	const char *file;
	size_t number; /* of the case being run; 0: none yet */
	struct plan *plan;
	struct arena arena;
	struct event root;   /* the file */
	bool json_lines;
	const struct ref *ignore[IGNORED];
	size_t ignore_count;
	struct value_array got; /* maps: the events that came */
	struct strbuf diff;
	struct suite_report *report;
};

static int refuse(const struct suite *s, const char *what)
{
	if (s->number)
		fprintf(stderr, "%s: case %zu: %s\n", s->file, s->number, what);
	else
		fprintf(stderr, "%s: %s\n", s->file, what);
	return -1;
}

static const struct value *member(const struct value_map *m, const char *name, enum value_type type)
{
	const struct value *v = value_map_get(m, span_of(name));

	return v && v->type == type ? v : NULL;
}

static int add_ignore(struct suite *s, struct span text)
{
	const char *why;
	size_t offset;

	if (s->ignore_count == IGNORED)
		return refuse(s, "more than 64 ignored fields");
	if (ref_compile(text, &s->arena, &s->ignore[s->ignore_count], &why, &offset) < 0)
		return refuse(s, "ignore: a name is no field reference");
	s->ignore_count++;
	return 0;
}

static int read_head(struct suite *s)
{
	const struct value *ignore = member(&s->root.fields, "ignore", VALUE_ARRAY);
	const struct value *codec = member(&s->root.fields, "codec", VALUE_STRING);

	if (codec && span_is(codec->u.text, "json_lines"))
		s->json_lines = true;
	else if (codec && !span_is(codec->u.text, "line") && !span_is(codec->u.text, "plain"))
		return refuse(s, "codec is line, plain or json_lines");
	if (add_ignore(s, SPAN_LITERAL("@version")) < 0)
		return -1;
	for (size_t i = 0; ignore && i < ignore->u.array->len; i++)
		if (ignore->u.array->items[i].type != VALUE_STRING ||
		    add_ignore(s, ignore->u.array->items[i].u.text) < 0)
			return -1;
	return 0;
}

/* --- one case --- */

static int set_fields(struct suite *s, const struct value_map *from, struct event *ev)
{
	const struct value *fields = member(from, "fields", VALUE_MAP);

	for (size_t i = 0; fields && i < fields->u.map->len; i++) {
		const struct value_entry *e = &fields->u.map->entries[i];
		struct value v = value_copy(&e->value, &s->arena);
		const struct ref *ref;
		const char *why;
		size_t offset;
		int64_t ms;

		if (ref_compile(e->name, &s->arena, &ref, &why, &offset) < 0)
			return refuse(s, "fields: a name is no field reference");
		if (ref->timestamp && v.type == VALUE_STRING && json_event_time(v.u.text, &ms))
			v = value_time(ms);
		if (ref_set(ref, ev, v, &why) < 0)
			return refuse(s, why);
	}
	return 0;
}

static int run_event(struct suite *s, const struct value_map *test, const struct value *line)
{
	struct event *ev = arena_zalloc(&s->arena, sizeof(*ev));
	struct fault f = FAULT_INIT;
	struct plan_result result;

	event_init(ev, &s->arena);
	if (line && line->type != VALUE_STRING)
		return refuse(s, "input is a list of strings");
	if (line && s->json_lines && json_event_read(line->u.text, ev, &f) < 0)
		return refuse(s, f.text);
	if (line && !s->json_lines)
		event_append(ev, SPAN_LITERAL("message"), *line);
	if (set_fields(s, &s->root.fields, ev) < 0 ||
	    (test != &s->root.fields && set_fields(s, test, ev) < 0))
		return -1;
	plan_run(s->plan, ev, NULL, clock_now_ms(), &result);
	if (result.refusal)
		strbuf_addf(&s->diff, "      the row is refused: %s\n", result.refusal->text);
	for (size_t i = 0; i < result.count; i++)
		value_array_add(&s->got, &s->arena,
				(struct value){.type = VALUE_MAP, .u = {.map = &result.events[i]->fields}});
	return 0;
}

static void as_event(struct suite *s, const struct value *v, struct event *ev)
{
	event_init(ev, &s->arena);
	ev->fields = *v->u.map;
}

static void compare_event(struct suite *s, size_t i, const struct value *want, const struct value *got)
{
	struct strbuf text = STRBUF_INIT;
	struct event a, b;

	event_init(&a, &s->arena);
	event_init(&b, &s->arena);
	if (want)
		as_event(s, want, &a);
	if (got)
		as_event(s, got, &b);
	if (!suite_diff(&a, &b, s->ignore, s->ignore_count, &text) || !want || !got)
		strbuf_addf(&s->diff, "    event %zu%s\n%s", i + 1,
			    !want ? ", which is not expected" : !got ? ", which did not come" : "", text.p);
	strbuf_release(&text);
}

static int run_case(struct suite *s, const struct value_map *test)
{
	const struct value *input = member(test, "input", VALUE_ARRAY);
	const struct value *expected = member(test, "expected", VALUE_ARRAY);
	const struct value *description = member(test, "description", VALUE_STRING);
	size_t n;

	s->number++;
	if (!expected)
		return refuse(s, "a case needs expected, a list of events");
	s->got = (struct value_array){0};
	strbuf_reset(&s->diff);
	plan_begin(s->plan);
	if (!input && run_event(s, test, NULL) < 0)
		return -1;
	for (size_t i = 0; input && i < input->u.array->len; i++)
		if (run_event(s, test, &input->u.array->items[i]) < 0)
			return -1;
	n = expected->u.array->len > s->got.len ? expected->u.array->len : s->got.len;
	for (size_t i = 0; i < n; i++) {
		const struct value *want = i < expected->u.array->len ? &expected->u.array->items[i] : NULL;

		if (want && want->type != VALUE_MAP)
			return refuse(s, "expected is a list of objects");
		compare_event(s, i, want, i < s->got.len ? &s->got.items[i] : NULL);
	}
	suite_report_add(s->report, s->file, s->number, description ? description->u.text : SPAN_NONE,
			 strbuf_span(&s->diff));
	return 0;
}

static int run_cases(struct suite *s)
{
	const struct value *cases = member(&s->root.fields, "testcases", VALUE_ARRAY);

	if (member(&s->root.fields, "expected", VALUE_ARRAY) && run_case(s, &s->root.fields) < 0)
		return -1;
	for (size_t i = 0; cases && i < cases->u.array->len; i++) {
		if (cases->u.array->items[i].type != VALUE_MAP)
			return refuse(s, "testcases is a list of objects");
		if (run_case(s, cases->u.array->items[i].u.map) < 0)
			return -1;
	}
	return s->number ? 0 : refuse(s, "has no testcases");
}

/* --- one file --- */

/* NAME.conf beside NAME.json or NAME.test.json. */
static char *filter_beside(const char *file)
{
	struct span name = span_of(file);

	if (span_ends(name, SPAN_LITERAL(".json")))
		name.n -= strlen(".json");
	if (span_ends(name, SPAN_LITERAL(".test")))
		name.n -= strlen(".test");
	return xasprintf("%.*s.conf", SPAN_FMT(name));
}

static int choose(struct chosen *c, const struct suite_options *o, const char *file)
{
	char *beside = filter_beside(file);
	struct strbuf said = STRBUF_INIT;
	int r;

	if (o->job)
		r = chosen_job(c, o->config, o->tenant, o->job, &said);
	else
		r = chosen_file(c, o->filter_file ? o->filter_file : beside, &said);
	if (r == 0 && !chosen_plan(c)) {
		strbuf_adds(&said, "the job has no filter text\n");
		r = -1;
	}
	fputs(said.p, stderr);
	strbuf_release(&said);
	free(beside);
	return r;
}

static bool is_yaml(const char *file)
{
	return span_ends(span_of(file), SPAN_LITERAL(".yaml")) || span_ends(span_of(file), SPAN_LITERAL(".yml"));
}

static int read_file(struct suite *s, struct strbuf *text)
{
	struct fault f = FAULT_INIT;

	if (fs_read_argument(s->file, FILE_MAX, text, &f) < 0)
		return refuse(s, f.text);
	event_init(&s->root, &s->arena);
	if (json_event_read_file(strbuf_span(text), s->file, &s->root, &f) == 0)
		return 0;
	fprintf(stderr, "%s\n", f.text);
	if (is_yaml(s->file))
		fprintf(stderr, "%s: test cases are JSON here, not YAML; convert them: yq -o json . %s > %.*sjson\n",
			s->file, s->file, (int)(strrchr(s->file, '.') - s->file + 1), s->file);
	return -1;
}

static int run_file(struct suite *s, const struct suite_options *o)
{
	struct strbuf text = STRBUF_INIT;
	struct chosen chosen = {0};
	int r = read_file(s, &text);

	if (r == 0)
		r = choose(&chosen, o, s->file);
	s->plan = chosen_plan(&chosen);
	if (r == 0)
		r = read_head(s);
	if (r == 0)
		r = run_cases(s);
	chosen_release(&chosen);
	strbuf_release(&text);
	return r;
}

int suite_run(const struct suite_options *o, char **files)
{
	struct suite_report report = {.json = o->json, .cases = STRBUF_INIT, .xml = STRBUF_INIT};
	struct fault f = FAULT_INIT;
	bool refused = false;

	for (; *files; files++) {
		struct suite s = {.file = *files, .diff = STRBUF_INIT, .report = &report};

		arena_init(&s.arena, 64 * 1024);
		refused |= run_file(&s, o) < 0;
		arena_release(&s.arena);
		strbuf_release(&s.diff);
	}
	if (suite_report_end(&report, o->junit, &f) < 0) {
		fprintf(stderr, "ingest-worker: %s\n", f.text);
		refused = true;
	}
	return refused ? EXIT_REFUSED : report.failed ? 1 : 0;
}

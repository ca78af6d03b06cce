/*
 * filter_csv - one field's text as a row of CSV, its columns as fields
 *
 * A column's name that begins with `[` is a field reference, whether given or found in a header (3.0.6 and later).
 * Source: logstash-filter-csv 3.1.1 (meaning).  A number that a conversion does not read stays the text it was.  Fewer or more
 * columns than `columns` names are no failure; they are counted as ragged.
 */
#include "watcher/base/base.h"
#include "transforms/csv_convert.h"
#include "transforms/csv_line.h"
#include "transforms/filter.h"
#include "transforms/plan.h"
#include "watcher/base/nearest.h"

#define FAILED "_csvparsefailure"
#define EMPTY "_csvskippedemptyfield"

struct column {
	struct span name;
	const struct ref *ref; /* with target, or of a name that is a reference; or NULL: a field of the event */
	enum csv_type type;
};

struct csv {
	struct option_item source;
	struct option_list columns;
	struct option_item separator;
	struct option_item quote_char;
	struct option_item target;
	bool autogenerate;
	bool autodetect;
	bool skip_header;
	bool skip_empty_columns;
	bool skip_empty_rows;
	struct option_hash convert;
	struct option_item ecs;

	struct span prefix; /* "[target]" */
	struct column *names;
	size_t count;
	size_t given;	   /* of columns: what autodetect found is not */
	bool fresh;	   /* names are distinct and none is the source: an event of the source alone takes them unlooked */
	struct arena found; /* names that autodetect took from the first row */
	struct csv_line line;
	struct zones zones;
	const struct zone *local;
};

/* In the order of the types behind CSV_STRING. */
static const char *const convert_words[] = {"integer", "float", "boolean", "date", "date_time"};
static const char *const ecs_words[] = {"disabled", "v1", "v8", NULL};

static const struct option options[] = {
	{"source", OPTION_STRING, ITEM_FIELD, .offset = offsetof(struct csv, source),
	 .otherwise = "message", .says = "the field whose text is the row"},
	{"columns", OPTION_LIST, ITEM_TEXT, .offset = offsetof(struct csv, columns),
	 .says = "names of the columns, in order"},
	{"separator", OPTION_STRING, ITEM_TEXT, .offset = offsetof(struct csv, separator),
	 .otherwise = ",", .says = "what stands between two columns"},
	{"quote_char", OPTION_STRING, ITEM_TEXT, .offset = offsetof(struct csv, quote_char),
	 .otherwise = "\"", .says = "the quote; \"\\x00\" for none"},
	{"target", OPTION_STRING, ITEM_TEXT, .offset = offsetof(struct csv, target),
	 .says = "a field to put the columns in, instead of the event itself"},
	{"autogenerate_column_names", OPTION_BOOLEAN, .offset = offsetof(struct csv, autogenerate),
	 .otherwise = "true", .says = "name columns without a name column1, column2 ...; false: leave them out"},
	{"autodetect_column_names", OPTION_BOOLEAN, .offset = offsetof(struct csv, autodetect),
	 .otherwise = "false", .says = "the first row names the columns and is dropped"},
	{"skip_header", OPTION_BOOLEAN, .offset = offsetof(struct csv, skip_header),
	 .otherwise = "false", .says = "drop a row that is the columns' names"},
	{"skip_empty_columns", OPTION_BOOLEAN, .offset = offsetof(struct csv, skip_empty_columns),
	 .otherwise = "false", .says = "set no field for an empty column"},
	{"skip_empty_rows", OPTION_BOOLEAN, .offset = offsetof(struct csv, skip_empty_rows),
	 .otherwise = "false", .says = "an empty text is tagged " EMPTY " and is no failure"},
	{"convert", OPTION_HASH, ITEM_TEXT, .key = ITEM_TEXT, .offset = offsetof(struct csv, convert),
	 .says = "types of columns: integer, float, boolean, date, date_time"},
	{"ecs_compatibility", OPTION_STRING, ITEM_TEXT, .offset = offsetof(struct csv, ecs), .words = ecs_words,
	 .says = "disabled, v1 or v8: v1 and v8 warn where no target is set; the fields are the same with each"},
};

/* --- init --- */

static bool is_reference(struct span name)
{
	return name.n && name.p[0] == '[';
}

/* A name that takes any value; tags and @timestamp do not. */
static bool is_plain(struct span name)
{
	return !is_reference(name) && !span_is(name, "tags") && !span_is(name, "@timestamp");
}

/* Where a column goes, as the text of a reference: other names hold no brackets. */
static struct span place_of(const struct csv *f, struct span name, struct arena *a)
{
	if (is_reference(name))
		return arena_printf(a, "%.*s%.*s", SPAN_FMT(f->prefix), SPAN_FMT(name));
	return arena_printf(a, "%.*s[%.*s]", SPAN_FMT(f->prefix), SPAN_FMT(name));
}

static enum csv_type type_of(const struct csv *f, struct span name)
{
	for (size_t i = 0; i < f->convert.count; i++) {
		const struct option_pair *p = &f->convert.pairs[i];

		if (!span_equal(p->key.text, name) || !p->values.count)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(convert_words); k++)
			if (span_is(p->values.items[0].text, convert_words[k]))
				return (enum csv_type)(CSV_INTEGER + k);
	}
	return CSV_STRING;
}

static void find_fresh(struct csv *f)
{
	f->fresh = !f->prefix.n && f->source.ref;
	for (size_t i = 0; i < f->count && f->fresh; i++) {
		if (span_equal(f->names[i].name, f->source.ref->shown) || !is_plain(f->names[i].name))
			f->fresh = false;
		for (size_t k = 0; k < i && f->fresh; k++)
			f->fresh = !span_equal(f->names[i].name, f->names[k].name);
	}
}

static int check_convert(const struct option_pair *p, struct compile *c)
{
	struct span type = p->values.count ? p->values.items[0].text : SPAN_NONE;
	const char *near;

	if (p->values.count != 1) {
		compile_error(c, p->key.at, "csv: column %.*s has one type", SPAN_FMT(p->key.text));
		return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(convert_words); i++)
		if (span_is(type, convert_words[i]))
			return 0;
	near = nearest_name(type, convert_words, ARRAY_LEN(convert_words));
	compile_error(c, p->values.items[0].at, "csv: convert: \"%.*s\" is not known; %s%s", SPAN_FMT(type),
		      near ? "did you mean " : "it takes integer, float, boolean, date, date_time", near ? near : "");
	return -1;
}

static int check_converts(const struct csv *f, struct compile *c)
{
	int r = 0;

	for (size_t i = 0; i < f->convert.count; i++)
		r |= check_convert(&f->convert.pairs[i], c);
	return r;
}

/* column3 where two are given. */
static bool is_generated(const struct csv *f, struct span name)
{
	struct span head = SPAN_LITERAL("column");
	size_t n = 0;

	if (!f->autogenerate || !span_starts(name, head) || name.n > head.n + 6)
		return false;
	for (size_t i = head.n; i < name.n; i++) {
		if (name.p[i] < '0' || name.p[i] > '9' || name.p[head.n] == '0')
			return false;
		n = n * 10 + (size_t)(name.p[i] - '0');
	}
	return n > f->count;
}

/* A conversion of a column that no row can have does nothing. */
static void warn_converts(const struct csv *f, struct compile *c)
{
	if (f->autodetect && !f->count)
		return;
	for (size_t i = 0; i < f->convert.count; i++) {
		const struct option_item *key = &f->convert.pairs[i].key;
		size_t k = 0;

		while (k < f->count && !span_equal(f->names[k].name, key->text))
			k++;
		if (k == f->count && !is_generated(f, key->text))
			compile_warning(c, key->at, "csv: convert: there is no column \"%.*s\"; it converts nothing",
					SPAN_FMT(key->text));
	}
}

static int take_characters(struct csv *f, struct compile *c)
{
	struct span q = f->quote_char.text;
	int r = 0;

	f->line.separator = f->separator.text;
	if (!f->line.separator.n || memchr(f->line.separator.p, '\n', f->line.separator.n)) {
		compile_error(c, f->separator.at, "csv: separator is one or more characters, no line end");
		r = -1;
	}
	if (span_is(f->line.separator, "\\t"))
		compile_warning(c, f->separator.at, "csv: separator is a backslash and a t, as Logstash reads it; "
				"for a tab put the tab itself between the quotes");
	if (q.n == 1)
		f->line.quote = q.p[0];
	else if (!span_is(q, "\\x00") && q.n) {
		compile_error(c, f->quote_char.at, "csv: quote_char is one ASCII character, or \"\\x00\" for none");
		r = -1;
	}
	return r;
}

static int take_column(struct csv *f, struct compile *c, const struct option_item *item)
{
	struct column *col = &f->names[f->count++];
	const struct ref *compiled = compile_ref(c, place_of(f, item->text, compile_arena(c)), item->at);

	col->name = item->text;
	col->type = type_of(f, item->text);
	col->ref = f->prefix.n || is_reference(item->text) ? compiled : NULL;
	return compiled ? 0 : -1;
}

static int csv_init(void *self, struct compile *c)
{
	struct csv *f = self;
	struct span t = f->target.text;
	int r = check_converts(f, c);

	arena_init(&f->found, 4096);
	zones_init(&f->zones, NULL);
	f->local = zones_local(&f->zones);
	if (take_characters(f, c) < 0)
		r = -1;
	if (f->target.set)
		f->prefix = t.n && t.p[0] == '[' ? t : arena_printf(compile_arena(c), "[%.*s]", SPAN_FMT(t));
	if (f->target.set && !compile_ref(c, f->prefix, f->target.at))
		return -1;
	f->names = xcalloc(f->columns.count + 1, sizeof(*f->names));
	for (size_t i = 0; i < f->columns.count; i++)
		if (take_column(f, c, &f->columns.items[i]) < 0)
			r = -1;
	f->given = f->count;
	find_fresh(f);
	warn_converts(f, c);
	compile_warn_ecs(c, &f->ecs, &f->target);
	return r;
}

static void csv_release(void *self)
{
	struct csv *f = self;

	csv_line_release(&f->line);
	zones_release(&f->zones);
	arena_release(&f->found);
	free(f->names);
}

static bool csv_remembers(const void *self)
{
	const struct csv *f = self;

	return f->autodetect && !f->given;
}

static void csv_begin(void *self)
{
	struct csv *f = self;

	if (!csv_remembers(f))
		return;
	f->count = 0;
	arena_reset(&f->found);
}

static size_t csv_columns(const void *self)
{
	const struct csv *f = self;

	return span_is(f->source.ref->shown, "message") && !csv_remembers(f) && csv_line_is_usual(&f->line) ? f->count : 0;
}

/* --- run --- */

/* The field of a column whose name was not known when the text was compiled; NULL: it is no reference. */
static const struct ref *find_place(const struct csv *f, struct span name, struct arena *a)
{
	const struct ref *ref;
	const char *why;
	size_t at;

	return ref_compile(place_of(f, name, a), a, &ref, &why, &at) == 0 ? ref : NULL;
}

static int put_at(const struct csv *f, const struct column *col, struct event *ev, struct value v,
		  const char **why)
{
	const struct ref *ref = col->ref ? col->ref : find_place(f, col->name, ev->arena);

	*why = "the column's name is no field reference";
	return ref ? ref_set(ref, ev, v, why) : -1;
}

/* The column of the i-th field; false: it has none. */
static bool column_of(const struct csv *f, size_t i, struct arena *a, struct column *col)
{
	if (i < f->count) {
		*col = f->names[i];
		return true;
	}
	if (!f->autogenerate)
		return false;
	*col = (struct column){.name = arena_printf(a, "column%zu", i + 1)};
	col->type = type_of(f, col->name);
	return true;
}

static enum filter_result set_column(struct csv *f, struct filter_run *run, struct event *ev, size_t i,
				     bool append)
{
	const struct csv_field *field = &f->line.fields[i];
	struct value text = value_string(field->text), v = value_null();
	bool null = !field->text.n && !field->quoted;
	const char *why;
	struct column col;

	if ((f->skip_empty_columns && !field->text.n) || !column_of(f, i, ev->arena, &col))
		return FILTER_DONE;
	if (null && col.type == CSV_BOOLEAN)
		return filter_fail(run, ev, FAILED, col.name, &text, "an empty column has no boolean");
	if (!null)
		v = csv_convert(col.type, col.name, field->text, f->local, run, ev->arena);
	if (append && i < f->count)
		event_append(ev, col.name, v);
	else if (!f->prefix.n && is_plain(col.name))
		event_set(ev, col.name, v);
	else if (put_at(f, &col, ev, v, &why) < 0)
		return filter_fail(run, ev, FAILED, col.name, &text, "%s", why);
	return FILTER_DONE;
}

static void note_ragged(struct csv *f, struct filter_run *run, struct span row)
{
	size_t have = f->line.count;

	if (!f->count || have == f->count)
		return;
	if (have < f->count)
		filter_lossy(run, f->names[have].name, "ragged", "missing", row);
	else
		filter_lossy(run, SPAN_LITERAL("(more columns)"), "ragged", "extra", row);
}

static enum filter_result set_columns(struct csv *f, struct filter_run *run, struct event *ev,
				      const struct value *source)
{
	struct span row = source->u.text;
	bool append = f->fresh && ev->fields.len <= 1;
	enum filter_result r = FILTER_DONE;

	note_ragged(f, run, row);
	for (size_t i = 0; i < f->line.count && r == FILTER_DONE; i++)
		r = set_column(f, run, ev, i, append);
	return r;
}

static bool is_header(const struct csv *f)
{
	if (!f->count || f->line.count != f->count)
		return false;
	for (size_t i = 0; i < f->count; i++)
		if (!span_equal(f->line.fields[i].text, f->names[i].name))
			return false;
	return true;
}

/* The first row of a file: its columns are the names of those of all others. */
static void take_names(struct csv *f)
{
	f->names = xrealloc(f->names, (f->line.count + 1) * sizeof(*f->names));
	f->count = f->line.count;
	for (size_t i = 0; i < f->count; i++) {
		struct span name = arena_span(&f->found, f->line.fields[i].text);

		if (!name.n)
			name = arena_printf(&f->found, "column%zu", i + 1);
		f->names[i] = (struct column){name, NULL, type_of(f, name)};
		if (f->prefix.n || is_reference(name))
			f->names[i].ref = find_place(f, name, &f->found);
	}
	find_fresh(f);
}

/* As the parser found them, or looked for in the text. */
static bool split(struct csv *f, struct filter_run *run, struct event *ev, struct span text, const char **why)
{
	const struct record *rec = filter_record(run, text);

	if (!rec || !csv_line_is_usual(&f->line))
		return csv_line_split(&f->line, text, ev->arena, why);
	csv_line_take(&f->line, rec, ev->arena);
	return true;
}

static enum filter_result csv_run(void *self, struct filter_run *run, struct event *ev)
{
	struct csv *f = self;
	const struct value *source = ref_get(f->source.ref, ev);
	const char *why = NULL;

	if (!source || source->type == VALUE_NULL || (source->type == VALUE_BOOL && !source->u.boolean))
		return FILTER_LEFT;
	if (source->type != VALUE_STRING)
		return filter_fail(run, ev, FAILED, f->source.ref->shown, source, "it is no text");
	if (!split(f, run, ev, source->u.text, &why))
		return filter_fail(run, ev, FAILED, f->source.ref->shown, source, "%s", why);
	if (!f->line.count && f->skip_empty_rows) {
		event_tag(ev, SPAN_LITERAL(EMPTY));
		return FILTER_LEFT;
	}
	if (!f->line.count)
		return filter_fail(run, ev, FAILED, f->source.ref->shown, source, "it is empty");
	if (f->autodetect && !f->count) {
		take_names(f);
		return FILTER_CANCEL;
	}
	if (f->skip_header && is_header(f))
		return FILTER_CANCEL;
	return set_columns(f, run, ev, source);
}

static enum filter_result csv_undecorated(void *self, struct filter_run *run, struct event *ev,
					  struct span field, const char *why)
{
	(void)self;
	return filter_fail(run, ev, FAILED, field, NULL, "%s", why);
}

static bool csv_shape(const void *self, struct plan_shape *shape)
{
	const struct csv *f = self;

	if (!csv_columns(f) || f->autodetect || f->skip_empty_columns)
		return false;
	for (size_t i = 0; i < f->count; i++)
		if (f->names[i].type != CSV_STRING && f->names[i].type != CSV_INTEGER && f->names[i].type != CSV_FLOAT)
			return false;
	shape->columns = f->count;
	shape->conversions += f->convert.count;
	if (f->skip_header)
		shape->header = f->names[0].name;
	return true;
}

const struct filter_type filter_csv = {
	.name = "csv",
	.says = "takes a row of CSV apart into fields",
	.size = sizeof(struct csv),
	.options = options,
	.option_count = ARRAY_LEN(options),
	.init = csv_init,
	.begin = csv_begin,
	.run = csv_run,
	.undecorated = csv_undecorated,
	.release = csv_release,
	.shape = csv_shape,
	.columns = csv_columns,
	.remembers = csv_remembers,
};

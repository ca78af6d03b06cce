/*
 * lint_fields - fields that are read and that nothing sets: mostly a column's name with a slip of the pen
 *
 * Called by plan_compile for a text with a csv filter whose columns are named: the input sets message alone then.  Two walks: what is set
 * anywhere, then what is read, in the order of the text.  Behind a filter that makes fields out of the data (json without a target,
 * dissect's %{&name}, a name with %{} in it) nothing more is said: the field may be one of those.
 */
#include "watcher/base/base.h"
#include "watcher/base/map.h"
#include "watcher/base/nearest.h"
#include "transforms/compile.h"
#include "transforms/dissect_pattern.h"

#define NAMES 512

enum role { READS = 1, SETS = 2, KEYS_READ = 4, KEYS_SET = 8, FIRST_READ = 16, THIRDS_READ = 32 };

static const struct {
	const char *filter, *setting; /* filter NULL: any */
	unsigned role;
} roles[] = {
	{"csv", "columns", SETS},            {"csv", "source", READS},
	{"mutate", "rename", KEYS_READ | SETS}, {"mutate", "copy", KEYS_READ | SETS},
	{"mutate", "convert", KEYS_READ},    {"mutate", "update", KEYS_READ},
	{"mutate", "coerce", KEYS_READ},     {"mutate", "replace", KEYS_SET},
	{"mutate", "merge", KEYS_SET | READS}, {"mutate", "split", KEYS_READ},
	{"mutate", "join", KEYS_READ},       {"mutate", "gsub", THIRDS_READ},
	{"mutate", "uppercase", READS},      {"mutate", "lowercase", READS},
	{"mutate", "capitalize", READS},     {"mutate", "strip", READS},
	{"date", "match", FIRST_READ},       {"truncate", "fields", READS},
	{"urldecode", "field", READS},       {"split", "field", READS},
	{"json", "source", READS},           {"dissect", "mapping", KEYS_READ},
	{"dissect", "convert_datatype", KEYS_READ}, {"prune", "whitelist_values", KEYS_READ},
	{"prune", "blacklist_values", KEYS_READ},
	{NULL, "target", SETS},              {NULL, "add_field", KEYS_SET},
	{NULL, "remove_field", READS},
};

static const char *const always[] = {"message", "tags", "_tags", "@timestamp", "@version", "@metadata"};

struct walk {
	struct compile *c;
	struct map set;
	bool reading;
	bool open; /* a filter before this place makes fields whose names the text does not say */
	bool has_columns;
};

static unsigned role_of(const struct syntax_node *n, const struct syntax_attribute *a)
{
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if ((!roles[i].filter || span_is(n->name, roles[i].filter)) && span_is(a->name, roles[i].setting))
			return roles[i].role;
	return 0;
}

static bool has_template(struct span text)
{
	return text.n > 1 && memmem(text.p, text.n, "%{", 2);
}

/* The top-level field that a reference is about; empty: none that could be known. */
static struct span root_of(struct walk *w, struct span text)
{
	const struct ref *ref;
	const char *why;
	size_t offset;

	if (has_template(text) ||
	    ref_compile(text, &w->c->plan->arena, &ref, &why, &offset) < 0 || ref->metadata)
		return SPAN_NONE;
	return ref->elements[0].name;
}

static bool is_generated(struct span name)
{
	return span_starts(name, SPAN_LITERAL("column")) && name.n > 6 && name.p[6] >= '0' && name.p[6] <= '9';
}

static void warn(struct walk *w, size_t at, struct span name)
{
	const char *names[NAMES], *near;
	size_t n = 0;

	for (; n < map_len(&w->set) && n < NAMES; n++)
		names[n] = map_key(&w->set, n).p;
	near = nearest_name(name, names, n);
	compile_warning(w->c, at, "nothing sets the field %.*s: it is no column of the csv filter%s%s%s",
			SPAN_FMT(name), near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static void read_field(struct walk *w, size_t at, struct span name)
{
	if (w->reading && !w->open && !is_generated(name) && !map_get(&w->set, name))
		warn(w, at, name);
}

/* Where a part of a value stands: exactly where the value is as the text has it, else where the value begins. */
static size_t place_of(const struct walk *w, const struct syntax_value *v, const char *p)
{
	struct span all = w->c->source->text;

	return p >= all.p && p <= all.p + all.n ? (size_t)(p - all.p) : v->at;
}

/* The fields of a text's %{}; %{+...} and %{{...}} are times. */
static void take_template(struct walk *w, const struct syntax_value *v)
{
	struct span rest = v->kind < SYNTAX_ARRAY ? v->text : SPAN_NONE;
	const char *open, *close;

	while (rest.n && (open = memmem(rest.p, rest.n, "%{", 2)) &&
	       (close = memchr(open, '}', (size_t)(rest.p + rest.n - open)))) {
		struct span inner = {open + 2, (size_t)(close - open) - 2}, name = SPAN_NONE;

		if (inner.n && *inner.p != '+' && *inner.p != '{')
			name = root_of(w, inner);
		if (name.n)
			read_field(w, place_of(w, v, inner.p), name);
		rest.n -= (size_t)(close + 1 - rest.p);
		rest.p = close + 1;
	}
}

static void take_templates(struct walk *w, const struct syntax_value *v)
{
	take_template(w, v);
	for (const struct syntax_value *i = v->kind == SYNTAX_ARRAY ? v->items : NULL; i; i = i->next)
		take_template(w, i);
	for (const struct syntax_pair *p = v->kind == SYNTAX_HASH ? v->pairs : NULL; p; p = p->next) {
		take_template(w, &p->key);
		take_templates(w, &p->value);
	}
}

static void take(struct walk *w, const struct syntax_value *v, bool sets)
{
	struct span name = v->kind < SYNTAX_ARRAY || v->kind == SYNTAX_FIELD ? root_of(w, v->text) : SPAN_NONE;

	if (sets && v->kind < SYNTAX_ARRAY && has_template(v->text))
		w->open = true;
	if (!name.n)
		return;
	if (!w->reading && sets)
		map_put(&w->set, name, w);
	if (!sets)
		read_field(w, v->at, name);
}

static void take_all(struct walk *w, const struct syntax_value *v, bool sets)
{
	if (v->kind != SYNTAX_ARRAY) {
		take(w, v, sets);
		return;
	}
	for (const struct syntax_value *i = v->items; i; i = i->next)
		take(w, i, sets);
}

static void take_array(struct walk *w, const struct syntax_value *v, unsigned role)
{
	size_t n = 0;

	for (const struct syntax_value *i = v->items; i; i = i->next, n++) {
		bool is_key = n % 2 == 0 && (role & (KEYS_READ | KEYS_SET));

		if (is_key)
			take(w, i, role & KEYS_SET);
		else if (role & (READS | SETS))
			take(w, i, role & SETS);
		else if ((role & FIRST_READ && n == 0) || (role & THIRDS_READ && n % 3 == 0))
			take(w, i, false);
	}
}

static void take_setting(struct walk *w, const struct syntax_value *v, unsigned role)
{
	if (v->kind == SYNTAX_ARRAY)
		take_array(w, v, role);
	else if (v->kind != SYNTAX_HASH && role & (READS | SETS))
		take(w, v, role & SETS);
	for (const struct syntax_pair *p = v->kind == SYNTAX_HASH ? v->pairs : NULL; p; p = p->next) {
		if (role & (KEYS_READ | KEYS_SET))
			take(w, &p->key, role & KEYS_SET);
		if (role & (READS | SETS))
			take_all(w, &p->value, role & SETS);
	}
}

static void take_expression(struct walk *w, const struct syntax_expression *e)
{
	if (e->left.kind == SYNTAX_FIELD)
		take(w, &e->left, false);
	if (e->right.kind == SYNTAX_FIELD && e->right.text.n > 1 && !strchr("\"'", e->right.text.p[1]))
		take(w, &e->right, false);
	for (e = e->items; e; e = e->next)
		take_expression(w, e);
}

/* What a dissect pattern's parts are called. */
static void take_patterns(struct walk *w, const struct syntax_value *v)
{
	for (const struct syntax_pair *p = v->kind == SYNTAX_HASH ? v->pairs : NULL; p; p = p->next) {
		struct dissect_pattern *pattern;
		const char *why;
		size_t offset;

		if (p->value.kind >= SYNTAX_ARRAY || !p->value.text.n ||
		    dissect_compile(p->value.text, &w->c->plan->arena, &pattern, &why, &offset) < 0) {
			w->open = true;
			continue;
		}
		for (size_t i = 0; i < pattern->saved_count; i++) {
			struct syntax_value name = {.text = pattern->saved[i]->name};

			w->open |= pattern->saved[i]->kind == DISSECT_INDIRECT;
			take(w, &name, true);
		}
	}
	w->open |= v->kind != SYNTAX_HASH;
}

static const struct syntax_attribute *setting(const struct syntax_node *n, const char *name)
{
	const struct syntax_attribute *a = n->attributes;

	while (a && !span_is(a->name, name))
		a = a->next;
	return a;
}

static const struct option *option_of(const struct option *table, size_t count, struct span name)
{
	for (size_t i = 0; i < count; i++)
		if (span_is(name, table[i].name))
			return &table[i];
	return NULL;
}

/* Does the filter put fields into this setting's texts? */
static bool is_template(const struct syntax_node *n, const struct syntax_attribute *a, const struct option *o)
{
	const struct syntax_attribute *interpolate = setting(n, "interpolate");

	if (o->item == ITEM_TEMPLATE || o->item == ITEM_PLACE || o->key == ITEM_PLACE)
		return true;
	if (span_is(n->name, "mutate"))
		return span_is(a->name, "gsub");
	return span_is(n->name, "prune") && interpolate && span_is(interpolate->value.text, "true");
}

/* A filter's own settings, or those that every filter has: what the filter makes is there for the latter. */
static void take_settings(struct walk *w, const struct syntax_node *n, bool common)
{
	const struct filter_type *type = filter_find(n->name);

	for (const struct syntax_attribute *a = n->attributes; a; a = a->next) {
		const struct option *o = option_of(type->options, type->option_count, a->name);

		if (common == (o != NULL))
			continue;
		if (!o)
			o = option_of(common_options, common_option_count, a->name);
		take_setting(w, &a->value, role_of(n, a));
		if (o && is_template(n, a, o))
			take_templates(w, &a->value);
	}
}

/* An empty list is no list: the first row may name the columns then. */
static bool names_columns(const struct syntax_attribute *columns)
{
	return columns && (columns->value.kind != SYNTAX_ARRAY || columns->value.items);
}

static void take_filter(struct walk *w, const struct syntax_node *n)
{
	bool is_csv = span_is(n->name, "csv"), named = is_csv && names_columns(setting(n, "columns"));

	take_settings(w, n, false);
	w->has_columns |= named;
	w->open |= is_csv && !named;
	if (span_is(n->name, "json"))
		w->open |= !setting(n, "target");
	for (const struct syntax_attribute *a = n->attributes; a; a = a->next)
		if (span_is(n->name, "dissect") && span_is(a->name, "mapping"))
			take_patterns(w, &a->value);
	take_settings(w, n, true);
}

static void walk(struct walk *w, const struct syntax_node *nodes)
{
	for (const struct syntax_node *n = nodes; n; n = n->next) {
		if (!n->is_branch)
			take_filter(w, n);
		for (const struct syntax_arm *a = n->arms; a; a = a->next) {
			if (a->condition)
				take_expression(w, a->condition);
			walk(w, a->body);
		}
	}
}

void compile_lint_fields(struct compile *c, const struct syntax_node *nodes)
{
	struct walk w = {.c = c};

	map_init(&w.set);
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		map_put(&w.set, span_of(always[i]), &w);
	walk(&w, nodes);
	w.reading = true;
	w.open = false;
	if (w.has_columns)
		walk(&w, nodes);
	map_release(&w.set);
}

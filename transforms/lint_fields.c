/*
 * lint_fields - fields that are read and that nothing sets: mostly a column's name with a slip of the pen
 *
 * Called by compile_lint for a text whose fields are all known by name: csv with columns, and filters that make no fields of their own
 * out of the data.  Two walks: what is set anywhere, then what is read.
 */
#include "watcher/base/base.h"
#include "watcher/base/map.h"
#include "watcher/base/nearest.h"
#include "transforms/compile.h"

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
	{NULL, "target", SETS},              {NULL, "add_field", KEYS_SET},
	{NULL, "remove_field", READS},
};

static const char *const closed[] = {"csv", "mutate", "drop", "date", "truncate", "urldecode", "prune", "split"};
static const char *const always[] = {"message", "tags", "@timestamp", "@version", "@metadata"};

struct walk {
	struct compile *c;
	struct map set;
	bool reading;
	bool open; /* a filter makes fields whose names the text does not say */
	bool has_columns;
};

static unsigned role_of(const struct syntax_node *n, const struct syntax_attribute *a)
{
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if ((!roles[i].filter || span_is(n->name, roles[i].filter)) && span_is(a->name, roles[i].setting))
			return roles[i].role;
	return 0;
}

/* The top-level field that a reference is about; empty: none that could be known. */
static struct span root_of(struct walk *w, struct span text)
{
	const struct ref *ref;
	const char *why;
	size_t offset;

	if (memmem(text.p, text.n, "%{", 2) ||
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

static void take(struct walk *w, const struct syntax_value *v, bool sets)
{
	struct span name = v->kind < SYNTAX_ARRAY || v->kind == SYNTAX_FIELD ? root_of(w, v->text) : SPAN_NONE;

	if (!name.n)
		return;
	if (!w->reading && sets)
		map_put(&w->set, name, w);
	if (w->reading && !sets && !is_generated(name) && !map_get(&w->set, name))
		warn(w, v->at, name);
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

static void take_filter(struct walk *w, const struct syntax_node *n)
{
	bool known = false, columns = false;

	for (size_t i = 0; i < ARRAY_LEN(closed); i++)
		known |= span_is(n->name, closed[i]);
	for (const struct syntax_attribute *a = n->attributes; a; a = a->next) {
		columns |= span_is(a->name, "columns");
		take_setting(w, &a->value, role_of(n, a));
	}
	if (span_is(n->name, "csv"))
		known = columns;
	w->has_columns |= columns;
	w->open |= !known;
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
	if (w.has_columns && !w.open)
		walk(&w, nodes);
	map_release(&w.set);
}

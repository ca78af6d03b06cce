/*
 * filter_prune - removes fields by regular expressions on their names or values
 *
 * Top-level names only, @timestamp and tags as well.  In this order: whitelist_names, blacklist_names, whitelist_values, blacklist_values;
 * of a list the elements that match (or not) are taken out, and the field with them when none is left.  A value that is no text is
 * matched by its text.  Source: logstash-filter-prune 3.0.4 (meaning).
 */
#include "watcher/base/base.h"
#include "transforms/filter.h"

#define FAILED "_prune_error"

/* A regular expression; with interpolate its text is the event's to say, and the last one is kept. */
struct pattern {
	struct span key; /* of a value's pattern */
	const struct template *key_template, *template;
	struct regex *regex;
	size_t at; /* in the filter's text */
	struct strbuf last;
};

struct patterns {
	struct pattern *items;
	size_t count;
};

struct prune {
	bool interpolate;
	struct option_list whitelist_names, blacklist_names;
	struct option_hash whitelist_values, blacklist_values;
	struct patterns keep_names, drop_names, keep_values, drop_values;
};

static const struct option options[] = {
	{"interpolate", OPTION_BOOLEAN, .offset = offsetof(struct prune, interpolate), .otherwise = "false",
	 .says = "%{field} in names and expressions is put in for each event"},
	{"whitelist_names", OPTION_LIST, ITEM_TEXT, .offset = offsetof(struct prune, whitelist_names),
	 .says = "expressions; a field whose name matches none is removed"},
	{"blacklist_names", OPTION_LIST, ITEM_TEXT, .offset = offsetof(struct prune, blacklist_names),
	 .says = "expressions; a field whose name matches one is removed; %{name} that was not put in when not set"},
	{"whitelist_values", OPTION_HASH, ITEM_TEXT, .key = ITEM_TEXT,
	 .offset = offsetof(struct prune, whitelist_values),
	 .says = "field and expression; the field is removed when its value does not match"},
	{"blacklist_values", OPTION_HASH, ITEM_TEXT, .key = ITEM_TEXT,
	 .offset = offsetof(struct prune, blacklist_values),
	 .says = "field and expression; the field is removed when its value matches"},
};

/* --- init --- */

static int take_pattern(const struct prune *p, struct compile *c, struct pattern *out, struct span text,
			size_t at)
{
	strbuf_init(&out->last);
	if (p->interpolate) {
		out->at = at;
		out->template = compile_template(c, text, at);
		return out->template ? 0 : -1;
	}
	out->regex = compile_regex(c, text, at, REGEX_PLAIN);
	return out->regex ? 0 : -1;
}

static int take_names(const struct prune *p, struct compile *c, const struct option_list *from,
		      struct patterns *out)
{
	int r = 0;

	out->items = arena_zalloc(compile_arena(c), (from->count + 1) * sizeof(*out->items));
	for (size_t i = 0; i < from->count; i++)
		if (take_pattern(p, c, &out->items[out->count++], from->items[i].text,
				 from->items[i].at) < 0)
			r = -1;
	return r;
}

static int take_values(const struct prune *p, struct compile *c, const struct option_hash *from,
		       struct patterns *out)
{
	int r = 0;

	out->items = arena_zalloc(compile_arena(c), (from->count + 1) * sizeof(*out->items));
	for (size_t i = 0; i < from->count; i++) {
		const struct option_pair *pair = &from->pairs[i];
		struct pattern *made = &out->items[out->count];

		if (pair->values.count != 1) {
			compile_error(c, pair->key.at, "prune: field %.*s has one expression",
				      SPAN_FMT(pair->key.text));
			r = -1;
			continue;
		}
		out->count++;
		made->key = pair->key.text;
		if (p->interpolate)
			made->key_template = compile_template(c, pair->key.text, pair->key.at);
		if (take_pattern(p, c, made, pair->values.items[0].text, pair->values.items[0].at) < 0 ||
		    (p->interpolate && !made->key_template))
			r = -1;
	}
	return r;
}

static int prune_init(void *self, struct compile *c)
{
	static const struct option_item unresolved = {.text = {"%\\{[^}]+\\}", 10}};
	static const struct option_list otherwise = {&unresolved, 1, true};
	struct prune *p = self;

	return take_names(p, c, &p->whitelist_names, &p->keep_names) |
	       take_names(p, c, p->blacklist_names.set ? &p->blacklist_names : &otherwise, &p->drop_names) |
	       take_values(p, c, &p->whitelist_values, &p->keep_values) |
	       take_values(p, c, &p->blacklist_values, &p->drop_values);
}

static void release_patterns(const struct prune *p, struct patterns *list)
{
	for (size_t i = 0; i < list->count; i++) {
		strbuf_release(&list->items[i].last);
		if (p->interpolate)
			regex_free(&list->items[i].regex); /* else the plan's */
	}
}

static void prune_release(void *self)
{
	struct prune *p = self;

	release_patterns(p, &p->keep_names);
	release_patterns(p, &p->drop_names);
	release_patterns(p, &p->keep_values);
	release_patterns(p, &p->drop_values);
}

/* --- run --- */

struct pruning {
	struct prune *prune;
	struct filter_run *run;
	struct event *ev;
	bool failed;
};

static void fail(struct pruning *r, struct span field, const char *why)
{
	if (!r->failed)
		(void)filter_fail(r->run, r->ev, FAILED, field, NULL, "%s", why);
	r->failed = true;
}

static void renew(struct pruning *r, struct pattern *p)
{
	struct span text = template_render(p->template, r->ev, filter_now(r->run));
	char why[REGEX_WHY];

	if (p->regex && span_equal(text, strbuf_span(&p->last)))
		return;
	regex_free(&p->regex);
	strbuf_reset(&p->last);
	strbuf_addspan(&p->last, text);
	if (regex_compile(text, REGEX_PLAIN, &p->regex, why) < 0)
		fail(r, SPAN_NONE, why);
	else
		filter_charge(r->run, p->regex, text, p->at);
}

static void renew_all(struct pruning *r, struct patterns *list)
{
	for (size_t i = 0; r->prune->interpolate && i < list->count; i++) {
		renew(r, &list->items[i]);
		if (list->items[i].key_template)
			list->items[i].key =
				template_render(list->items[i].key_template, r->ev, filter_now(r->run));
	}
}

static bool matches(struct pruning *r, const struct pattern *p, struct span text, struct span field)
{
	struct regex_match m;

	switch (regex_search(p->regex, text, 0, &m)) {
	case REGEX_MISS:
		return false;
	case REGEX_MATCH:
		return true;
	case REGEX_LIMIT:
		fail(r, field, "the expression took more steps than a match may");
	}
	return false;
}

static bool any_matches(struct pruning *r, const struct patterns *list, struct span name)
{
	for (size_t i = 0; i < list->count && !r->failed; i++)
		if (matches(r, &list->items[i], name, name))
			return true;
	return false;
}

/* Backwards, since removing moves what is behind. */
static void prune_names(struct pruning *r, const struct patterns *list, bool keep)
{
	struct value_map *fields = &r->ev->fields;

	for (size_t i = fields->len; list->count && i-- > 0 && !r->failed;) {
		struct span name = fields->entries[i].name;
		bool found = any_matches(r, list, name);

		if (!r->failed && found != keep)
			(void)event_remove(r->ev, name);
	}
}

/* Leaves in the list what is to stay; false: nothing is. */
static bool prune_list(struct pruning *r, const struct pattern *p, struct value_array *list, bool keep)
{
	size_t n = 0;

	for (size_t i = 0; i < list->len && !r->failed; i++) {
		bool found = matches(r, p, value_text(&list->items[i], r->ev->arena), p->key);

		if (found == keep)
			list->items[n++] = list->items[i];
	}
	if (r->failed || (!n && !list->len))
		return true;
	list->len = n;
	return n > 0;
}

static void prune_values(struct pruning *r, const struct patterns *list, bool keep)
{
	for (size_t i = 0; i < list->count && !r->failed; i++) {
		const struct pattern *p = &list->items[i];
		struct value *v = event_get(r->ev, p->key);
		bool stays;

		if (!v || v->type == VALUE_NULL || (v->type == VALUE_BOOL && !v->u.boolean))
			continue;
		if (v->type == VALUE_ARRAY)
			stays = prune_list(r, p, v->u.array, keep);
		else
			stays = matches(r, p, value_text(v, r->ev->arena), p->key) == keep;
		if (!stays && !r->failed)
			(void)event_remove(r->ev, p->key);
	}
}

static enum filter_result prune_run(void *self, struct filter_run *run, struct event *ev)
{
	struct prune *p = self;
	struct pruning r = {p, run, ev, false};

	renew_all(&r, &p->keep_names);
	renew_all(&r, &p->drop_names);
	renew_all(&r, &p->keep_values);
	renew_all(&r, &p->drop_values);
	if (!r.failed)
		prune_names(&r, &p->keep_names, true);
	prune_names(&r, &p->drop_names, false);
	prune_values(&r, &p->keep_values, true);
	prune_values(&r, &p->drop_values, false);
	return r.failed ? FILTER_FAILED : FILTER_DONE;
}

const struct filter_type filter_prune = {
	.name = "prune",
	.says = "removes fields by their names or values",
	.size = sizeof(struct prune),
	.options = options,
	.option_count = ARRAY_LEN(options),
	.init = prune_init,
	.run = prune_run,
	.release = prune_release,
};

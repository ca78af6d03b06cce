/*
 * options - a filter's settings by its table: coercions, checks, compiled items; see the header
 *
 * Called by the compiler for each filter.  Every error of a filter is said, not only the first.
 */
#include "watcher/base/base.h"
#include "watcher/base/nearest.h"
#include "watcher/base/json_out.h"
#include "transforms/compile.h"

#define NAMES 64
#define COMMON(member) .offset = offsetof(struct common, member)

const struct option common_options[] = {
	{"add_field", OPTION_HASH, ITEM_TEMPLATE, .key = ITEM_PLACE, COMMON(add_field),
	 .says = "fields to add on success; one that is there becomes an array"},
	{"remove_field", OPTION_LIST, ITEM_PLACE, COMMON(remove_field), .says = "fields to remove on success"},
	{"add_tag", OPTION_LIST, ITEM_TEMPLATE, COMMON(add_tag), .says = "tags to add on success"},
	{"remove_tag", OPTION_LIST, ITEM_TEMPLATE, COMMON(remove_tag), .says = "tags to remove on success"},
	{"id", OPTION_STRING, ITEM_TEXT, COMMON(id), .says = "the filter's name in traces and messages"},
	{"enable_metric", OPTION_BOOLEAN, .flags = OPTION_IGNORED, COMMON(enable_metric), .otherwise = "true",
	 .says = "means nothing here"},
	{"periodic_flush", OPTION_BOOLEAN, .flags = OPTION_IGNORED, COMMON(periodic_flush),
	 .otherwise = "false", .says = "means nothing here"},
};
const size_t common_option_count = ARRAY_LEN(common_options);

const char *option_type_name(const struct option *o)
{
	switch (o->type) {
	case OPTION_STRING:
		return o->item == ITEM_FIELD ? "field" : o->item == ITEM_REGEX ? "regular expression" : "string";
	case OPTION_NUMBER:
		return "number";
	case OPTION_BOOLEAN:
		return "boolean";
	case OPTION_LIST:
		return o->item == ITEM_FIELD || o->item == ITEM_PLACE ? "list of fields" : "list";
	case OPTION_HASH:
		return "hash";
	}
	CHECK(!"an option's type");
	return NULL;
}

static bool is_scalar(const struct syntax_value *v)
{
	return v->kind < SYNTAX_ARRAY;
}

static const char *kind_name(const struct syntax_value *v)
{
	switch (v->kind) {
	case SYNTAX_STRING:
	case SYNTAX_WORD:
		return "a string";
	case SYNTAX_NUMBER:
		return "a number";
	case SYNTAX_ARRAY:
		return "a list";
	case SYNTAX_HASH:
		return "a hash";
	case SYNTAX_FIELD:
	case SYNTAX_REGEX:
		break;
	}
	return "a condition's value";
}

static void wrong_type(struct compile *c, const struct option *o, const struct syntax_value *v,
		       const char *wanted)
{
	c->whole = false;
	compile_error(c, v->at, "%.*s: %s takes %s, not %s%s%.*s%s", SPAN_FMT(c->node->name), o->name, wanted,
		      kind_name(v), is_scalar(v) ? " \"" : "", is_scalar(v) && v->text.n < 60 ? (int)v->text.n : 0,
		      v->text.p, is_scalar(v) ? "\"" : "");
}

/* --- items --- */

/* The word that begins with this one or that this one begins with: int and integer, bool and boolean. */
static const char *longer_or_shorter(struct span text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count && text.n >= 3; i++) {
		struct span word = span_of(words[i]);

		if (word.n >= 3 && (span_starts(word, text) || span_starts(text, word)))
			return words[i];
	}
	return NULL;
}

static void check_word(struct compile *c, const struct option *o, const struct option_item *item)
{
	const char *near;
	size_t n = 0;

	while (o->words[n]) {
		if (span_is(item->text, o->words[n]))
			return;
		n++;
	}
	near = longer_or_shorter(item->text, o->words, n);
	if (!near)
		near = nearest_name(item->text, o->words, n);
	if (near) {
		compile_error(c, item->at, "%.*s: %s: \"%.*s\" is not known; did you mean %s?",
			      SPAN_FMT(c->node->name), o->name, SPAN_FMT(item->text), near);
		return;
	}
	compile_error(c, item->at, "%.*s: %s: \"%.*s\" is not known; it takes %s%s%s%s%s%s%s%s",
		      SPAN_FMT(c->node->name), o->name, SPAN_FMT(item->text), o->words[0],
		      n > 1 ? ", " : "", n > 1 ? o->words[1] : "", n > 2 ? ", " : "",
		      n > 2 ? o->words[2] : "", n > 3 ? ", " : "", n > 3 ? o->words[3] : "",
		      n > 4 ? " ..." : "");
}

static bool has_template(struct span s)
{
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == '%' && s.p[i + 1] == '{')
			return true;
	return false;
}

static void compile_item(struct compile *c, enum item_kind kind, struct option_item *item)
{
	switch (kind) {
	case ITEM_TEXT:
		return;
	case ITEM_FIELD:
		item->ref = compile_ref(c, item->text, item->at);
		return;
	case ITEM_PLACE:
		if (has_template(item->text))
			item->template = compile_template(c, item->text, item->at);
		else
			item->ref = compile_ref(c, item->text, item->at);
		return;
	case ITEM_TEMPLATE:
		item->template = compile_template(c, item->text, item->at);
		return;
	case ITEM_REGEX:
		item->regex = compile_regex(c, item->text, item->at, REGEX_PLAIN);
		return;
	}
	CHECK(!"an item's kind");
}

static void take_item(struct compile *c, const struct option *o, enum item_kind kind,
		      const struct syntax_value *v, bool is_key, struct option_item *out)
{
	*out = (struct option_item){.text = v->text, .at = v->at, .set = true};
	if (o->words && !is_key)
		check_word(c, o, out);
	compile_item(c, kind, out);
}

/* --- lists --- */

static size_t length(const struct syntax_value *items)
{
	size_t n = 0;

	for (; items; items = items->next)
		n++;
	return n;
}

/* More elements behind those that are there; a scalar is one. */
static void extend(struct compile *c, const struct option *o, struct option_list *list,
		   const struct syntax_value *v)
{
	size_t more = v->kind == SYNTAX_ARRAY ? length(v->items) : 1;
	struct option_item *items = arena_alloc(&c->plan->arena, (list->count + more + 1) * sizeof(*items));

	if (list->count)
		memcpy(items, list->items, list->count * sizeof(*items));
	list->items = items;
	list->set = true;
	for (const struct syntax_value *i = v->kind == SYNTAX_ARRAY ? v->items : v; i; i = i->next) {
		if (!is_scalar(i))
			wrong_type(c, o, i, "strings as elements");
		else
			take_item(c, o, o->item, i, false, &items[list->count++]);
		if (v->kind != SYNTAX_ARRAY)
			break;
	}
}

static void take_list(struct compile *c, const struct option *o, const struct syntax_value *v, void *slot)
{
	struct option_list *list = slot;

	if (v->kind == SYNTAX_HASH)
		wrong_type(c, o, v, "a list");
	else
		extend(c, o, list, v);
}

/* --- hashes --- */

static struct option_pair *pair_of(struct compile *c, const struct option *o, struct option_hash *hash,
				   const struct syntax_value *key)
{
	struct option_pair *pairs = (struct option_pair *)(uintptr_t)hash->pairs;

	for (size_t i = 0; i < hash->count; i++)
		if (span_equal(pairs[i].key.text, key->text))
			return &pairs[i];
	if ((hash->count & (hash->count - 1)) == 0) { /* room doubles at each power of two */
		pairs = arena_zalloc(&c->plan->arena, (hash->count ? hash->count * 2 : 1) * sizeof(*pairs));
		if (hash->count)
			memcpy(pairs, hash->pairs, hash->count * sizeof(*pairs));
		hash->pairs = pairs;
	}
	take_item(c, o, o->key, key, true, &pairs[hash->count].key);
	return &pairs[hash->count++];
}

static void add_pair(struct compile *c, const struct option *o, struct option_hash *hash,
		     const struct syntax_value *key, const struct syntax_value *value)
{
	if (!is_scalar(key))
		wrong_type(c, o, key, "strings as keys");
	else if (value->kind == SYNTAX_HASH)
		wrong_type(c, o, value, "strings or lists as values");
	else
		extend(c, o, &pair_of(c, o, hash, key)->values, value);
}

/* A hash, or the flat list of its pairs. */
static void take_hash(struct compile *c, const struct option *o, const struct syntax_value *v, void *slot)
{
	struct option_hash *hash = slot;

	hash->set = true;
	if (v->kind == SYNTAX_HASH) {
		for (const struct syntax_pair *p = v->pairs; p; p = p->next)
			add_pair(c, o, hash, &p->key, &p->value);
		return;
	}
	if (v->kind != SYNTAX_ARRAY) {
		wrong_type(c, o, v, "a hash { key => value }");
		return;
	}
	if (length(v->items) % 2) {
		c->whole = false;
		compile_error(c, v->at, "%.*s: %s: a list that stands for a hash has keys and values in turn; "
			      "this one has an odd number of elements", SPAN_FMT(c->node->name), o->name);
		return;
	}
	for (const struct syntax_value *i = v->items; i; i = i->next->next)
		add_pair(c, o, hash, i, i->next);
}

/* --- scalars --- */

static void take_number(struct compile *c, const struct option *o, const struct syntax_value *v, void *slot)
{
	struct span s = v->text;
	char text[40];

	if (s.n > 1 && s.p[s.n - 1] == '.')
		s.n--;
	if (s.n >= sizeof(text) || !json_is_number(s, NULL)) {
		wrong_type(c, o, v, "a number");
		return;
	}
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*(double *)slot = strtod(text, NULL);
}

static void take_boolean(struct compile *c, const struct option *o, const struct syntax_value *v, void *slot)
{
	bool yes = span_is(v->text, "true");

	if (v->kind == SYNTAX_NUMBER || (!yes && !span_is(v->text, "false")))
		wrong_type(c, o, v, "true or false");
	else
		*(bool *)slot = yes;
}

static void take_scalar(struct compile *c, const struct option *o, const struct syntax_value *v, void *slot)
{
	if (v->kind == SYNTAX_ARRAY && v->items && !v->items->next)
		v = v->items;
	if (!is_scalar(v)) {
		wrong_type(c, o, v, o->type == OPTION_NUMBER  ? "a number" :
				    o->type == OPTION_BOOLEAN ? "true or false" :
								"one string");
		if (o->type == OPTION_STRING)
			((struct option_item *)slot)->at = v->at;
		return;
	}
	if (o->type == OPTION_NUMBER)
		take_number(c, o, v, slot);
	else if (o->type == OPTION_BOOLEAN)
		take_boolean(c, o, v, slot);
	else
		take_item(c, o, o->item, v, false, slot);
}

/* --- a filter's settings --- */

static void take(struct compile *c, const struct option *o, const struct syntax_attribute *a, void *base,
		 const struct syntax_attribute *before)
{
	void *slot = (char *)base + o->offset;

	if (o->flags & OPTION_NOT_BUILT) {
		compile_error(c, a->at, "%.*s: %s: not in this version", SPAN_FMT(c->node->name), o->name);
		return;
	}
	if (o->type == OPTION_LIST) {
		take_list(c, o, &a->value, slot);
		return;
	}
	if (o->type == OPTION_HASH) {
		take_hash(c, o, &a->value, slot);
		return;
	}
	if (before && (!is_scalar(&a->value) || !span_equal(before->value.text, a->value.text))) {
		compile_error(c, a->at, "%.*s: %s stands twice, and takes one value", SPAN_FMT(c->node->name),
			      o->name);
		return;
	}
	take_scalar(c, o, &a->value, slot);
}

static const struct option *find(const struct option *table, size_t count, struct span name)
{
	for (size_t i = 0; i < count; i++)
		if (span_is(name, table[i].name))
			return &table[i];
	return NULL;
}

static const struct syntax_attribute *seen_before(const struct compile *c, const struct syntax_attribute *a)
{
	for (const struct syntax_attribute *b = c->node->attributes; b != a; b = b->next)
		if (span_equal(a->name, b->name))
			return b;
	return NULL;
}

static void unknown(struct compile *c, const struct filter_type *type, const struct syntax_attribute *a)
{
	const char *names[NAMES], *near;
	size_t n = 0;

	for (size_t i = 0; i < type->option_count && n < NAMES; i++)
		names[n++] = type->options[i].name;
	for (size_t i = 0; i < common_option_count && n < NAMES; i++)
		names[n++] = common_options[i].name;
	near = nearest_name(a->name, names, n);
	compile_error(c, a->at, "%s has no setting \"%.*s\"%s%s%s", type->name, SPAN_FMT(a->name),
		      near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* What the text does not say; a required setting that is missing. */
static void take_default(struct compile *c, const struct option *o, void *base)
{
	struct syntax_value v = {.kind = SYNTAX_STRING, .at = c->node->at, .text = span_of(o->otherwise)};
	struct option_item *item = (struct option_item *)((char *)base + o->offset);

	if (o->flags & OPTION_REQUIRED)
		compile_error(c, c->node->at, "%.*s needs the setting %s: %s", SPAN_FMT(c->node->name), o->name,
			      o->says);
	if (!o->otherwise)
		return;
	take_scalar(c, o, &v, item);
	if (o->type == OPTION_STRING)
		item->set = false;
}

static void take_defaults(struct compile *c, const struct option *table, size_t count, void *base)
{
	for (size_t i = 0; i < count; i++) {
		const struct syntax_attribute *a = c->node->attributes;

		while (a && !span_is(a->name, table[i].name))
			a = a->next;
		if (!a)
			take_default(c, &table[i], base);
	}
}

void options_fill(struct compile *c, const struct filter_type *type, void *self, struct common *common)
{
	for (const struct syntax_attribute *a = c->node->attributes; a; a = a->next) {
		const struct option *own = find(type->options, type->option_count, a->name);
		const struct option *shared = find(common_options, common_option_count, a->name);

		if (own)
			take(c, own, a, self, seen_before(c, a));
		else if (shared)
			take(c, shared, a, common, seen_before(c, a));
		else
			unknown(c, type, a);
	}
	take_defaults(c, type->options, type->option_count, self);
	take_defaults(c, common_options, common_option_count, common);
}

const struct ref *option_place(const struct option_item *item, struct event *ev, int64_t now_ms)
{
	const struct ref *ref = item->ref;
	const char *why;
	size_t offset;

	if (ref || !item->template)
		return ref;
	if (ref_compile(template_render(item->template, ev, now_ms), ev->arena, &ref, &why, &offset) < 0)
		return NULL;
	return ref;
}

/*
 * filter_mutate - changes of fields, in a fixed order whatever the order of the text
 *
 * coerce, rename, update, replace, convert, gsub, uppercase, capitalize, lowercase, strip, split, join, merge, copy.  What fails
 * tags the event and ends the filter.  Source: logstash-filter-mutate 3.6.0 (meaning).
 */
#include "watcher/base/base.h"
#include "transforms/mutate.h"
#include "transforms/plan.h"

static const char *const convert_words[] = {"string",	  "integer",  "float", "boolean",
					    "integer_eu", "float_eu", NULL};

#define HASH(setting, key_kind, value_kind, sentence) \
	{ \
		.name = #setting, .type = OPTION_HASH, .item = value_kind, .key = key_kind, \
		.offset = offsetof(struct mutate, setting), .says = sentence \
	}
#define LIST(setting, kind, sentence) \
	{ \
		.name = #setting, .type = OPTION_LIST, .item = kind, \
		.offset = offsetof(struct mutate, setting), .says = sentence \
	}

static const struct option options[] = {
	HASH(coerce, ITEM_FIELD, ITEM_TEMPLATE, "a value for a field that is there and null"),
	HASH(rename, ITEM_PLACE, ITEM_PLACE, "another name for a field that is there"),
	HASH(update, ITEM_FIELD, ITEM_TEMPLATE, "a new value for a field that is there"),
	HASH(replace, ITEM_FIELD, ITEM_TEMPLATE, "a new value, and the field where there is none"),
	{"convert", OPTION_HASH, ITEM_TEXT, .key = ITEM_FIELD, .offset = offsetof(struct mutate, convert),
	 .words = convert_words, .says = "another type: string, integer, float, boolean, integer_eu, float_eu"},
	LIST(gsub, ITEM_TEXT, "field, regular expression, replacement; and so on"),
	LIST(uppercase, ITEM_FIELD, "fields to put in upper case"),
	LIST(capitalize, ITEM_FIELD, "fields to begin with a capital"),
	LIST(lowercase, ITEM_FIELD, "fields to put in lower case"),
	LIST(strip, ITEM_FIELD, "fields to take white space off both ends of"),
	HASH(split, ITEM_FIELD, ITEM_TEXT, "a text to a list, at a separator"),
	HASH(join, ITEM_FIELD, ITEM_TEXT, "a list to a text, with a separator"),
	HASH(merge, ITEM_FIELD, ITEM_FIELD, "the values of other fields added to a list or an object"),
	HASH(copy, ITEM_FIELD, ITEM_FIELD, "a field's value to another field"),
	{"tag_on_failure", OPTION_STRING, ITEM_TEXT, .offset = offsetof(struct mutate, tag),
	 .otherwise = "_mutate_error", .says = "the tag of an event that could not be changed"},
};

/* Every pair has one value; merge alone may have several. */
static int check_single(const struct option_hash *h, struct compile *c, const char *name)
{
	int r = 0;

	for (size_t i = 0; i < h->count; i++)
		if (h->pairs[i].values.count != 1) {
			compile_error(c, h->pairs[i].key.at, "mutate: %s of %.*s takes one value", name,
				      SPAN_FMT(h->pairs[i].key.text));
			r = -1;
		}
	return r;
}

static int mutate_init(void *self, struct compile *c)
{
	struct mutate *m = self;
	int r = mutate_gsub_init(m, c);

	r |= check_single(&m->coerce, c, "coerce") | check_single(&m->rename, c, "rename") |
	     check_single(&m->update, c, "update") | check_single(&m->replace, c, "replace") |
	     check_single(&m->convert, c, "convert") | check_single(&m->split, c, "split") |
	     check_single(&m->join, c, "join") | check_single(&m->copy, c, "copy");
	m->failure = arena_span(compile_arena(c), m->tag.text).p;
	m->lenient = compile_lenient(c);
	mutate_convert_init(m, c);
	return r;
}

static void mutate_release(void *self)
{
	mutate_gsub_release(self);
}

int mutate_fail(const struct mutation *m, const struct ref *ref, const struct value *value,
		const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)filter_fail(m->run, m->ev, m->mutate->failure, ref ? ref->shown : SPAN_NONE, value, "%s", text);
	return -1;
}

int mutate_set(const struct mutation *m, const struct ref *ref, struct value v)
{
	const char *why;

	if (ref_set(ref, m->ev, v, &why) == 0)
		return 0;
	return mutate_fail(m, ref, &v, "%s", why);
}

static struct value rendered(const struct mutation *m, const struct option_pair *p)
{
	return value_string(
		template_render(p->values.items[0].template, m->ev, filter_now(m->run)));
}

static int coerce(const struct mutation *m)
{
	for (size_t i = 0; i < m->mutate->coerce.count; i++) {
		const struct option_pair *p = &m->mutate->coerce.pairs[i];
		const struct value *v = ref_get(p->key.ref, m->ev);

		if (v && v->type == VALUE_NULL && mutate_set(m, p->key.ref, rendered(m, p)) < 0)
			return -1;
	}
	return 0;
}

static int rename_fields(const struct mutation *m)
{
	for (size_t i = 0; i < m->mutate->rename.count; i++) {
		const struct option_pair *p = &m->mutate->rename.pairs[i];
		int64_t now = filter_now(m->run);
		const struct ref *from = option_place(&p->key, m->ev, now);
		const struct ref *to = option_place(&p->values.items[0], m->ev, now);
		struct value was;

		if (!from || !to)
			return mutate_fail(m, from ? from : to, NULL,
					   "what the name's %%{} gave is no field reference");
		if (ref_remove(from, m->ev, &was) && mutate_set(m, to, was) < 0)
			return -1;
	}
	return 0;
}

static int update(const struct mutation *m)
{
	for (size_t i = 0; i < m->mutate->update.count; i++) {
		const struct option_pair *p = &m->mutate->update.pairs[i];

		if (ref_get(p->key.ref, m->ev) && mutate_set(m, p->key.ref, rendered(m, p)) < 0)
			return -1;
	}
	return 0;
}

static int replace(const struct mutation *m)
{
	for (size_t i = 0; i < m->mutate->replace.count; i++) {
		const struct option_pair *p = &m->mutate->replace.pairs[i];

		if (mutate_set(m, p->key.ref, rendered(m, p)) < 0)
			return -1;
	}
	return 0;
}

/* --- merge, copy --- */

static void add_all(struct value *list, const struct value *v, struct arena *a)
{
	if (!v || v->type == VALUE_NULL)
		return;
	if (v->type != VALUE_ARRAY) {
		value_array_add(list->u.array, a, value_copy(v, a));
		return;
	}
	for (size_t i = 0; i < v->u.array->len; i++)
		value_array_add(list->u.array, a, value_copy(&v->u.array->items[i], a));
}

/* base: the field as it was before the first value of its pair; a list or an object grows, of a scalar the last one stays. */
static int merge_one(const struct mutation *m, const struct ref *to, struct value *base, const struct ref *from)
{
	const struct value *old = base->type == VALUE_NULL ? NULL : base, *more = ref_get(from, m->ev);
	bool map = old && old->type == VALUE_MAP, more_map = more && more->type == VALUE_MAP;
	struct arena *a = m->ev->arena;
	struct value out;

	if (map != more_map)
		return 0; /* Logstash logs it and goes on with the next one */
	if (!map) {
		out = value_array(a);
		add_all(&out, old, a);
		add_all(&out, more, a);
		if (base->type == VALUE_ARRAY)
			*base = out;
		return mutate_set(m, to, out);
	}
	out = value_copy(old, a);
	for (size_t i = 0; i < more->u.map->len; i++)
		value_map_set(out.u.map, a, more->u.map->entries[i].name,
			      value_copy(&more->u.map->entries[i].value, a));
	*base = out;
	return mutate_set(m, to, out);
}

static int merge(const struct mutation *m)
{
	for (size_t i = 0; i < m->mutate->merge.count; i++) {
		const struct option_pair *p = &m->mutate->merge.pairs[i];
		const struct value *old = ref_get(p->key.ref, m->ev);
		struct value base = old ? *old : value_null();

		for (size_t k = 0; k < p->values.count; k++)
			if (merge_one(m, p->key.ref, &base, p->values.items[k].ref) < 0)
				return -1;
	}
	return 0;
}

static int copy(const struct mutation *m)
{
	for (size_t i = 0; i < m->mutate->copy.count; i++) {
		const struct option_pair *p = &m->mutate->copy.pairs[i];
		const struct value *v = ref_get(p->key.ref, m->ev);

		if (v && v->type != VALUE_NULL &&
		    mutate_set(m, p->values.items[0].ref, value_copy(v, m->ev->arena)) < 0)
			return -1;
	}
	return 0;
}

/* The order is the filter's, not the text's. */
static int (*const operations[])(const struct mutation *m) = {
	coerce,		  rename_fields,     update,	       replace,	     mutate_convert,
	mutate_gsub,	  mutate_uppercase,  mutate_capitalize, mutate_lowercase, mutate_strip,
	mutate_split,	  mutate_join,	     merge,	       copy,
};

static enum filter_result mutate_run(void *self, struct filter_run *run, struct event *ev)
{
	struct mutation m = {self, run, ev};

	for (size_t i = 0; i < ARRAY_LEN(operations); i++)
		if (operations[i](&m) < 0)
			return FILTER_FAILED;
	return FILTER_DONE;
}

static enum filter_result mutate_undecorated(void *self, struct filter_run *run, struct event *ev,
					     struct span field, const char *why)
{
	return filter_fail(run, ev, ((const struct mutate *)self)->failure, field, NULL, "%s", why);
}

static bool plain_pairs(const struct option_hash *h)
{
	for (size_t i = 0; i < h->count; i++) {
		const struct option_item *to = &h->pairs[i].values.items[0];

		if (h->pairs[i].key.template || (to->template && !template_is_plain(to->template)))
			return false;
	}
	return true;
}

static bool mutate_shape(const void *self, struct plan_shape *shape)
{
	const struct mutate *m = self;

	if (m->coerce.count || m->gsub.count || m->uppercase.count || m->capitalize.count || m->lowercase.count ||
	    m->strip.count || m->split.count || m->join.count || m->merge.count || m->copy.count)
		return false;
	for (size_t i = 0; i < m->convert.count; i++) {
		struct span type = m->convert.pairs[i].values.items[0].text;

		if (!span_is(type, "integer") && !span_is(type, "float"))
			return false;
	}
	shape->conversions += m->convert.count;
	return plain_pairs(&m->rename) && plain_pairs(&m->update) && plain_pairs(&m->replace);
}

const struct filter_type filter_mutate = {
	.name = "mutate",
	.says = "renames, converts and changes fields, in a fixed order",
	.size = sizeof(struct mutate),
	.options = options,
	.option_count = ARRAY_LEN(options),
	.init = mutate_init,
	.run = mutate_run,
	.undecorated = mutate_undecorated,
	.release = mutate_release,
	.shape = mutate_shape,
};

/*
 * filter_dissect - a text taken apart at delimiters
 *
 * All of a mapping or nothing: where a delimiter is missing the event stays as it is.  A field that is not there is left alone without a
 * tag, one that is empty or null is tagged.  Several mappings run one after the other, then the conversions.  An append joins with the
 * delimiter in front of it, a blank where there is none, or with append_separator (ours: what ingest pipelines call it).
 * A float keeps the digits it is written with, as Java's BigDecimal does: 12.340, and 7 without a point.
 * Source: logstash-filter-dissect 1.3.0 (meaning).
 */
#include "watcher/base/base.h"
#include "transforms/dissect_pattern.h"
#include "transforms/failure.h"
#include "transforms/number.h"

#define SHOWN 80 /* bytes of a pattern that a message shows */

struct mapping {
	const struct ref *source;
	struct dissect_pattern *pattern;
	const struct ref **refs; /* of pattern->saved; NULL for an indirect one */
};

struct conversion {
	const struct ref *ref;
	bool integer;
	const char *null_tag, *bad_tag;
};

struct dissect {
	struct option_hash mapping, convert;
	struct option_list tags;
	struct option_item separator;

	struct mapping *mappings;
	size_t mapping_count;
	struct conversion *conversions;
	size_t conversion_count;
	struct failure failure;
};

static const char *const convert_words[] = {"int", "float", NULL};

static const struct option options[] = {
	{"mapping", OPTION_HASH, ITEM_TEXT, .key = ITEM_FIELD, .offset = offsetof(struct dissect, mapping),
	 .says = "field and pattern: text and %{name}, %{}, %{?name}, %{+name}, %{+name/2}, %{&name}, each with -> for padding"},
	{"convert_datatype", OPTION_HASH, ITEM_TEXT, .key = ITEM_FIELD, .offset = offsetof(struct dissect, convert),
	 .words = convert_words, .says = "types of fields: int, float"},
	{"append_separator", OPTION_STRING, ITEM_TEXT, .offset = offsetof(struct dissect, separator),
	 .says = "what stands between appended values; not set: the delimiter in front of the value"},
	{"tag_on_failure", OPTION_LIST, ITEM_TEXT, .offset = offsetof(struct dissect, tags),
	 .says = "tags of an event that a pattern does not match; _dissectfailure when not set"},
};

/* --- init --- */

static int take_refs(struct mapping *m, struct compile *c, size_t at)
{
	const struct dissect_pattern *p = m->pattern;
	int r = 0;

	m->refs = arena_zalloc(compile_arena(c), (p->saved_count + 1) * sizeof(*m->refs));
	for (size_t i = 0; i < p->saved_count; i++) {
		if (p->saved[i]->kind == DISSECT_INDIRECT)
			continue;
		m->refs[i] = compile_ref(c, p->saved[i]->name, at);
		if (!m->refs[i])
			r = -1;
	}
	return r;
}

/* Some 80 bytes around a place, at characters. */
static struct span excerpt(struct span text, size_t at)
{
	size_t from = at > SHOWN / 2 ? at - SHOWN / 2 : 0, end = from + SHOWN;

	if (text.n <= SHOWN)
		return text;
	end = end < text.n ? end : text.n;
	while (from < end && ((unsigned char)text.p[from] & 0xc0) == 0x80)
		from++;
	while (end < text.n && end > from && ((unsigned char)text.p[end] & 0xc0) == 0x80)
		end--;
	return (struct span){text.p + from, end - from};
}

static int take_mapping(struct dissect *d, struct compile *c, const struct option_pair *pair)
{
	struct mapping *m = &d->mappings[d->mapping_count];
	const struct option_item *text = &pair->values.items[0];
	const char *why;
	size_t offset;

	if (pair->values.count != 1) {
		compile_error(c, pair->key.at, "dissect: field %.*s has one pattern", SPAN_FMT(pair->key.text));
		return -1;
	}
	if (!text->text.n)
		return 0; /* as in Logstash: nothing is to be done */
	if (dissect_compile(text->text, compile_arena(c), &m->pattern, &why, &offset) < 0) {
		struct span shown = excerpt(text->text, offset);

		compile_error(c, text->at, "dissect: pattern \"%s%.*s%s\", byte %zu: %s",
			      shown.p > text->text.p ? "..." : "", SPAN_FMT(shown),
			      shown.p + shown.n < text->text.p + text->text.n ? "..." : "", offset + 1, why);
		return -1;
	}
	if (dissect_is_hopeless(m->pattern))
		compile_warning(c, text->at,
				"dissect: two fields stand side by side with no delimiter between them: "
				"the pattern matches nothing");
	m->source = pair->key.ref;
	d->mapping_count++;
	return take_refs(m, c, text->at);
}

static int take_conversion(struct dissect *d, struct compile *c, const struct option_pair *pair)
{
	struct conversion *to = &d->conversions[d->conversion_count++];
	struct arena *a = compile_arena(c);
	struct span field = pair->key.text, type = pair->values.count ? pair->values.items[0].text : SPAN_NONE;

	if (pair->values.count != 1) {
		compile_error(c, pair->key.at, "dissect: field %.*s has one type", SPAN_FMT(field));
		return -1;
	}
	to->ref = pair->key.ref;
	to->integer = span_is(type, "int");
	to->null_tag = arena_printf(a, "_dataconversionnullvalue_%.*s_%.*s", SPAN_FMT(field), SPAN_FMT(type)).p;
	to->bad_tag = arena_printf(a, "_dataconversionuncoercible_%.*s_%.*s", SPAN_FMT(field), SPAN_FMT(type)).p;
	return 0;
}

static int dissect_init(void *self, struct compile *c)
{
	struct dissect *d = self;
	struct arena *a = compile_arena(c);
	int r = 0;

	failure_init(&d->failure, c, &d->tags, "_dissectfailure");
	d->mappings = arena_zalloc(a, (d->mapping.count + 1) * sizeof(*d->mappings));
	d->conversions = arena_zalloc(a, (d->convert.count + 1) * sizeof(*d->conversions));
	for (size_t i = 0; i < d->mapping.count; i++)
		if (take_mapping(d, c, &d->mapping.pairs[i]) < 0)
			r = -1;
	for (size_t i = 0; i < d->convert.count; i++)
		if (take_conversion(d, c, &d->convert.pairs[i]) < 0)
			r = -1;
	return r;
}

/* --- run --- */

struct dissection {
	const struct dissect *d;
	struct filter_run *run;
	struct event *ev;
	bool matched, failed;
};

static struct span appended(const struct dissection *x, const struct value *old,
			    const struct dissect_part *part)
{
	struct arena *a = x->ev->arena;
	struct span glue = part->before.n ? part->before : SPAN_LITERAL(" ");

	if (x->d->separator.set)
		glue = x->d->separator.text;
	return arena_printf(a, "%.*s%.*s%.*s", SPAN_FMT(value_text(old, a)), SPAN_FMT(glue),
			    SPAN_FMT(part->value));
}

/* The field that an indirect part means: named by a field of the event, else by another part; NULL: by none. */
static int indirect(const struct dissection *x, const struct dissect_pattern *p,
		    const struct dissect_part *part, const struct ref **out, const char **why)
{
	struct arena *a = x->ev->arena;
	struct span name = dissect_other(p, part);
	const struct ref *own;
	size_t at;

	*out = NULL;
	if (ref_compile(part->name, a, &own, why, &at) == 0 && ref_get(own, x->ev))
		name = value_text(ref_get(own, x->ev), a);
	return name.n ? ref_compile(name, a, out, why, &at) : 0;
}

static int save(const struct dissection *x, const struct mapping *m, size_t i, const char **why)
{
	const struct dissect_part *part = m->pattern->saved[i];
	struct span value = part->value;
	const struct ref *ref = m->refs[i];
	const struct value *old;

	if (part->kind == DISSECT_INDIRECT) {
		if (indirect(x, m->pattern, part, &ref, why) < 0)
			return -1;
		if (!ref)
			return 0;
	}
	if (part->kind == DISSECT_APPEND) {
		old = ref_get(ref, x->ev);
		if (old)
			value = appended(x, old, part);
	}
	return ref_set(ref, x->ev, value_string(value), why);
}

static void miss(struct dissection *x, const struct mapping *m, const struct value *v, const char *why)
{
	failure_warn(&x->d->failure, x->run, x->ev, m->source->shown, v, "%s", why);
	x->failed = x->failed || x->d->failure.count > 0;
}

static void take_apart(struct dissection *x, const struct mapping *m)
{
	const struct value *v = ref_get(m->source, x->ev);
	const char *why = NULL;
	struct value was;

	if (!v)
		return;
	was = value_string(value_text(v, x->ev->arena));
	if (!was.u.text.n) {
		miss(x, m, v, "it is empty");
		return;
	}
	if (!dissect_match(m->pattern, was.u.text)) {
		miss(x, m, &was, "it does not match the pattern");
		return;
	}
	for (size_t i = 0; i < m->pattern->saved_count; i++)
		if (save(x, m, i, &why) < 0) {
			miss(x, m, &was, why);
			return;
		}
	x->matched = true;
}

/* Java's grammar of a decimal: sign, digits with a point anywhere, exponent. */
static bool is_decimal(struct span s)
{
	size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+'), digits = 0, exponent = 0;

	for (bool point = false; i < s.n && ((s.p[i] == '.' && !point) || (s.p[i] >= '0' && s.p[i] <= '9')); i++) {
		point = point || s.p[i] == '.';
		digits += s.p[i] != '.';
	}
	if (digits && i < s.n && (s.p[i] | 32) == 'e') {
		i += i + 1 < s.n && (s.p[i + 1] == '-' || s.p[i + 1] == '+') ? 2 : 1;
		for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
			exponent++;
		return exponent && i == s.n;
	}
	return digits && i == s.n;
}

static void convert(struct dissection *x, const struct conversion *c)
{
	const struct value *v = ref_get(c->ref, x->ev);
	struct arena *a = x->ev->arena;
	struct number n;
	struct span text;
	const char *why;

	if (!v || v->type == VALUE_NULL) {
		filter_warn_tag(x->run, x->ev, c->null_tag, c->ref->shown, NULL, "there is no value to convert");
		x->failed = true;
		return;
	}
	text = value_text(v, a);
	if (v->type >= VALUE_TIME || v->type == VALUE_BOOL || !is_decimal(text) ||
	    !(c->integer ? number_integer(text, a, &n) : number_float(text, a, &n))) {
		filter_warn_tag(x->run, x->ev, c->bad_tag, c->ref->shown, v, "it is no number");
		x->failed = true;
		return;
	}
	if (c->integer && n.lossy)
		filter_lossy(x->run, c->ref->shown, "float", "integer", text);
	if (ref_set(c->ref, x->ev, (struct value){.type = c->integer ? VALUE_INT : VALUE_FLOAT, .u = {.text = n.text}},
		    &why) < 0)
		filter_warn_tag(x->run, x->ev, c->bad_tag, c->ref->shown, NULL, "%s", why);
}

static enum filter_result dissect_run(void *self, struct filter_run *run, struct event *ev)
{
	struct dissect *d = self;
	struct dissection x = {.d = d, .run = run, .ev = ev};

	for (size_t i = 0; i < d->mapping_count; i++)
		take_apart(&x, &d->mappings[i]);
	for (size_t i = 0; i < d->conversion_count; i++)
		convert(&x, &d->conversions[i]);
	if (x.matched)
		return FILTER_DONE;
	return x.failed ? FILTER_FAILED : FILTER_LEFT;
}

static enum filter_result dissect_undecorated(void *self, struct filter_run *run, struct event *ev,
					      struct span field, const char *why)
{
	return failure_of(&((const struct dissect *)self)->failure, run, ev, field, NULL, "%s", why);
}

const struct filter_type filter_dissect = {
	.name = "dissect",
	.says = "takes a text apart at delimiters",
	.size = sizeof(struct dissect),
	.options = options,
	.option_count = ARRAY_LEN(options),
	.init = dissect_init,
	.run = dissect_run,
	.undecorated = dissect_undecorated,
};

/*
 * mutate_convert - values to other types; see mutate.h
 *
 * Strict as Logstash 8.14 and later, or lenient as 8.6 where the job says so; what a conversion loses is counted.
 */
#include "watcher/base/base.h"
#include "transforms/letters.h"
#include "transforms/mutate.h"
#include "transforms/number.h"

struct conversion {
	const struct mutation *m;
	const struct ref *ref;
	struct span name; /* as written: integer_eu */
	const struct conversion_type *type;
};

void mutate_convert_init(struct mutate *m, struct compile *c)
{
	m->types = arena_zalloc(compile_arena(c), (m->convert.count + 1) * sizeof(*m->types));
	for (size_t i = 0; i < m->convert.count; i++) {
		const struct option_list *l = &m->convert.pairs[i].values;
		struct span name = l->count ? l->items[0].text : SPAN_NONE;
		struct conversion_type *t = &m->types[i];

		t->eu = span_ends(name, SPAN_LITERAL("_eu"));
		t->kind = span_starts(name, SPAN_LITERAL("integer")) ? TO_INTEGER
			  : span_starts(name, SPAN_LITERAL("float")) ? TO_FLOAT
			  : span_is(name, "boolean")		     ? TO_BOOLEAN
								     : TO_STRING;
	}
}

static void lossy(const struct conversion *c, const char *from, const char *to, struct span example)
{
	filter_lossy(c->m->run, c->ref->shown, from, to, example);
}

/* "1.234,5" is "1,234.5" where commas are decimal points. */
static struct span from_eu(struct span s, struct arena *a)
{
	char *to;

	if (!memchr(s.p, ',', s.n) && !memchr(s.p, '.', s.n))
		return s;
	to = arena_alloc(a, s.n);
	for (size_t i = 0; i < s.n; i++)
		to[i] = s.p[i] == ',' ? '.' : s.p[i] == '.' ? ',' : s.p[i];
	return (struct span){to, s.n};
}

static struct span without_commas(struct span s, struct arena *a)
{
	size_t n = 0;
	char *to;

	if (!s.n || !memchr(s.p, ',', s.n))
		return s;
	to = arena_alloc(a, s.n);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ',')
			to[n++] = s.p[i];
	return (struct span){to, n};
}

static int to_number(const struct conversion *c, const struct value *v, struct value *out)
{
	bool integer = c->type->kind == TO_INTEGER;
	struct arena *a = c->m->ev->arena;
	bool text = v->type == VALUE_STRING;
	struct span s = v->u.text;
	struct number n = {SPAN_NONE, false};
	bool ok = true;

	if (!c->type->eu && (integer ? number_is_plain_integer(s) : number_is_float_text(s))) {
		*out = (struct value){.type = integer ? VALUE_INT : VALUE_FLOAT, .u = {.text = s}};
		return 0;
	}
	if (text && c->type->eu)
		s = from_eu(s, a);
	if (text)
		s = letters_strip(without_commas(s, a)); /* ", 5" has a blank behind its comma */
	if (c->m->mutate->lenient && integer)
		number_integer_prefix(s, a, &n);
	else if (c->m->mutate->lenient)
		number_float_prefix(s, a, &n);
	else
		ok = integer ? number_integer(s, a, &n) : number_float(s, a, &n);
	if (!ok)
		return mutate_fail(c->m, c->ref, v, "it is no %.*s", SPAN_FMT(c->name));
	if (n.lossy)
		lossy(c, number_float(s, a, &(struct number){SPAN_NONE, false}) ? "float" : "string",
		      integer ? "integer" : "float", s);
	*out = (struct value){.type = integer ? VALUE_INT : VALUE_FLOAT,
			      .u = {.text = integer ? n.text : number_float_text(n.text, a)}};
	return 0;
}

static int bool_to_number(const struct conversion *c, const struct value *v, struct value *out)
{
	bool integer = c->type->kind == TO_INTEGER;
	struct span text = integer ? (v->u.boolean ? SPAN_LITERAL("1") : SPAN_LITERAL("0"))
				   : (v->u.boolean ? SPAN_LITERAL("1.0") : SPAN_LITERAL("0.0"));

	lossy(c, "boolean", integer ? "integer" : "float",
	      v->u.boolean ? SPAN_LITERAL("true") : SPAN_LITERAL("false"));
	*out = (struct value){.type = integer ? VALUE_INT : VALUE_FLOAT, .u = {.text = text}};
	return 0;
}

/* "1" any "0", as the dot of the filter's own expression has it */
static bool one_dot_zero(struct span s, char first)
{
	return s.n == 3 && s.p[0] == first && s.p[2] == '0';
}

static void to_boolean(const struct conversion *c, const struct value *v, struct value *out)
{
	static const char *const yes[] = {"true", "t", "yes", "y", "1"};
	static const char *const no[] = {"false", "f", "no", "n", "0", ""};
	struct span s = value_text(v, c->m->ev->arena);
	struct span word = letters_lower(s, c->m->ev->arena);

	*out = *v;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (span_is(word, yes[i]) || one_dot_zero(word, '1'))
			*out = value_bool(true);
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (span_is(word, no[i]) || one_dot_zero(word, '0'))
			*out = value_bool(false);
	if (!word.n && v->type == VALUE_STRING)
		lossy(c, "empty string", "boolean", s);
}

static int convert_value(const struct conversion *c, const struct value *v, struct value *out)
{
	if (v->type == VALUE_NULL) {
		*out = *v;
		return 0;
	}
	if (c->type->kind == TO_STRING) {
		*out = value_string(value_text(v, c->m->ev->arena));
		return 0;
	}
	if (c->type->kind == TO_BOOLEAN) {
		to_boolean(c, v, out);
		return 0;
	}
	if (v->type == VALUE_BOOL)
		return bool_to_number(c, v, out);
	if (v->type == VALUE_STRING || v->type == VALUE_INT || v->type == VALUE_FLOAT)
		return to_number(c, v, out);
	return mutate_fail(c->m, c->ref, v, "%s is no %.*s", value_type_name(v->type), SPAN_FMT(c->name));
}

static int convert_array(const struct conversion *c, const struct value *list, struct value *out)
{
	*out = value_array(c->m->ev->arena);
	for (size_t i = 0; i < list->u.array->len; i++) {
		struct value one;

		if (convert_value(c, &list->u.array->items[i], &one) < 0)
			return -1;
		value_array_add(out->u.array, c->m->ev->arena, one);
	}
	return 0;
}

int mutate_convert(const struct mutation *m)
{
	for (size_t i = 0; i < m->mutate->convert.count; i++) {
		const struct option_pair *p = &m->mutate->convert.pairs[i];
		struct conversion c = {m, p->key.ref, p->values.items[0].text, &m->mutate->types[i]};
		struct value *v = ref_get(c.ref, m->ev), made;

		if (!v || v->type == VALUE_NULL || v->type == VALUE_MAP)
			continue;
		if ((v->type == VALUE_ARRAY ? convert_array(&c, v, &made) : convert_value(&c, v, &made)) < 0)
			return -1;
		if (!ref_replace(c.ref, m->ev, v, made) && mutate_set(m, c.ref, made) < 0)
			return -1;
	}
	return 0;
}

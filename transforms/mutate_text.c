/*
 * mutate_text - case, white space, split and join; see mutate.h
 *
 * Lists are changed element by element; what is no text stays, but strip, which fails on it as Ruby does.
 */
#include "watcher/base/base.h"
#include "transforms/letters.h"
#include "transforms/mutate.h"

typedef struct span (*text_map)(struct span s, struct arena *a);

static struct span strip(struct span s, struct arena *a)
{
	(void)a;
	return letters_strip(s);
}

static int map_list(const struct mutation *m, const struct ref *ref, const struct value *list,
		    text_map map, bool strict)
{
	struct arena *a = m->ev->arena;
	struct value out = value_array(a);

	for (size_t i = 0; i < list->u.array->len; i++) {
		struct value one = list->u.array->items[i];

		if (one.type == VALUE_STRING)
			one.u.text = map(one.u.text, a);
		else if (strict)
			return mutate_fail(m, ref, &one, "%s in the list is no text", value_type_name(one.type));
		value_array_add(out.u.array, a, one);
	}
	return mutate_set(m, ref, out);
}

static int map_fields(const struct mutation *m, const struct option_list *fields, text_map map,
		      bool strict)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct ref *ref = fields->items[i].ref;
		struct value *v = ref_get(ref, m->ev);

		if (v && v->type == VALUE_STRING)
			v->u.text = map(v->u.text, m->ev->arena);
		else if (v && v->type == VALUE_ARRAY && map_list(m, ref, v, map, strict) < 0)
			return -1;
	}
	return 0;
}

int mutate_uppercase(const struct mutation *m)
{
	return map_fields(m, &m->mutate->uppercase, letters_upper, false);
}

int mutate_capitalize(const struct mutation *m)
{
	return map_fields(m, &m->mutate->capitalize, letters_capitalize, false);
}

int mutate_lowercase(const struct mutation *m)
{
	return map_fields(m, &m->mutate->lowercase, letters_lower, false);
}

int mutate_strip(const struct mutation *m)
{
	return map_fields(m, &m->mutate->strip, strip, true);
}

/* --- split --- */

static size_t character(struct span s, size_t at)
{
	size_t n = 1;

	while (at + n < s.n && ((unsigned char)s.p[at + n] & 0xc0) == 0x80)
		n++;
	return n;
}

static void add_piece(struct value *list, struct arena *a, const char *p, size_t n)
{
	value_array_add(list->u.array, a, value_string((struct span){p, n}));
}

/* Ruby's split at a blank: at runs of white space, none at the begin. */
static void split_words(struct span s, struct value *list, struct arena *a)
{
	for (size_t i = 0; i < s.n;) {
		size_t from;

		while (i < s.n && (s.p[i] == ' ' || (s.p[i] >= '\t' && s.p[i] <= '\r') || s.p[i] == '\0'))
			i++;
		from = i;
		while (i < s.n && !(s.p[i] == ' ' || (s.p[i] >= '\t' && s.p[i] <= '\r') || s.p[i] == '\0'))
			i++;
		if (i > from)
			add_piece(list, a, s.p + from, i - from);
	}
}

static void split_at(struct span s, struct span separator, struct value *list, struct arena *a)
{
	const char *p = s.p, *end = s.p + s.n, *q;

	if (!separator.n) {
		for (size_t i = 0; i < s.n; i += character(s, i))
			add_piece(list, a, s.p + i, character(s, i));
		return;
	}
	while ((q = memmem(p, (size_t)(end - p), separator.p, separator.n))) {
		add_piece(list, a, p, (size_t)(q - p));
		p = q + separator.n;
	}
	add_piece(list, a, p, (size_t)(end - p));
}

int mutate_split(const struct mutation *m)
{
	for (size_t i = 0; i < m->mutate->split.count; i++) {
		const struct option_pair *p = &m->mutate->split.pairs[i];
		struct span separator = p->values.items[0].text;
		const struct value *v = ref_get(p->key.ref, m->ev);
		struct value out;

		if (!v || v->type != VALUE_STRING)
			continue;
		out = value_array(m->ev->arena);
		if (span_is(separator, " "))
			split_words(v->u.text, &out, m->ev->arena);
		else if (v->u.text.n)
			split_at(v->u.text, separator, &out, m->ev->arena);
		/* empty pieces at the end are dropped */
		while (out.u.array->len && !out.u.array->items[out.u.array->len - 1].u.text.n)
			out.u.array->len--;
		if (mutate_set(m, p->key.ref, out) < 0)
			return -1;
	}
	return 0;
}

/* --- join --- */

static void join_list(struct strbuf *sb, const struct value_array *list, struct span separator,
		      struct arena *a, bool *first)
{
	for (size_t i = 0; i < list->len; i++) {
		const struct value *v = &list->items[i];

		if (v->type == VALUE_ARRAY) {
			join_list(sb, v->u.array, separator, a, first);
			continue;
		}
		if (!*first)
			strbuf_addspan(sb, separator);
		*first = false;
		strbuf_addspan(sb, value_text(v, a));
	}
}

int mutate_join(const struct mutation *m)
{
	for (size_t i = 0; i < m->mutate->join.count; i++) {
		const struct option_pair *p = &m->mutate->join.pairs[i];
		const struct value *v = ref_get(p->key.ref, m->ev);
		struct strbuf *sb = &m->mutate->text;
		bool first = true;

		if (!v || v->type != VALUE_ARRAY)
			continue;
		strbuf_reset(sb);
		join_list(sb, v->u.array, p->values.items[0].text, m->ev->arena, &first);
		if (mutate_set(m, p->key.ref, value_string(arena_span(m->ev->arena, strbuf_span(sb)))) < 0)
			return -1;
	}
	return 0;
}

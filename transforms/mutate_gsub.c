/*
 * mutate_gsub - regular expressions replaced; see mutate.h
 *
 * The replacement is a template first, then Ruby's: \0 to \9, \& \` \' \\ and \k<name> are put in.  A pattern with %{} is compiled
 * again only when its text has changed.
 */
#include "watcher/base/base.h"
#include "transforms/mutate.h"
#include "transforms/budget.h"

#define OUTPUT_MAX (4 * 1024 * 1024)

/* One text that is being made anew. */
struct work {
	const struct mutation *m;
	struct gsub *g;
	struct span subject;
	struct span by;
	struct strbuf *out;
};

static bool is_dynamic(struct span s)
{
	return s.n && memmem(s.p, s.n, "%{", 2);
}

static int take_triple(struct mutate *m, struct compile *c, const struct option_item *items)
{
	struct gsub *g = &m->gsubs[m->gsub_count++];

	strbuf_init(&g->last);
	g->at = items[1].at;
	g->ref = compile_ref(c, items[0].text, items[0].at);
	g->by = compile_template(c, items[2].text, items[2].at);
	if (is_dynamic(items[1].text))
		g->pattern = compile_template(c, items[1].text, items[1].at);
	else
		g->regex = compile_regex(c, items[1].text, items[1].at, REGEX_PLAIN);
	return g->ref && g->by && (g->pattern || g->regex) ? 0 : -1;
}

int mutate_gsub_init(struct mutate *m, struct compile *c)
{
	const struct option_list *list = &m->gsub;
	int r = 0;

	strbuf_init(&m->text);
	if (list->count % 3 != 0) {
		compile_error(c, list->items[0].at,
			      "mutate: gsub takes threes: field, regular expression, replacement; there are %zu values",
			      list->count);
		return -1;
	}
	m->gsubs = xcalloc(list->count / 3 + 1, sizeof(*m->gsubs));
	for (size_t i = 0; i < list->count; i += 3)
		if (take_triple(m, c, &list->items[i]) < 0)
			r = -1;
	return r;
}

void mutate_gsub_release(struct mutate *m)
{
	for (size_t i = 0; i < m->gsub_count; i++) {
		if (m->gsubs[i].pattern)
			regex_free(&m->gsubs[i].regex);
		strbuf_release(&m->gsubs[i].last);
	}
	free(m->gsubs);
	strbuf_release(&m->text);
}

/* The regex for this event. */
static int ready_regex(const struct mutation *m, struct gsub *g)
{
	char why[REGEX_WHY];
	struct span text;

	if (!g->pattern)
		return 0;
	text = template_render(g->pattern, m->ev, filter_now(m->run));
	if (g->regex && span_equal(text, strbuf_span(&g->last)))
		return 0;
	regex_free(&g->regex);
	strbuf_reset(&g->last);
	strbuf_addspan(&g->last, text);
	if (regex_compile(text, REGEX_PLAIN, &g->regex, why) == 0) {
		filter_charge(m->run, g->regex, text, g->at);
		return 0;
	}
	return mutate_fail(m, g->ref, NULL, "gsub: \"%.*s%s\", of the event, is no regular expression: %s",
			   (int)(text.n < BUDGET_PATTERN ? text.n : BUDGET_PATTERN), text.p,
			   text.n > BUDGET_PATTERN ? "..." : "", why);
}

static void add_group(const struct work *w, const struct regex_match *match, size_t group)
{
	if (group < match->count && match->begin[group] >= 0)
		strbuf_add(w->out, w->subject.p + match->begin[group],
			   (size_t)(match->end[group] - match->begin[group]));
}

/* What a backslash at w->by.p[i] means: the bytes of it that are used, 0: it stands for itself. */
static size_t add_reference(const struct work *w, const struct regex_match *match, size_t i)
{
	char c = i + 1 < w->by.n ? w->by.p[i + 1] : '\0';

	if (c >= '0' && c <= '9')
		add_group(w, match, (size_t)(c - '0'));
	else if (c == '&')
		add_group(w, match, 0);
	else if (c == '`')
		strbuf_add(w->out, w->subject.p, (size_t)match->begin[0]);
	else if (c == '\'')
		strbuf_add(w->out, w->subject.p + match->end[0], w->subject.n - (size_t)match->end[0]);
	else if (c == '\\')
		strbuf_addc(w->out, '\\');
	else
		return 0;
	return 2;
}

/* \k<name>; -1: the pattern has no such group. */
static int add_named(const struct work *w, const struct regex_match *match, size_t *i)
{
	const char *from = w->by.p + *i + 3;
	const char *end = memchr(from, '>', w->by.n - *i - 3);
	int group;

	if (!end) {
		strbuf_addc(w->out, '\\');
		++*i;
		return 0;
	}
	group = regex_group(w->g->regex, (struct span){from, (size_t)(end - from)});
	if (group < 0)
		return -1;
	add_group(w, match, (size_t)group);
	*i = (size_t)(end + 1 - w->by.p);
	return 0;
}

static int add_replacement(const struct work *w, const struct regex_match *match)
{
	for (size_t i = 0; i < w->by.n;) {
		size_t used = w->by.p[i] == '\\' ? add_reference(w, match, i) : 0;

		if (!used && w->by.p[i] == '\\' && w->by.n - i > 3 && w->by.p[i + 1] == 'k' &&
		    w->by.p[i + 2] == '<') {
			if (add_named(w, match, &i) < 0)
				return -1;
			continue;
		}
		if (!used)
			strbuf_addc(w->out, w->by.p[i]);
		i += used ? used : 1;
	}
	return 0;
}

static size_t character_at(struct span s, size_t at)
{
	size_t n = 1;

	while (at + n < s.n && ((unsigned char)s.p[at + n] & 0xc0) == 0x80)
		n++;
	return n;
}

static int fail(const struct work *w, const char *why)
{
	struct value v = value_string(w->subject);

	return mutate_fail(w->m, w->g->ref, &v, "%s", why);
}

/* Every match in the subject; *changed: there was one. */
static int replace_all(const struct work *w, bool *changed)
{
	struct regex_match match;
	size_t at = 0, last = 0;
	enum regex_result r;

	while ((r = regex_search(w->g->regex, w->subject, at, &match)) == REGEX_MATCH) {
		size_t begin = (size_t)match.begin[0], end = (size_t)match.end[0];

		*changed = true;
		strbuf_add(w->out, w->subject.p + last, begin - last);
		if (add_replacement(w, &match) < 0)
			return fail(w, "gsub: the pattern has no group of that name");
		if (w->out->n > OUTPUT_MAX)
			return fail(w, "gsub: the text would be over 4 MiB");
		last = end;
		if (end == begin && end == w->subject.n)
			break;
		at = end == begin ? end + character_at(w->subject, end) : end;
	}
	if (r == REGEX_LIMIT)
		return fail(w, "gsub: the regular expression costs too much on this text");
	strbuf_add(w->out, w->subject.p + last, w->subject.n - last);
	return 0;
}

static int gsub_text(const struct mutation *m, struct gsub *g, struct span by, struct value *v)
{
	struct work w = {m, g, v->u.text, by, &m->mutate->text};
	bool changed = false;

	strbuf_reset(w.out);
	if (replace_all(&w, &changed) < 0)
		return -1;
	if (changed)
		v->u.text = arena_span(m->ev->arena, strbuf_span(w.out));
	return 0;
}

int mutate_gsub(const struct mutation *m)
{
	for (size_t i = 0; i < m->mutate->gsub_count; i++) {
		struct gsub *g = &m->mutate->gsubs[i];
		struct value *v = ref_get(g->ref, m->ev);
		struct span by;

		if (!v || (v->type != VALUE_STRING && v->type != VALUE_ARRAY))
			continue;
		if (ready_regex(m, g) < 0)
			return -1;
		by = template_render(g->by, m->ev, filter_now(m->run));
		if (v->type == VALUE_STRING && gsub_text(m, g, by, v) < 0)
			return -1;
		for (size_t k = 0; v->type == VALUE_ARRAY && k < v->u.array->len; k++)
			if (v->u.array->items[k].type == VALUE_STRING &&
			    gsub_text(m, g, by, &v->u.array->items[k]) < 0)
				return -1;
	}
	return 0;
}

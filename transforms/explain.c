/*
 * explain - a filter's text in words; see the header
 *
 * Called by `ingest-worker --explain` for a text that has compiled.  Walks the tree once more; owns nothing afterwards.
 */
#include "watcher/base/base.h"
#include "transforms/explain.h"
#include "transforms/compile.h"

struct walk {
	struct compile c;
	struct strbuf *out;
	unsigned depth;
};

static void begin_line(struct walk *w, size_t at)
{
	strbuf_addf(w->out, "%5zu  %*s", compile_line(&w->c, at), (int)(2 * w->depth), "");
}

static void add_value(struct walk *w, const struct syntax_value *v)
{
	const char *between = "";

	switch (v->kind) {
	case SYNTAX_ARRAY:
		for (const struct syntax_value *i = v->items; i; i = i->next, between = ", ") {
			strbuf_adds(w->out, between);
			add_value(w, i);
		}
		return;
	case SYNTAX_HASH:
		for (const struct syntax_pair *p = v->pairs; p; p = p->next, between = ", ") {
			strbuf_adds(w->out, between);
			add_value(w, &p->key);
			strbuf_adds(w->out, " => ");
			add_value(w, &p->value);
		}
		return;
	case SYNTAX_NUMBER:
		strbuf_addspan(w->out, v->text);
		return;
	case SYNTAX_STRING:
	case SYNTAX_WORD:
	case SYNTAX_FIELD:
	case SYNTAX_REGEX:
		strbuf_addf(w->out, "\"%.*s\"", SPAN_FMT(v->text));
		return;
	}
	CHECK(!"a value's kind");
}

static void add_settings(struct walk *w, const struct syntax_node *n, const struct option *table, size_t count,
			 const char *when)
{
	for (size_t i = 0; i < count; i++)
		for (const struct syntax_attribute *a = n->attributes; a; a = a->next) {
			if (!span_is(a->name, table[i].name))
				continue;
			begin_line(w, a->at);
			strbuf_addf(w->out, "  %s%s: ", when, table[i].name);
			add_value(w, &a->value);
			strbuf_addc(w->out, '\n');
		}
}

static void add_filter(struct walk *w, const struct syntax_node *n)
{
	const struct filter_type *type = filter_find(n->name);

	begin_line(w, n->at);
	strbuf_addf(w->out, "%s: %s\n", type->name, type->says);
	add_settings(w, n, type->options, type->option_count, "");
	add_settings(w, n, common_options, common_option_count, "on success, ");
}

/* As written, line breaks and comments' blanks as one blank. */
static void add_condition(struct walk *w, const struct syntax_arm *a)
{
	bool blank = false;

	for (size_t i = a->at; i < a->condition_end; i++) {
		char c = w->c.source->text.p[i];

		if (strchr(" \t\r\n", c)) {
			blank = true;
			continue;
		}
		if (blank)
			strbuf_addc(w->out, ' ');
		blank = false;
		strbuf_addc(w->out, c);
	}
	strbuf_addc(w->out, '\n');
}

static void add_nodes(struct walk *w, const struct syntax_node *nodes);

static void add_branch(struct walk *w, const struct syntax_node *n)
{
	for (const struct syntax_arm *a = n->arms; a; a = a->next) {
		begin_line(w, a->at);
		if (a->condition) {
			strbuf_adds(w->out, a == n->arms ? "if " : "otherwise, if ");
			add_condition(w, a);
		} else {
			strbuf_adds(w->out, "otherwise\n");
		}
		w->depth++;
		add_nodes(w, a->body);
		w->depth--;
	}
}

static void add_nodes(struct walk *w, const struct syntax_node *nodes)
{
	for (const struct syntax_node *n = nodes; n; n = n->next) {
		if (n->is_branch)
			add_branch(w, n);
		else
			add_filter(w, n);
	}
	if (!nodes) {
		strbuf_addf(w->out, "%7s%*snothing\n", "", (int)(2 * w->depth), "");
	}
}

int plan_explain(const struct plan_source *src, struct strbuf *out)
{
	struct strbuf errors = STRBUF_INIT;
	struct source source = {.text = src->text, .origin = src->origin, .errors = &errors};
	struct plan none = {.lenient = src->lenient};
	struct walk w = {.c = {.plan = &none, .source = &source}, .out = out};
	struct syntax_node *nodes;
	struct arena arena;
	struct syntax s;

	arena_init(&arena, 16 * 1024);
	syntax_init(&s, &source, &arena, src->vars);
	nodes = syntax_parse(&s);
	if (source.error_count == 0)
		add_nodes(&w, nodes);
	arena_release(&arena);
	strbuf_release(&errors);
	return source.error_count ? -1 : 0;
}

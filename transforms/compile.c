/*
 * compile - the tree of a filter's text to a plan; see the header
 *
 * Called by plan_compile.  A branch becomes tests and jumps; every filter's settings are checked even when others are wrong.
 */
#include "watcher/base/base.h"
#include "transforms/compile.h"
#include "transforms/regex_lint.h"
#include "transforms/run.h"
#include "watcher/base/utf8.h"

#define BYTE_ORDER_MARK SPAN_LITERAL("\xef\xbb\xbf")

void compile_error(struct compile *c, size_t at, const char *fmt, ...)
{
	va_list ap;

	if (!at)
		at = c->node->at;
	if (!c->whole && source_has_error(c->source, at))
		return; /* a setting of the wrong type is told once: init would say again what is wrong with it */
	va_start(ap, fmt);
	source_verror(c->source, at, fmt, ap);
	va_end(ap);
}

void compile_warning(struct compile *c, size_t at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	source_vwarning(c->source, at ? at : c->node->at, fmt, ap);
	va_end(ap);
}

size_t compile_setting(const struct compile *c, const char *name)
{
	for (const struct syntax_attribute *a = c->node->attributes; a; a = a->next)
		if (span_is(a->name, name))
			return a->value.at;
	return 0;
}

void compile_warn_ecs(struct compile *c, const struct option_item *ecs, const struct option_item *target)
{
	if ((span_is(ecs->text, "v1") || span_is(ecs->text, "v8")) && !target->set)
		compile_warning(c, ecs->at,
				"%.*s: ecs_compatibility without a target: the data's names become fields of the event "
				"itself, where they can stand in the way of fields of the Elastic Common Schema; set target",
				SPAN_FMT(c->node->name));
}

struct arena *compile_arena(struct compile *c)
{
	return &c->plan->arena;
}

bool compile_lenient(const struct compile *c)
{
	return c->plan->lenient;
}

/* Where a byte of text stands in the source: exactly when text is part of it, else where its value begins. */
static size_t place_of(const struct compile *c, struct span text, size_t at, size_t offset)
{
	struct span all = c->source->text;

	return text.p >= all.p && text.p <= all.p + all.n ? (size_t)(text.p - all.p) + offset : at;
}

struct regex *compile_regex(struct compile *c, struct span pattern, size_t at, unsigned flags)
{
	struct plan *p = c->plan;
	char why[REGEX_WHY];
	struct regex *re;
	size_t nested;

	if (regex_compile(pattern, flags, &re, why) < 0) {
		compile_error(c, at, "regular expression: %s", why);
		return NULL;
	}
	if (regex_is_nested(pattern, &nested))
		compile_warning(c, place_of(c, pattern, at, nested),
				"this group repeats without end what repeats without end itself: a row that does not "
				"match can cost its time limit, and is rejected then");
	regex_charge(re, pattern, &p->budget, at ? at : c->node->at);
	p->regexes = xrealloc(p->regexes, (p->regex_count + 1) * sizeof(struct regex *));
	p->regexes[p->regex_count++] = re;
	return re;
}

const struct ref *compile_ref(struct compile *c, struct span text, size_t at)
{
	const struct ref *ref = NULL;
	const char *why;
	size_t offset;

	if (ref_compile(text, &c->plan->arena, &ref, &why, &offset) < 0)
		compile_error(c, place_of(c, text, at, offset), "\"%.*s\" is no field reference: %s",
			      (int)(text.n < 80 ? text.n : 80), text.p, why);
	return ref;
}

const struct template *compile_template(struct compile *c, struct span text, size_t at)
{
	const struct template *t = NULL;
	const char *why;
	size_t offset;

	if (template_compile(text, &c->plan->arena, &t, &why, &offset) < 0)
		compile_error(c, place_of(c, text, at, offset), "within %%{ }: %s", why);
	return t;
}

size_t compile_line(struct compile *c, size_t at)
{
	if (at < c->line_at) {
		c->line = 0;
		c->line_at = 0;
	}
	for (; c->line_at < at && c->line_at < c->source->text.n; c->line_at++)
		c->line += c->source->text.p[c->line_at] == '\n';
	return c->line + 1;
}

static struct step *add_step(struct compile *c, enum step_kind kind, size_t at)
{
	struct plan *p = c->plan;
	struct step *s;

	if (p->count == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 16;
		p->steps = xrealloc(p->steps, p->cap * sizeof(*p->steps));
	}
	s = &p->steps[p->count++];
	memset(s, 0, sizeof(*s));
	s->kind = kind;
	s->line = compile_line(c, at);
	return s;
}

static void compile_filter(struct compile *c, const struct syntax_node *n)
{
	const struct filter_type *type = filter_find(n->name);
	size_t before = c->source->error_count;
	struct step *s;

	c->node = n;
	if (!type) {
		filter_refuse(c, n->name, n->at);
		return;
	}
	s = add_step(c, STEP_FILTER, n->at);
	s->type = type;
	s->self = arena_zalloc(&c->plan->arena, type->size);
	c->whole = true;
	options_fill(c, type, s->self, &s->common);
	c->plan->has_csv |= strcmp(type->name, "csv") == 0;
	if (type->init && type->init(s->self, c) < 0 && c->source->error_count == before)
		compile_error(c, 0, "%s: refused", type->name);
	c->plan->remembers |= c->source->error_count == before && type->remembers && type->remembers(s->self);
}

static void compile_nodes(struct compile *c, const struct syntax_node *nodes);

/* Every arm but the last ends with a jump behind the whole branch; the jumps are chained through `to` until that place is known. */
static void compile_branch(struct compile *c, const struct syntax_node *n)
{
	size_t jumps = SIZE_MAX;

	for (const struct syntax_arm *a = n->arms; a; a = a->next) {
		size_t test = c->plan->count;

		c->node = n;
		if (a->condition) {
			const struct condition *cond = condition_compile(c, a->condition);

			add_step(c, STEP_TEST, a->at)->condition = cond;
		}
		compile_nodes(c, a->body);
		if (a->next) {
			add_step(c, STEP_JUMP, a->at)->to = jumps;
			jumps = c->plan->count - 1;
		}
		if (a->condition)
			c->plan->steps[test].to = c->plan->count;
	}
	while (jumps != SIZE_MAX) {
		size_t next = c->plan->steps[jumps].to;

		c->plan->steps[jumps].to = c->plan->count;
		jumps = next;
	}
}

static void compile_nodes(struct compile *c, const struct syntax_node *nodes)
{
	for (const struct syntax_node *n = nodes; n; n = n->next) {
		if (n->is_branch)
			compile_branch(c, n);
		else
			compile_filter(c, n);
	}
}

/* A text that is none is told once, at its first byte that shows it; false: there is nothing to compile. */
static bool check_text(struct source *s)
{
	size_t valid = utf8_valid_prefix(s->text);
	const char *nul = valid ? memchr(s->text.p, '\0', valid) : NULL;

	if (nul)
		source_error(s, (size_t)(nul - s->text.p), "a NUL byte: a filter is text in UTF-8");
	else if (valid < s->text.n)
		source_error(s, valid, "a byte that is not UTF-8: a filter is text in UTF-8");
	return !nul && valid == s->text.n;
}

int plan_compile(const struct plan_source *src, struct plan **out, struct strbuf *errors,
		 struct strbuf *warnings)
{
	struct source source = {.origin = src->origin, .errors = errors, .warnings = warnings};
	struct plan *p = xcalloc(1, sizeof(*p));
	struct compile c = {.plan = p, .source = &source};
	struct syntax_node *nodes = NULL;
	struct span text = src->text;
	struct syntax s;

	arena_init(&p->arena, 16 * 1024);
	p->lenient = src->lenient;
	/* settings are spans of the text: the plan has its own */
	if (span_starts(text, BYTE_ORDER_MARK)) /* editors' word for UTF-8 */
		text = (struct span){text.p + 3, text.n - 3};
	source.text = p->text = arena_span(&p->arena, text);
	p->budget.row_ms = BUDGET_ROW_MS;
	syntax_init(&s, &source, &p->arena, src->vars);
	if (check_text(&source))
		nodes = syntax_parse(&s);
	compile_nodes(&c, nodes);
	if (source.error_count == 0) {
		compile_lint(&c, nodes);
		compile_lint_fields(&c, nodes);
	}
	p->run = filter_run_new(p);
	source_sort(&source);
	if (source.error_count > 0) {
		plan_free(&p);
		return -1;
	}
	*out = p;
	return 0;
}

void plan_free(struct plan **pp)
{
	struct plan *p = *pp;

	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++) {
		const struct step *s = &p->steps[i];

		if (s->kind == STEP_FILTER && s->type && s->type->release)
			s->type->release(s->self);
	}
	for (size_t i = 0; i < p->regex_count; i++)
		regex_free(&p->regexes[i]);
	free(p->regexes);
	free(p->steps);
	filter_run_free(&p->run);
	arena_release(&p->arena);
	free(p);
	*pp = NULL;
}

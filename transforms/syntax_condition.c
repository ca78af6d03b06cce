/*
 * syntax_condition - the conditions of branches; see syntax.h
 *
 * Called by syntax.c behind `if`.  `and` binds tighter than `or`; both become flat lists, so that a long chain costs no depth.
 * What Logstash's grammar reads as a field reference is one here too: `["x"]` is the field `"x"`, quotes and all; said as a warning.
 */
#include "watcher/base/base.h"
#include "transforms/syntax_own.h"

static struct syntax_expression *make(struct syntax *s, enum expression_kind kind, size_t at)
{
	struct syntax_expression *e = arena_zalloc(s->arena, sizeof(*e));

	e->kind = kind;
	e->at = at;
	s->nodes++;
	return e;
}

static bool is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* A keyword, and no word that begins with it. */
static bool takes_keyword(struct syntax *s, const char *word)
{
	size_t at, n = strlen(word);

	syntax_skip(s);
	at = s->at;
	if (!syntax_take(s, word))
		return false;
	if (!is_letter(syntax_peek(s)))
		return true;
	s->at = at;
	CHECK(n > 0);
	return false;
}

/* `[a][b]`: its length, 0 when the brackets hold a list; *bad: where elements that began as a field go wrong. */
static size_t selector_length(const struct syntax *s, size_t *bad)
{
	size_t i = s->at;

	*bad = 0;
	while (i < s->text.n && s->text.p[i] == '[') {
		size_t from = ++i;

		while (i < s->text.n && !strchr("[],", s->text.p[i]))
			i++;
		if (i == s->text.n || s->text.p[i] != ']' || i == from) {
			*bad = from - 1 > s->at ? from - 1 : 0;
			return 0;
		}
		i++;
	}
	return i - s->at;
}

static void warn_of_list(struct syntax *s, const struct syntax_value *v)
{
	struct span inner = {v->text.p + 1, v->text.n - 2};

	while (inner.n && strchr(" \t\r\n", inner.p[0])) {
		inner.p++;
		inner.n--;
	}
	if (inner.n && strchr("\"'-0123456789", inner.p[0]))
		source_warning(s->source, v->at,
			       "%.*s is read as a field, as Logstash reads it, not as a list of one; write "
			       "[field] == %.*s, or name the element twice",
			       SPAN_FMT(v->text), SPAN_FMT(inner));
}

static bool bracketed(struct syntax *s, struct syntax_value *out)
{
	size_t bad, n = selector_length(s, &bad);

	if (bad) {
		syntax_error(s, bad, bad + 1 < s->text.n && s->text.p[bad + 1] == ']'
					     ? "a field reference has no empty brackets"
					     : "a field reference is [name][name]: a ] is missing");
		return false;
	}
	if (!n)
		return syntax_list(s, out);
	out->kind = SYNTAX_FIELD;
	out->text = (struct span){s->text.p + s->at, n};
	s->at += n;
	warn_of_list(s, out);
	return true;
}

/* `/.../i` is Ruby's; Logstash's grammar has no letters there. */
static bool no_flags(struct syntax *s)
{
	size_t end = s->at;

	while (end < s->text.n && s->text.p[end] && strchr("imx", s->text.p[end]))
		end++;
	if (end == s->at || (end < s->text.n && is_letter((unsigned char)s->text.p[end])))
		return true;
	syntax_error(s, s->at, "no letters behind a regular expression; write (?%.*s) at its begin",
		     (int)(end - s->at), s->text.p + s->at);
	s->at = end;
	return false;
}

/* `/.../`, with `\/` for a slash within. */
bool syntax_regex(struct syntax *s, struct syntax_value *out)
{
	char *text;
	size_t n = 0, i = s->at + 1;

	out->kind = SYNTAX_REGEX;
	while (i < s->text.n && s->text.p[i] != '/')
		i += s->text.p[i] == '\\' && i + 1 < s->text.n ? 2 : 1;
	if (i >= s->text.n) {
		syntax_error(s, s->at, "this regular expression has no / at its end");
		s->lost = true;
		return false;
	}
	text = arena_alloc(s->arena, i - s->at + 1);
	for (size_t k = s->at + 1; k < i; k++) {
		if (s->text.p[k] == '\\' && s->text.p[k + 1] == '/')
			continue;
		text[n++] = s->text.p[k];
	}
	out->text = (struct span){text, n};
	s->at = i + 1;
	return no_flags(s);
}

static bool word_operand(struct syntax *s)
{
	size_t at = s->at;
	struct span name = syntax_name(s);

	if (span_is(name, "not"))
		syntax_error(s, at, "write ! before a ( or a [field]; `not` stands before `in` only");
	else if (syntax_take(s, "("))
		syntax_error(s, at, "%.*s(): Logstash has no functions in conditions", SPAN_FMT(name));
	else
		syntax_error(s, at, "a field stands in brackets, [%.*s], a text in quotes, \"%.*s\"",
			     SPAN_FMT(name), SPAN_FMT(name));
	return false;
}

static bool operand(struct syntax *s, struct syntax_value *out)
{
	int c;

	syntax_skip(s);
	out->at = s->at;
	c = syntax_peek(s);
	if (c == '"' || c == '\'')
		return syntax_quoted(s, &out->text);
	if (c == '[')
		return bracketed(s, out);
	if (c == '/')
		return syntax_regex(s, out);
	if (c == '-' || (c >= '0' && c <= '9')) {
		out->kind = SYNTAX_NUMBER;
		return syntax_number(s, &out->text);
	}
	if (is_letter(c))
		return word_operand(s);
	syntax_error(s, s->at, "%sexpected a [field], a string, a number, a list or a /regex/",
		     c == -1 ? "the text ends; " : "");
	return false;
}

static bool operator(struct syntax *s, enum expression_kind *kind)
{
	static const struct {
		const char *token;
		enum expression_kind kind;
	} operators[] = {
		{"==", EXPRESSION_EQUAL},         {"!=", EXPRESSION_UNEQUAL},
		{"<=", EXPRESSION_LESS_EQUAL},    {">=", EXPRESSION_GREATER_EQUAL},
		{"<", EXPRESSION_LESS},           {">", EXPRESSION_GREATER},
		{"=~", EXPRESSION_MATCH},         {"!~", EXPRESSION_NOT_MATCH},
	};

	for (size_t i = 0; i < ARRAY_LEN(operators); i++)
		if (syntax_take(s, operators[i].token)) {
			*kind = operators[i].kind;
			return true;
		}
	if (syntax_peek(s) == '=') {
		syntax_error(s, s->at, "write == to compare");
		*kind = EXPRESSION_TRUTH;
		return true;
	}
	if (takes_keyword(s, "in")) {
		*kind = EXPRESSION_IN;
		return true;
	}
	if (takes_keyword(s, "not")) {
		*kind = EXPRESSION_NOT_IN;
		if (!takes_keyword(s, "in")) {
			syntax_error(s, s->at, "expected in behind not");
			*kind = EXPRESSION_TRUTH;
		}
		return true;
	}
	return false;
}

static struct syntax_expression *comparison(struct syntax *s)
{
	struct syntax_expression *e = make(s, EXPRESSION_TRUTH, s->at);
	size_t at;

	if (!operand(s, &e->left))
		return NULL;
	syntax_skip(s);
	at = s->at;
	if (!operator(s, &e->kind))
		return e;
	if (e->kind == EXPRESSION_TRUTH)
		return NULL;
	e->at = at;
	return operand(s, &e->right) ? e : NULL;
}

static struct syntax_expression *negation(struct syntax *s, size_t at)
{
	struct syntax_expression *e = make(s, EXPRESSION_NOT, at);

	syntax_skip(s);
	if (syntax_peek(s) == '(') {
		s->at++;
		e->items = syntax_condition(s);
		if (!e->items || !syntax_expect(s, ")", "behind the condition"))
			return NULL;
		return e;
	}
	e->items = make(s, EXPRESSION_TRUTH, s->at);
	if (syntax_peek(s) == '[' && operand(s, &e->items->left) && e->items->left.kind == SYNTAX_FIELD)
		return e;
	syntax_error(s, s->at, "expected ( or a [field] behind !");
	return NULL;
}

static struct syntax_expression *term(struct syntax *s)
{
	struct syntax_expression *e;
	size_t at;

	syntax_skip(s);
	at = s->at;
	if (syntax_peek(s) == '!') {
		s->at++;
		return negation(s, at);
	}
	if (syntax_peek(s) != '(')
		return comparison(s);
	s->at++;
	e = syntax_condition(s);
	if (e && !syntax_expect(s, ")", "behind the condition"))
		return NULL;
	return e;
}

static bool refuses_rare(struct syntax *s)
{
	size_t at;

	syntax_skip(s);
	at = s->at;
	if (takes_keyword(s, "xor"))
		syntax_error(s, at, "xor: not in this version; write ([a] and !([b])) or (!([a]) and [b])");
	else if (takes_keyword(s, "nand"))
		syntax_error(s, at, "nand: not in this version; write !([a] and [b])");
	else if (syntax_take(s, "&&") || syntax_take(s, "||"))
		syntax_error(s, at, "write %s", s->text.p[at] == '&' ? "and" : "or");
	else
		return false;
	return true;
}

/* a and b and c: one term, or a list of them. */
static struct syntax_expression *conjunction(struct syntax *s)
{
	struct syntax_expression *first = term(s), *all, *last = first;

	if (!first || !takes_keyword(s, "and"))
		return first;
	all = make(s, EXPRESSION_ALL, first->at);
	all->items = first;
	do {
		last->next = term(s);
		last = last->next;
		if (!last)
			return NULL;
	} while (takes_keyword(s, "and"));
	return all;
}

static struct syntax_expression *disjunction(struct syntax *s)
{
	struct syntax_expression *first = conjunction(s), *any, *last = first;

	if (!first || !takes_keyword(s, "or"))
		return first;
	any = make(s, EXPRESSION_ANY, first->at);
	any->items = first;
	do {
		last->next = conjunction(s);
		last = last->next;
		if (!last)
			return NULL;
	} while (takes_keyword(s, "or"));
	return any;
}

struct syntax_expression *syntax_condition(struct syntax *s)
{
	struct syntax_expression *e = NULL;

	if (syntax_enter(s))
		e = disjunction(s);
	syntax_leave(s);
	return e && refuses_rare(s) ? NULL : e;
}

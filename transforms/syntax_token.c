/*
 * syntax_token - the parser's smallest parts: blanks, words, strings, numbers, and where to go on behind an error
 *
 * Called by syntax.c, syntax_condition.c and pipeline.c.
 */
#include "watcher/base/base.h"
#include "transforms/syntax_own.h"
#include "watcher/base/nearest.h"

#define VAR_NAME 64

int syntax_peek(const struct syntax *s)
{
	return s->at < s->text.n ? (unsigned char)s->text.p[s->at] : -1;
}

void syntax_skip(struct syntax *s)
{
	for (;;) {
		int c = syntax_peek(s);

		if (c == '#')
			while (syntax_peek(s) != '\n' && syntax_peek(s) != -1)
				s->at++;
		else if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			s->at++;
		else
			return;
	}
}

bool syntax_take(struct syntax *s, const char *token)
{
	struct span rest;

	syntax_skip(s);
	rest = (struct span){s->text.p + s->at, s->text.n - s->at};
	if (!span_starts(rest, span_of(token)))
		return false;
	s->at += strlen(token);
	return true;
}

bool syntax_expect(struct syntax *s, const char *token, const char *where)
{
	if (syntax_take(s, token))
		return true;
	syntax_error(s, s->at, "%sexpected %s %s", syntax_peek(s) == -1 ? "the text ends; " : "", token,
		     where);
	return false;
}

void syntax_error(struct syntax *s, size_t at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	source_verror(s->source, at, fmt, ap);
	va_end(ap);
}

bool syntax_enter(struct syntax *s)
{
	s->depth++;
	s->nodes++;
	if (s->depth <= SYNTAX_DEPTH && s->nodes <= SYNTAX_NODES)
		return true;
	if (!s->lost)
		syntax_error(s, s->at,
			     s->depth > SYNTAX_DEPTH ? "nested deeper than %d"
						     : "a filter of more than %d parts",
			     s->depth > SYNTAX_DEPTH ? SYNTAX_DEPTH : SYNTAX_NODES);
	s->lost = true;
	return false;
}

void syntax_leave(struct syntax *s)
{
	s->depth--;
}

static bool is_name(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '-';
}

struct span syntax_name(struct syntax *s)
{
	size_t from = s->at;

	while (is_name(syntax_peek(s)))
		s->at++;
	return (struct span){s->text.p + from, s->at - from};
}

/* Behind the quote that closes the string at s->at; the end of the text when it is not closed. */
static size_t string_end(const struct syntax *s)
{
	size_t i = s->at + 1;
	char quote = s->text.p[s->at];

	while (i < s->text.n && s->text.p[i] != quote)
		i += s->text.p[i] == '\\' && i + 1 < s->text.n ? 2 : 1;
	return i < s->text.n ? i + 1 : s->text.n + 1;
}

/* --- ${NAME} --- */

static const char *var_value(const struct syntax *s, struct span name)
{
	for (size_t i = 0; s->vars && i < s->vars->count; i++)
		if (span_is(name, s->vars->items[i].name))
			return s->vars->items[i].value;
	return NULL;
}

static bool var_missing(struct syntax *s, size_t at, struct span name)
{
	const char *names[64], *near;
	size_t n = 0;

	for (; s->vars && n < s->vars->count && n < ARRAY_LEN(names); n++)
		names[n] = s->vars->items[n].name;
	near = nearest_name(name, names, n);
	syntax_error(s, at, "${%.*s}: the job's vars have no %.*s%s%s%s", SPAN_FMT(name), SPAN_FMT(name),
		     near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return false;
}

static bool is_var(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
	       (!first && c >= '0' && c <= '9');
}

/* `${NAME}` or `${NAME:default}` at i: its length, 0 when this is none. */
static size_t var_at(struct span text, size_t i, struct span *name, struct span *otherwise)
{
	size_t from = i + 2, k = from, end;

	if (i + 3 >= text.n || text.p[i] != '$' || text.p[i + 1] != '{')
		return 0;
	while (k < text.n && is_var(text.p[k], k == from))
		k++;
	*name = (struct span){text.p + from, k - from};
	*otherwise = SPAN_NONE;
	if (k == from || k == text.n || (text.p[k] != '}' && text.p[k] != ':'))
		return 0;
	if (text.p[k] == '}')
		return k + 1 - i;
	for (end = ++k; end < text.n && text.p[end] != '}'; end++)
		;
	*otherwise = (struct span){text.p + k, end - k};
	return end < text.n ? end + 1 - i : 0;
}

static bool substitute(struct syntax *s, size_t at, struct span *text)
{
	struct span name, otherwise, all = *text;
	struct strbuf out = STRBUF_INIT;
	bool ok = true, any = false;

	for (size_t i = 0; i < all.n && out.n <= SOURCE_MAX;) {
		size_t n = var_at(all, i, &name, &otherwise);
		const char *value = n ? var_value(s, name) : NULL;

		if (!n) {
			strbuf_addc(&out, all.p[i++]);
			continue;
		}
		any = true;
		if (value)
			strbuf_adds(&out, value);
		else if (otherwise.p)
			strbuf_addspan(&out, otherwise);
		else
			ok = var_missing(s, at + 1 + i, name);
		i += n;
	}
	if (any)
		*text = arena_span(s->arena, strbuf_span(&out));
	strbuf_release(&out);
	return ok;
}

/* A backslash keeps the quote open and stays in the value (Logstash's config.support_escapes is off). */
bool syntax_quoted(struct syntax *s, struct span *out)
{
	size_t from = s->at, end = string_end(s);

	if (end > s->text.n) {
		syntax_error(s, from, "this string is not closed");
		s->at = s->text.n;
		s->lost = true;
		return false;
	}
	*out = (struct span){s->text.p + from + 1, end - from - 2};
	s->at = end;
	if (out->n > 2 && memchr(out->p, '$', out->n))
		return substitute(s, from, out);
	return true;
}

bool syntax_number(struct syntax *s, struct span *out)
{
	size_t from = s->at, digits;

	if (syntax_peek(s) == '-')
		s->at++;
	digits = s->at;
	while (syntax_peek(s) >= '0' && syntax_peek(s) <= '9')
		s->at++;
	if (s->at == digits) {
		syntax_error(s, from, "a - without digits");
		return false;
	}
	if (syntax_peek(s) == '.')
		s->at++;
	while (syntax_peek(s) >= '0' && syntax_peek(s) <= '9')
		s->at++;
	*out = (struct span){s->text.p + from, s->at - from};
	return true;
}

/* From the block's first byte on, strings and comments passed over as such. */
void syntax_resume(struct syntax *s, size_t block)
{
	size_t stop = s->at;
	unsigned open = 1;

	for (s->at = block; open > 0 || s->at < stop;) {
		int c;

		syntax_skip(s);
		c = syntax_peek(s);
		if (c == -1) {
			s->lost = true;
			return;
		}
		if (c == '"' || c == '\'') {
			size_t end = string_end(s);

			s->at = end > s->text.n ? s->text.n : end;
			continue;
		}
		s->at++;
		if (c == '{')
			open++;
		else if (c == '}' && open > 0)
			open--;
	}
}

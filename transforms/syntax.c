/*
 * syntax - the text of a filter to a tree; see the header
 *
 * A recursive descent, one function a rule.  Hostile text is bounded by its size (1 MiB) and by DEPTH.
 */
#include "watcher/base/base.h"
#include "transforms/syntax.h"

#define DEPTH 32
#define SHOWN 160

void syntax_init(struct syntax *s, struct span text, const char *origin, struct arena *arena,
		 struct strbuf *errors)
{
	memset(s, 0, sizeof(*s));
	s->text = text;
	s->origin = origin;
	s->arena = arena;
	s->errors = errors;
}

/* The line of `at`, cut around it when long, and the caret. */
static void add_excerpt(struct syntax *s, size_t from, size_t at)
{
	size_t end = at, start = at - from > SHOWN / 2 ? at - SHOWN / 2 : from;

	while (end < s->text.n && end < start + SHOWN && s->text.p[end] != '\n' &&
	       s->text.p[end] != '\r')
		end++;
	for (size_t i = start; i < end; i++) {
		unsigned char c = (unsigned char)s->text.p[i];

		strbuf_addc(s->errors, c < 0x20 || c == 0x7f ? ' ' : (char)c);
	}
	strbuf_addf(s->errors, "\n%*s^\n", (int)(at - start), "");
}

void syntax_error(struct syntax *s, size_t at, const char *fmt, ...)
{
	size_t line = 1, from = 0;
	va_list ap;

	if (at > s->text.n)
		at = s->text.n;
	for (size_t i = 0; i < at; i++)
		if (s->text.p[i] == '\n') {
			line++;
			from = i + 1;
		}
	strbuf_addf(s->errors, "%s:%zu:%zu: ", s->origin, line, at - from + 1);
	va_start(ap, fmt);
	strbuf_vaddf(s->errors, fmt, ap);
	va_end(ap);
	strbuf_addc(s->errors, '\n');
	add_excerpt(s, from, at);
	s->failed = true;
}

static int peek(const struct syntax *s)
{
	return s->at < s->text.n ? (unsigned char)s->text.p[s->at] : -1;
}

static void skip(struct syntax *s)
{
	for (;;) {
		int c = peek(s);

		if (c == '#')
			while (peek(s) != '\n' && peek(s) != -1)
				s->at++;
		else if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			s->at++;
		else
			return;
	}
}

static bool take(struct syntax *s, const char *token)
{
	struct span rest = {s->text.p + s->at, s->text.n - s->at};

	if (!span_starts(rest, span_of(token)))
		return false;
	s->at += strlen(token);
	return true;
}

static bool expect(struct syntax *s, const char *token, const char *where)
{
	skip(s);
	if (take(s, token))
		return true;
	if (peek(s) == -1)
		syntax_error(s, s->at, "the text ends; expected %s %s", token, where);
	else
		syntax_error(s, s->at, "expected %s %s", token, where);
	return false;
}

static bool is_word(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

static struct span word(struct syntax *s)
{
	size_t from = s->at;

	while (is_word(peek(s)))
		s->at++;
	return (struct span){s->text.p + from, s->at - from};
}

/* A backslash keeps the quote open and stays in the value (config.support_escapes is off). */
static bool quoted(struct syntax *s, struct span *out)
{
	size_t from = s->at;
	char quote = s->text.p[s->at++];

	while (peek(s) != -1 && s->text.p[s->at] != quote)
		s->at += s->text.p[s->at] == '\\' && s->at + 1 < s->text.n ? 2 : 1;
	if (peek(s) == -1) {
		syntax_error(s, from, "this string is not closed");
		return false;
	}
	*out = (struct span){s->text.p + from + 1, s->at - from - 1};
	s->at++;
	for (size_t i = 0; i + 1 < out->n; i++)
		if (out->p[i] == '$' && out->p[i + 1] == '{') {
			syntax_error(s, from + 1 + i, "${...}: not in this version");
			return false;
		}
	return true;
}

static bool value(struct syntax *s, struct syntax_value *out);

static bool array(struct syntax *s, struct syntax_value *out)
{
	struct syntax_value **last = &out->items;

	out->kind = SYNTAX_ARRAY;
	s->at++;
	skip(s);
	if (take(s, "]"))
		return true;
	for (;;) {
		*last = arena_zalloc(s->arena, sizeof(**last));
		if (!value(s, *last))
			return false;
		last = &(*last)->next;
		skip(s);
		if (take(s, "]"))
			return true;
		if (!expect(s, ",", "or ] in a list"))
			return false;
	}
}

static bool hash(struct syntax *s, struct syntax_value *out)
{
	struct syntax_pair **last = &out->pairs;

	out->kind = SYNTAX_HASH;
	s->at++;
	for (;;) {
		skip(s);
		if (take(s, "}"))
			return true;
		if (peek(s) == ',') {
			syntax_error(s, s->at, "no comma between entries of a hash: blanks part them");
			return false;
		}
		*last = arena_zalloc(s->arena, sizeof(**last));
		if (!value(s, &(*last)->key))
			return false;
		if ((*last)->key.kind > SYNTAX_NUMBER) {
			syntax_error(s, (*last)->key.at, "a key must be a string or a number");
			return false;
		}
		for (const struct syntax_pair *p = out->pairs; p != *last; p = p->next)
			if (span_equal(p->key.text, (*last)->key.text)) {
				syntax_error(s, (*last)->key.at, "duplicate key \"%.*s\" in one hash",
					     SPAN_FMT(p->key.text));
				return false;
			}
		if (!expect(s, "=>", "behind a key") || !value(s, &(*last)->value))
			return false;
		last = &(*last)->next;
	}
}

static bool number(struct syntax *s, struct syntax_value *out)
{
	size_t from = s->at;

	out->kind = SYNTAX_NUMBER;
	if (peek(s) == '-')
		s->at++;
	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
	if (peek(s) == '.')
		s->at++;
	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
	out->text = (struct span){s->text.p + from, s->at - from};
	return true;
}

static bool value(struct syntax *s, struct syntax_value *out)
{
	bool ok = false;
	int c;

	skip(s);
	out->at = s->at;
	c = peek(s);
	if (++s->depth > DEPTH)
		syntax_error(s, s->at, "nested deeper than %d", DEPTH);
	else if (c == '"' || c == '\'')
		ok = quoted(s, &out->text);
	else if (c == '[')
		ok = array(s, out);
	else if (c == '{')
		ok = hash(s, out);
	else if (c == '-' || (c >= '0' && c <= '9'))
		ok = number(s, out);
	else if (is_word(c)) {
		out->text = word(s);
		ok = out->text.n >= 2;
		if (!ok)
			syntax_error(s, out->at, "a bare word has two letters or more; quote \"%.*s\"",
				     SPAN_FMT(out->text));
	} else if (c == -1) {
		syntax_error(s, s->at, "the text ends; expected a value");
	} else {
		syntax_error(s, s->at, "expected a value");
	}
	s->depth--;
	return ok;
}

static bool attributes(struct syntax *s, struct syntax_plugin *p)
{
	struct syntax_attribute **last = &p->attributes;

	for (;;) {
		skip(s);
		if (take(s, "}"))
			return true;
		if (peek(s) == ',') {
			syntax_error(s, s->at, "no comma between settings: blanks part them");
			return false;
		}
		*last = arena_zalloc(s->arena, sizeof(**last));
		(*last)->at = s->at;
		(*last)->name = word(s);
		if (!(*last)->name.n) {
			syntax_error(s, s->at, peek(s) == -1 ? "the text ends; expected } of %.*s"
							     : "expected a setting of %.*s or }",
				     SPAN_FMT(p->name));
			return false;
		}
		if (!expect(s, "=>", "behind the setting's name") || !value(s, &(*last)->value))
			return false;
		last = &(*last)->next;
	}
}

struct syntax_plugin *syntax_parse(struct syntax *s)
{
	struct syntax_plugin *first = NULL, **last = &first;

	for (;;) {
		skip(s);
		if (peek(s) == -1)
			return s->failed ? NULL : first;
		*last = arena_zalloc(s->arena, sizeof(**last));
		(*last)->at = s->at;
		(*last)->name = word(s);
		if (!(*last)->name.n) {
			syntax_error(s, s->at, "expected a filter's name");
			return NULL;
		}
		if (span_is((*last)->name, "if") || span_is((*last)->name, "else")) {
			syntax_error(s, (*last)->at, "conditions (if, else): not in this version");
			return NULL;
		}
		if (!expect(s, "{", "behind a filter's name") || !attributes(s, *last))
			return NULL;
		last = &(*last)->next;
	}
}

/*
 * source - the text of a filter, and what is wrong with it; see the header
 *
 * Called by the parser and the compiler.  Owns nothing.
 */
#include "watcher/base/base.h"
#include "transforms/source.h"
#include "watcher/base/utf8.h"

#define SHOWN 120
#define WARNING "warning: "

struct place {
	size_t line;
	size_t from; /* first byte of the line */
	size_t at;
};

static struct place place_of(const struct source *s, size_t at)
{
	struct place p = {1, 0, at < s->text.n ? at : s->text.n};

	for (size_t i = 0; i < p.at; i++)
		if (s->text.p[i] == '\n') {
			p.line++;
			p.from = i + 1;
		}
	return p;
}

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t characters(const struct source *s, size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		n += !continues(s->text.p[i]);
	return n;
}

void source_place(struct span text, size_t at, size_t *line, size_t *column)
{
	struct source s = {.text = text};
	struct place p = place_of(&s, at);

	*line = p.line;
	*column = characters(&s, p.from, p.at) + 1;
}

/* The line, cut around the place when long, and the caret. */
static void add_excerpt(struct strbuf *out, const struct source *s, const struct place *p)
{
	size_t start = p->at - p->from > SHOWN / 2 ? p->at - SHOWN / 2 : p->from, end = p->at;
	size_t from = out->n;

	while (start < p->at && continues(s->text.p[start]))
		start++;
	while (end < s->text.n && end < start + SHOWN && s->text.p[end] != '\n' && s->text.p[end] != '\r')
		end++;
	while (end < s->text.n && end > p->at && continues(s->text.p[end]))
		end--;
	utf8_add_repaired(out, (struct span){s->text.p + start, end - start});
	for (size_t i = from; i < out->n; i++) {
		size_t hidden = utf8_hidden((struct span){out->p + i, out->n - i}, &(unsigned){0});

		memset(out->p + i, ' ', hidden);
	}
	strbuf_addf(out, "\n%*s^\n", (int)characters(s, start, p->at), "");
}

static void add_message(struct strbuf *out, const char *fmt, va_list ap)
{
	struct strbuf raw = STRBUF_INIT;

	strbuf_vaddf(&raw, fmt, ap);
	for (size_t i = 0; i < raw.n; i++)
		if ((unsigned char)raw.p[i] < 0x20 || raw.p[i] == 0x7f)
			raw.p[i] = ' ';
	utf8_add_repaired(out, strbuf_span(&raw));
	strbuf_release(&raw);
}

static void say(struct strbuf *out, const struct source *s, size_t at, const char *kind, const char *fmt,
		va_list ap)
{
	struct place p = place_of(s, at);

	strbuf_addf(out, "%s:%zu:%zu: %s", s->origin, p.line, characters(s, p.from, p.at) + 1, kind);
	add_message(out, fmt, ap);
	strbuf_addc(out, '\n');
	add_excerpt(out, s, &p);
}

/* count: of its kind so far, this one included. */
static void list(struct source *s, struct source_list *l, struct strbuf *out, size_t count, size_t at,
		 const char *kind, const char *fmt, va_list ap)
{
	size_t from = out->n;

	if (count == SOURCE_ERRORS + 1)
		strbuf_addf(out, "%s: %smore %s follow these %d\n", s->origin, kind, *kind ? "warnings" : "errors",
			    SOURCE_ERRORS);
	if (count > SOURCE_ERRORS)
		return;
	say(out, s, at, kind, fmt, ap);
	l->items[l->count].at = at;
	l->items[l->count].from = from;
	l->items[l->count++].end = out->n;
}

void source_verror(struct source *s, size_t at, const char *fmt, va_list ap)
{
	list(s, &s->listed_errors, s->errors, ++s->error_count, at, "", fmt, ap);
}

bool source_has_error(const struct source *s, size_t at)
{
	for (size_t i = 0; i < s->listed_errors.count; i++)
		if (s->listed_errors.items[i].at == at)
			return true;
	return false;
}

void source_vwarning(struct source *s, size_t at, const char *fmt, va_list ap)
{
	s->warning_count++;
	if (s->warnings)
		list(s, &s->listed_warnings, s->warnings, s->warning_count, at, WARNING, fmt, ap);
}

static void sort(const struct source_list *l, struct strbuf *said)
{
	struct strbuf sorted = STRBUF_INIT;
	bool taken[SOURCE_ERRORS] = {false};

	for (size_t k = 0; k < l->count; k++) {
		size_t first = SIZE_MAX;

		for (size_t i = 0; i < l->count; i++)
			if (!taken[i] && (first == SIZE_MAX || l->items[i].at < l->items[first].at))
				first = i;
		taken[first] = true;
		strbuf_add(&sorted, said->p + l->items[first].from,
			   l->items[first].end - l->items[first].from);
	}
	if (l->count)
		memcpy(said->p + l->items[0].from, sorted.p, sorted.n);
	strbuf_release(&sorted);
}

void source_sort(struct source *s)
{
	sort(&s->listed_errors, s->errors);
	if (s->warnings)
		sort(&s->listed_warnings, s->warnings);
}

void source_error(struct source *s, size_t at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	source_verror(s, at, fmt, ap);
	va_end(ap);
}

void source_warning(struct source *s, size_t at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	source_vwarning(s, at, fmt, ap);
	va_end(ap);
}

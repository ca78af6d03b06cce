/*
 * csv_line - the fields of one row in a field's text; see the header
 *
 * Called by the csv filter once a row.  The list of fields is kept from row to row.
 */
#include "watcher/base/base.h"
#include "transforms/csv_line.h"

struct reader {
	const char *p;
	const char *end;
	struct span separator;
	char quote;
};

static void add(struct csv_line *l, struct span text, bool quoted)
{
	if (l->count == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 32;
		l->fields = xrealloc(l->fields, l->cap * sizeof(*l->fields));
	}
	l->fields[l->count++] = (struct csv_field){text, quoted};
}

static bool at_separator(const struct reader *r)
{
	return (size_t)(r->end - r->p) >= r->separator.n &&
	       memcmp(r->p, r->separator.p, r->separator.n) == 0;
}

static bool at_row_end(const struct reader *r)
{
	if (r->p == r->end || *r->p == '\n')
		return true;
	return *r->p == '\r' && (r->p + 1 == r->end || r->p[1] == '\n');
}

/* Between the quotes; doubled ones made single in the arena. */
static const char *quoted_field(struct reader *r, struct arena *a, struct span *out)
{
	const char *from = ++r->p, *q;
	size_t doubled = 0, n = 0;
	char *to;

	for (;;) {
		q = memchr(r->p, r->quote, (size_t)(r->end - r->p));
		if (!q)
			return "a quote is opened and not closed";
		if (q + 1 == r->end || q[1] != r->quote)
			break;
		doubled++;
		r->p = q + 2;
	}
	*out = (struct span){from, (size_t)(q - from)};
	r->p = q + 1;
	if (!doubled)
		return NULL;
	to = arena_alloc(a, out->n - doubled);
	for (const char *p = from; p < q; p++) {
		to[n++] = *p;
		p += *p == r->quote;
	}
	*out = (struct span){to, n};
	return NULL;
}

/* Over what can only be data: most bytes are, so they cost one look each. */
static void skip_data(struct reader *r)
{
	const char first = r->separator.p[0], quote = r->quote ? r->quote : '\n';
	const char *p = r->p, *end = r->end;

	while (p < end && *p != first && *p != '\n' && *p != '\r' && *p != quote)
		p++;
	r->p = p;
}

static const char *plain_field(struct reader *r, struct span *out)
{
	const char *from = r->p;

	for (skip_data(r); !at_row_end(r) && !at_separator(r); skip_data(r)) {
		if (*r->p == '\r')
			return "a CR outside of quotes";
		if (r->quote && *r->p == r->quote)
			return "a quote inside a field that does not begin with one";
		r->p++;
	}
	*out = (struct span){from, (size_t)(r->p - from)};
	return NULL;
}

bool csv_line_is_usual(const struct csv_line *l)
{
	return span_is(l->separator, ",") && l->quote == '"';
}

void csv_line_take(struct csv_line *l, const struct record *rec, struct arena *a)
{
	l->count = 0;
	for (size_t i = 0; i < rec->field_count; i++)
		add(l, field_text(&rec->fields[i], a), rec->fields[i].quoted);
}

bool csv_line_split(struct csv_line *l, struct span text, struct arena *a, const char **why)
{
	struct reader r = {text.p, text.p + text.n, l->separator, l->quote};
	struct span field;
	bool quoted;

	l->count = 0;
	if (text.n == 0)
		return true;
	for (;;) {
		quoted = r.quote && r.p < r.end && *r.p == r.quote;
		*why = quoted ? quoted_field(&r, a, &field) : plain_field(&r, &field);
		if (*why)
			return false;
		add(l, field, quoted);
		if (at_row_end(&r))
			return true;
		if (!at_separator(&r)) {
			*why = "text behind a closing quote";
			return false;
		}
		r.p += r.separator.n;
	}
}

void csv_line_release(struct csv_line *l)
{
	free(l->fields);
	l->fields = NULL;
	l->count = l->cap = 0;
}

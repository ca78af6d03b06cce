/*
 * straight - the types' checks and the text; see the header
 *
 * Called by row.c for each record.  A clean record's fields are copied COPY bytes at a time, behind their end too: the parser has
 * RECORD_SLACK bytes there, and the body is given as many.
 */
#include "watcher/base/base.h"
#include "watcher/worker/straight_own.h"
#include "watcher/base/json_out.h"
#include "watcher/sink/address_text.h"
#include "watcher/sink/date_text.h"
#include "watcher/worker/digits.h"

#define RUBY_WHOLE 16 /* digits before the point, and zeros behind 0., that Float#to_s writes without an exponent */
#define RUBY_ZEROS 3
#define FLOAT_BYTES (DIGITS_BYTES - 1) /* with fewer than 38 digits below a float's 3.4e38 */

/* --- does it fit? --- */

/* -?(0|[1-9][0-9]*), but for -0, and few enough digits. */
static bool is_integer(struct span v, bool natural, size_t most)
{
	size_t minus = v.p[0] == '-', n = v.n - minus;

	if (n - 1 >= most || (minus && natural) || digits_missing(v, minus))
		return false;
	return v.p[minus] != '0' || (n == 1 && !minus);
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)? and not too long.  *point: where its point is, or its length. */
static bool is_float(struct span v, size_t *point)
{
	size_t minus = v.p[0] == '-', at;
	uint32_t others;

	if (v.n > FLOAT_BYTES)
		return false;
	others = digits_missing(v, minus);
	at = (size_t)__builtin_ctz(others | UINT32_C(1) << v.n);
	*point = at;
	if ((others & (others - 1)) || (others && (v.p[at] != '.' || at + 1 == v.n)))
		return false;
	return at > minus && (v.p[minus] != '0' || at == minus + 1);
}

/* And one that Ruby writes without an exponent; the zeros at its end are as_ruby_float's. */
static bool is_ruby_float(struct span v)
{
	size_t minus = v.n > 0 && v.p[0] == '-', point, zeros;

	if (!is_float(v, &point))
		return false;
	if (v.p[minus] != '0' || point == v.n)
		return point - minus <= RUBY_WHOLE;
	zeros = point + 1;
	while (zeros < v.n && v.p[zeros] == '0')
		zeros++;
	return zeros == v.n || zeros - (point + 1) <= RUBY_ZEROS;
}

static bool value_fits(const struct part *p, struct span v)
{
	size_t point;

	switch (p->form) {
	case FORM_ANY:
		return true;
	case FORM_INTEGER:
	case FORM_NATURAL:
		return is_integer(v, p->form == FORM_NATURAL, p->digits);
	case FORM_FLOAT:
		return is_float(v, &point);
	case FORM_RUBY_FLOAT:
		return is_ruby_float(v);
	case FORM_BOOLEAN:
		return span_is(v, "true") || span_is(v, "false");
	case FORM_DATE:
	case FORM_DATE_NANOS:
		return !date_text_fault(v, p->form == FORM_DATE_NANOS);
	case FORM_ADDRESS:
		return address_text_fits(v);
	}
	return false;
}

static bool usual_row(const struct straight *s, const struct record *rec)
{
	if (rec->field_count != s->columns)
		return false;
	if (!s->filtered)
		return true;
	if (!rec->clean && memchr(rec->raw.p, '\r', rec->raw.n))
		return false;
	return !s->header.n || !span_equal(rec->fields[0].text, s->header);
}

bool straight_fits(const struct straight *s, const struct record *rec)
{
	if (!usual_row(s, rec))
		return false;
	for (size_t i = 0; i < s->count; i++) {
		const struct part *p = &s->parts[i];
		const struct field *f = &rec->fields[p->column];

		if (p->form == FORM_ANY)
			continue;
		if (f->text.n == 0 ? f->quoted : !value_fits(p, f->text))
			return false;
	}
	return true;
}

/* --- its text --- */

/* n bytes, and up to COPY - 1 behind them that mean nothing. */
static inline char *put(char *to, struct span v)
{
	for (size_t i = 0; i < v.n; i += COPY)
		memcpy(to + i, v.p + i, COPY);
	return to + v.n;
}

/* The digits [from, to) as Ruby has them; the end. */
static char *as_ruby_float(char *from, char *to)
{
	if (!memchr(from, '.', (size_t)(to - from))) {
		memcpy(to, ".0", 2);
		return to + 2;
	}
	while (to[-1] == '0' && to[-2] != '.')
		to--;
	return to;
}

static inline char *put_null(char *to, const struct part *p)
{
	to = put(to, p->glue) - p->text;
	memcpy(to, "null", 4);
	return to + 4;
}

/* Between quotes a doubled one is as long as its escape. */
static void escape_doubled(char *p, size_t n)
{
	char *end = p + n;

	while ((p = memchr(p, '"', (size_t)(end - p))) != NULL) {
		*p = '\\';
		p += 2;
	}
}

static void add_clean(const struct straight *s, const struct record *rec, struct strbuf *out)
{
	char *to;

	strbuf_reserve(out, s->fixed + rec->raw.n);
	to = out->p + out->n;
	for (size_t i = 0; i < s->count; i++) {
		const struct part *p = &s->parts[i];
		const struct field *f = &rec->fields[p->column];

		if (f->text.n == 0 && !f->quoted) {
			to = put_null(to, p);
			continue;
		}
		to = put(put(to, p->glue), f->text);
		if (f->doubled)
			escape_doubled(to - f->text.n, f->text.n);
		if (p->form == FORM_RUBY_FLOAT)
			to = as_ruby_float(to - f->text.n, to);
		if (p->text)
			*to++ = '"';
	}
	to = put(to, s->tail);
	*to = '\0';
	out->n = (size_t)(to - out->p);
}

static void add_text(struct strbuf *out, const struct field *f)
{
	const char *p = f->text.p, *end = p + f->text.n;

	while (f->doubled && p < end) {
		const char *quote = memchr(p, '"', (size_t)(end - p));
		const char *stop = quote ? quote : end;

		json_add_escaped(out, (struct span){p, (size_t)(stop - p)});
		if (quote)
			strbuf_adds(out, "\\\"");
		p = quote ? quote + 2 : end;
	}
	json_add_escaped(out, (struct span){p, (size_t)(end - p)});
	strbuf_addc(out, '"');
}

static void add_number(struct strbuf *out, const struct part *p, struct span v)
{
	char *end;

	strbuf_reserve(out, v.n + COPY);
	strbuf_addspan(out, v);
	if (p->form != FORM_RUBY_FLOAT)
		return;
	end = as_ruby_float(out->p + out->n - v.n, out->p + out->n);
	out->n = (size_t)(end - out->p);
	*end = '\0';
}

static void add_careful(const struct straight *s, const struct record *rec, struct strbuf *out)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct part *p = &s->parts[i];
		const struct field *f = &rec->fields[p->column];
		bool null = f->text.n == 0 && !f->quoted;

		strbuf_add(out, p->glue.p, p->glue.n - (null && p->text));
		if (null)
			strbuf_adds(out, "null");
		else if (p->text)
			add_text(out, f);
		else
			add_number(out, p, f->text);
	}
	strbuf_addspan(out, s->tail);
}

void straight_add(const struct straight *s, const struct record *rec, struct strbuf *out)
{
	if (rec->clean)
		add_clean(s, rec, out);
	else
		add_careful(s, rec, out);
}

/* --- its values --- */

const struct span *straight_names(const struct straight *s, size_t *count)
{
	*count = s->count;
	return s->names;
}

static struct value value_of(enum form form, const struct field *f, struct arena *a)
{
	if (f->text.n == 0 && !f->quoted)
		return (struct value){.type = VALUE_NULL};
	switch (form) {
	case FORM_INTEGER:
	case FORM_NATURAL:
		return (struct value){.type = VALUE_INT, .u = {.text = f->text}};
	case FORM_FLOAT:
	case FORM_RUBY_FLOAT: /* of a filter, whose document has no names here */
		return (struct value){.type = VALUE_FLOAT, .u = {.text = f->text}};
	case FORM_BOOLEAN:
		return (struct value){.type = VALUE_BOOL, .u = {.boolean = f->text.p[0] == 't'}};
	case FORM_ANY:
	case FORM_DATE:
	case FORM_DATE_NANOS:
	case FORM_ADDRESS:
		return value_string(field_text(f, a));
	}
	CHECK(!"a form");
	return (struct value){.type = VALUE_NULL};
}

void straight_values(const struct straight *s, const struct record *rec, struct arena *a, struct value *out)
{
	CHECK(s->names);
	for (size_t i = 0; i < s->count; i++)
		out[i] = value_of(s->parts[i].form, &rec->fields[s->parts[i].column], a);
}

/*
 * straight - the types' checks and the text; see the header
 *
 * Called by row.c for each record.  A clean record's fields are copied COPY bytes at a time, behind their end too: the parser has
 * RECORD_SLACK bytes there, and the body is given as many.
 */
#include "watcher/base/base.h"
#include "watcher/worker/straight.h"
#include "watcher/base/json_out.h"
#include "watcher/sink/address_text.h"
#include "watcher/sink/date_text.h"
#include "watcher/sink/fit.h"
#include <endian.h>

#define COPY 32
#define INTEGER_DIGITS 18 /* always within 64 bits, with a sign or without */
#define RUBY_WHOLE 16 /* digits before the point, and zeros behind 0., that Float#to_s writes without an exponent */
#define RUBY_ZEROS 3
#define FLOAT_DIGITS 38 /* below a float's 3.4e38 by its length alone */

/* What a column's text must be for the document to have it as it is. */
enum form {
	FORM_ANY,
	FORM_INTEGER,
	FORM_NATURAL,
	FORM_FLOAT,
	FORM_RUBY_FLOAT, /* written as Ruby's Float#to_s does: 5 and 5.00 are 5.0 */
	FORM_BOOLEAN,
	FORM_DATE,
	FORM_DATE_NANOS,
	FORM_ADDRESS,
};

/* One value of the document and what stands before it. */
struct part {
	size_t column;
	enum form form;
	bool text;        /* in quotes */
	size_t digits;    /* FORM_INTEGER, FORM_NATURAL: so many are always in range */
	struct span glue; /* {"name": or ,"name": and a text's quote; own, COPY bytes may be read behind it */
};

struct straight {
	struct part *parts;
	size_t count;
	size_t columns;
	bool filtered;      /* a csv filter reads the row, to which a CR is a line end */
	struct span header; /* own; n > 0: the first column of a row that may be the header */
	struct span tail;   /* own, as glue: what stands behind the last value */
	size_t fixed;       /* bytes of a document that are no values, at most */
};

/* --- made by the columns --- */

/* The form of a value of this type in the mappings; false: this type has no straight way. */
static bool form_of(const struct mapping_field *mf, struct part *p)
{
	p->form = FORM_INTEGER;
	switch (mf ? mf->type : MAPPING_STRING) {
	case MAPPING_STRING:
		p->form = FORM_ANY;
		return true;
	case MAPPING_BYTE:
		p->digits = 2;
		return true;
	case MAPPING_SHORT:
		p->digits = 4;
		return true;
	case MAPPING_INTEGER:
		p->digits = 9;
		return true;
	case MAPPING_LONG:
		p->digits = INTEGER_DIGITS;
		return true;
	case MAPPING_UNSIGNED_LONG:
		p->form = FORM_NATURAL;
		p->digits = INTEGER_DIGITS;
		return true;
	case MAPPING_FLOAT:
		p->form = FORM_FLOAT;
		return strcmp(mf->type_name, "half_float") != 0;
	case MAPPING_BOOLEAN:
		p->form = FORM_BOOLEAN;
		return true;
	case MAPPING_DATE:
		p->form = strcmp(mf->type_name, "date_nanos") == 0 ? FORM_DATE_NANOS : FORM_DATE;
		return true;
	case MAPPING_IP:
		p->form = FORM_ADDRESS;
		return true;
	case MAPPING_OTHER:
		return false;
	}
	CHECK(!"a mapping type");
	return false;
}

static bool is_text(enum form f)
{
	return f == FORM_ANY || f == FORM_DATE || f == FORM_DATE_NANOS || f == FORM_ADDRESS;
}

/* The glue's memory becomes the part's; COPY bytes may be read behind it. */
static struct span keep_glue(struct straight *s, struct strbuf *glue)
{
	struct span kept = {NULL, glue->n};

	strbuf_reserve(glue, COPY);
	s->fixed += glue->n + sizeof("null") + COPY;
	kept.p = strbuf_detach(glue);
	return kept;
}

static void add_part(struct straight *s, struct part p, struct strbuf *glue)
{
	if (p.text)
		strbuf_addc(glue, '"');
	p.glue = keep_glue(s, glue);
	s->parts[s->count++] = p;
}

static struct straight *straight_init(size_t columns)
{
	struct straight *s = xcalloc(1, sizeof(*s));

	s->parts = xcalloc(columns + 1, sizeof(*s->parts));
	s->columns = columns;
	return s;
}

static bool add_column(struct straight *s, const struct mapping *m, struct span name)
{
	struct strbuf glue = STRBUF_INIT;
	struct part p = {.column = s->count};

	if (!form_of(mapping_find(m, name), &p))
		return false;
	p.text = is_text(p.form);
	strbuf_addc(&glue, s->count ? ',' : '{');
	json_add_string(&glue, name);
	strbuf_addc(&glue, ':');
	add_part(s, p, &glue);
	return true;
}

struct straight *straight_new(const struct mapping *m, const struct span *names, size_t count)
{
	struct straight *s = straight_init(count);
	struct strbuf tail = STRBUF_INIT;
	char number[32];

	strbuf_addc(&tail, '}');
	s->tail = keep_glue(s, &tail);
	for (size_t i = 0; i < count && s; i++) {
		int n = snprintf(number, sizeof(number), "column%zu", i + 1);

		if (!add_column(s, m, names ? names[i] : (struct span){number, (size_t)n}))
			straight_free(&s);
	}
	return s;
}

void straight_free(struct straight **sp)
{
	struct straight *s = *sp;

	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		free((char *)(uintptr_t)s->parts[i].glue.p);
	free((char *)(uintptr_t)s->tail.p);
	free((char *)(uintptr_t)s->header.p);
	free(s->parts);
	free(s);
	*sp = NULL;
}

/* --- made by a plan's row of marks --- */

struct layout {
	struct straight *s;
	const struct straight_marks *marks;
	struct strbuf glue; /* since the last value */
	size_t numbers;
};

/* The column whose mark this text is: the very bytes, since a text of the plan may look like one; SIZE_MAX: none. */
static size_t marked(const struct layout *l, struct span text)
{
	for (size_t i = 0; i < l->marks->count; i++)
		if (l->marks->columns[i].p == text.p && l->marks->columns[i].n == text.n)
			return i;
	return SIZE_MAX;
}

/* A float is a text of its own: the mark's digits and .0, which no text of the plan is, as those are no floats. */
static size_t marked_float(const struct layout *l, struct span text)
{
	for (size_t i = 0; i < l->marks->count; i++) {
		struct span m = l->marks->columns[i];

		if (text.n == m.n + 2 && span_starts(text, m) && memcmp(text.p + m.n, ".0", 2) == 0)
			return i;
	}
	return SIZE_MAX;
}

/* A column's value: what it must be for the filter, and for the type that its field has in the mappings (mf NULL: none). */
static bool lay_column(struct layout *l, const struct value *v, size_t column, const struct mapping_field *mf)
{
	struct part p = {.column = column};

	if (column == SIZE_MAX || l->s->count == l->s->columns || !form_of(mf, &p))
		return false;
	p.text = v->type == VALUE_STRING;
	if (v->type == VALUE_INT && p.form == FORM_ANY) {
		p.form = FORM_INTEGER;
		p.digits = INTEGER_DIGITS;
	}
	if (v->type == VALUE_INT && p.form == FORM_FLOAT) {
		p.form = FORM_INTEGER;
		p.digits = INTEGER_DIGITS;
	}
	if (v->type == VALUE_FLOAT && p.form != FORM_ANY && p.form != FORM_FLOAT)
		return false;
	if (v->type == VALUE_FLOAT)
		p.form = FORM_RUBY_FLOAT;
	if (v->type == VALUE_INT && p.form != FORM_INTEGER && p.form != FORM_NATURAL)
		return false;
	l->numbers += v->type != VALUE_STRING;
	add_part(l->s, p, &l->glue);
	return true;
}

static bool is_constant(const struct layout *l, const struct value *v)
{
	if (v->type == VALUE_ARRAY)
		for (size_t i = 0; i < v->u.array->len; i++)
			if (!is_constant(l, &v->u.array->items[i]))
				return false;
	return v->type == VALUE_ARRAY || (v->type == VALUE_STRING && marked(l, v->u.text) == SIZE_MAX);
}

static bool lay_map(struct layout *l, const struct value_map *map, const struct mapping *m);

static bool lay_value(struct layout *l, const struct value *v, const struct mapping_field *mf)
{
	char text[FIT_TEXT];

	if (is_constant(l, v)) {
		value_add_json(&l->glue, v);
		return !mf || fit_value(mf, v, text);
	}
	if (v->type == VALUE_MAP)
		return (!mf || fit_value(mf, v, text)) && lay_map(l, v->u.map, NULL);
	if (v->type == VALUE_FLOAT)
		return lay_column(l, v, marked_float(l, v->u.text), mf);
	if (v->type == VALUE_STRING || v->type == VALUE_INT)
		return lay_column(l, v, marked(l, v->u.text), mf);
	return false;
}

/* m: the types of its fields, which below the first level nobody checks. */
static bool lay_map(struct layout *l, const struct value_map *map, const struct mapping *m)
{
	strbuf_addc(&l->glue, '{');
	for (size_t i = 0; i < map->len; i++) {
		const struct value_entry *e = &map->entries[i];

		strbuf_adds(&l->glue, i ? "," : "");
		json_add_string(&l->glue, e->name);
		strbuf_addc(&l->glue, ':');
		if (!lay_value(l, &e->value, m ? mapping_find(m, e->name) : NULL))
			return false;
	}
	strbuf_addc(&l->glue, '}');
	return true;
}

struct straight *straight_of_marks(const struct mapping *m, const struct event *ev, const struct straight_marks *marks)
{
	struct layout l = {straight_init(marks->count), marks, STRBUF_INIT, 0};
	bool laid = lay_map(&l, &ev->fields, m) && l.numbers == marks->conversions;

	l.s->filtered = true;
	l.s->tail = keep_glue(l.s, &l.glue);
	l.s->header = (struct span){xstrndup(marks->header.n ? marks->header.p : "", marks->header.n), marks->header.n};
	if (!laid)
		straight_free(&l.s);
	return l.s;
}

/* --- does it fit? --- */

/* How many of the eight bytes at p are digits before the first that is none? */
static inline size_t digits_of_word(const char *p)
{
	uint64_t w, others;

	memcpy(&w, p, 8);
	w = le64toh(w) ^ 0x3030303030303030u;
	/* the top bit of each byte over 9; a carry only reaches bytes behind such a one */
	others = ((w + 0x7676767676767676u) | w) & 0x8080808080808080u;
	return others ? (size_t)__builtin_ctzll(others) / 8 : 8;
}

static inline size_t digits(const char *p, size_t n)
{
	size_t i = 0, more = 8;

	for (; i < n && more == 8; i += more)
		more = digits_of_word(p + i);
	return i < n ? i : n;
}

/* -?(0|[1-9][0-9]*), but for -0, and few enough digits. */
static bool is_integer(struct span v, bool natural, size_t most)
{
	bool minus = v.p[0] == '-';
	size_t n = v.n - minus;

	if (n == 0 || n > most || (minus && natural) || digits(v.p + minus, n) != n)
		return false;
	return v.p[minus] != '0' || (n == 1 && !minus);
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)? and not too long. */
static bool is_float(struct span v)
{
	size_t minus = v.p[0] == '-', whole, rest;

	if (v.n > FLOAT_DIGITS)
		return false;
	whole = digits(v.p + minus, v.n - minus);
	if (whole == 0 || (v.p[minus] == '0' && whole > 1))
		return false;
	rest = v.n - minus - whole;
	if (rest == 0)
		return true;
	return v.p[minus + whole] == '.' && rest > 1 && digits(v.p + v.n - rest + 1, rest - 1) == rest - 1;
}

/* And one that Ruby writes without an exponent; the zeros at its end are as_ruby_float's. */
static bool is_ruby_float(struct span v)
{
	size_t minus = v.n > 0 && v.p[0] == '-', whole, zeros;

	if (!is_float(v))
		return false;
	whole = digits(v.p + minus, v.n - minus);
	if (v.p[minus] != '0' || minus + whole == v.n)
		return whole <= RUBY_WHOLE;
	zeros = minus + whole + 1;
	while (zeros < v.n && v.p[zeros] == '0')
		zeros++;
	return zeros == v.n || zeros - (minus + whole + 1) <= RUBY_ZEROS;
}

static bool value_fits(const struct part *p, struct span v)
{
	switch (p->form) {
	case FORM_ANY:
		return true;
	case FORM_INTEGER:
	case FORM_NATURAL:
		return is_integer(v, p->form == FORM_NATURAL, p->digits);
	case FORM_FLOAT:
		return is_float(v);
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

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
#include <endian.h>

#define COPY 32
#define FLOAT_DIGITS 38 /* below a float's 3.4e38 by its length alone */

enum form { FORM_TEXT, FORM_INTEGER, FORM_NATURAL, FORM_FLOAT, FORM_BOOLEAN, FORM_DATE, FORM_DATE_NANOS, FORM_ADDRESS };

struct straight_column {
	enum form form;
	size_t digits;    /* FORM_INTEGER, FORM_NATURAL: so many are always in range */
	struct span glue; /* {"name": or ,"name": and a text's quote; own, COPY bytes may be read behind it */
};

struct straight {
	struct straight_column *columns;
	size_t count;
	size_t fixed; /* bytes of a document that are no values, at most */
};

/* false: this type has no straight way. */
static bool form_of(const struct mapping_field *mf, struct straight_column *c)
{
	c->form = FORM_INTEGER;
	switch (mf ? mf->type : MAPPING_STRING) {
	case MAPPING_STRING:
		c->form = FORM_TEXT;
		return true;
	case MAPPING_BYTE:
		c->digits = 2;
		return true;
	case MAPPING_SHORT:
		c->digits = 4;
		return true;
	case MAPPING_INTEGER:
		c->digits = 9;
		return true;
	case MAPPING_LONG:
		c->digits = 18;
		return true;
	case MAPPING_UNSIGNED_LONG:
		c->form = FORM_NATURAL;
		c->digits = 19;
		return true;
	case MAPPING_FLOAT:
		c->form = FORM_FLOAT;
		return strcmp(mf->type_name, "half_float") != 0;
	case MAPPING_BOOLEAN:
		c->form = FORM_BOOLEAN;
		return true;
	case MAPPING_DATE:
		c->form = strcmp(mf->type_name, "date_nanos") == 0 ? FORM_DATE_NANOS : FORM_DATE;
		return true;
	case MAPPING_IP:
		c->form = FORM_ADDRESS;
		return true;
	case MAPPING_OTHER:
		return false;
	}
	CHECK(!"a mapping type");
	return false;
}

static bool is_text(enum form f)
{
	return f == FORM_TEXT || f == FORM_DATE || f == FORM_DATE_NANOS || f == FORM_ADDRESS;
}

static bool add_column(struct straight *s, const struct mapping *m, struct span name)
{
	struct straight_column *c = &s->columns[s->count];
	struct strbuf glue = STRBUF_INIT;

	if (!form_of(mapping_find(m, name), c))
		return false;
	strbuf_addc(&glue, s->count ? ',' : '{');
	json_add_string(&glue, name);
	strbuf_adds(&glue, is_text(c->form) ? ":\"" : ":");
	s->fixed += glue.n + sizeof("null") + COPY;
	c->glue.n = glue.n;
	strbuf_reserve(&glue, COPY);
	c->glue.p = strbuf_detach(&glue);
	s->count++;
	return true;
}

struct straight *straight_new(const struct mapping *m, const struct span *names, size_t count)
{
	struct straight *s = xcalloc(1, sizeof(*s));
	char number[32];

	s->columns = xcalloc(count + 1, sizeof(*s->columns));
	s->fixed = sizeof("{}") + COPY;
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
		free((char *)(uintptr_t)s->columns[i].glue.p);
	free(s->columns);
	free(s);
	*sp = NULL;
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

static bool value_fits(const struct straight_column *c, struct span v)
{
	switch (c->form) {
	case FORM_TEXT:
		return true;
	case FORM_INTEGER:
	case FORM_NATURAL:
		return is_integer(v, c->form == FORM_NATURAL, c->digits);
	case FORM_FLOAT:
		return is_float(v);
	case FORM_BOOLEAN:
		return span_is(v, "true") || span_is(v, "false");
	case FORM_DATE:
	case FORM_DATE_NANOS:
		return !date_text_fault(v, c->form == FORM_DATE_NANOS);
	case FORM_ADDRESS:
		return address_text_fits(v);
	}
	return false;
}

bool straight_fits(const struct straight *s, const struct record *rec)
{
	if (rec->field_count != s->count)
		return false;
	for (size_t i = 0; i < s->count; i++) {
		const struct straight_column *c = &s->columns[i];

		if (c->form == FORM_TEXT)
			continue;
		if (rec->fields[i].text.n == 0 ? rec->fields[i].quoted : !value_fits(c, rec->fields[i].text))
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

static inline char *put_null(char *to, const struct straight_column *c)
{
	to = put(to, c->glue) - is_text(c->form);
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
		const struct straight_column *c = &s->columns[i];
		const struct field *f = &rec->fields[i];

		if (f->text.n == 0 && !f->quoted) {
			to = put_null(to, c);
			continue;
		}
		to = put(put(to, c->glue), f->text);
		if (f->doubled)
			escape_doubled(to - f->text.n, f->text.n);
		if (is_text(c->form))
			*to++ = '"';
	}
	*to++ = '}';
	*to = '\0';
	out->n = (size_t)(to - out->p);
}

static void add_text(struct strbuf *out, const struct field *f)
{
	const char *p = f->text.p, *end = p + f->text.n;

	if (!f->doubled) {
		json_add_string(out, f->text);
		return;
	}
	strbuf_addc(out, '"');
	while (p < end) {
		const char *quote = memchr(p, '"', (size_t)(end - p));
		const char *stop = quote ? quote : end;

		json_add_escaped(out, (struct span){p, (size_t)(stop - p)});
		if (quote)
			strbuf_adds(out, "\\\"");
		p = quote ? quote + 2 : end;
	}
	strbuf_addc(out, '"');
}

static void add_careful(const struct straight *s, const struct record *rec, struct strbuf *out)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct straight_column *c = &s->columns[i];
		const struct field *f = &rec->fields[i];
		bool text = is_text(c->form);

		strbuf_add(out, c->glue.p, c->glue.n - text);
		if (f->text.n == 0 && !f->quoted)
			strbuf_adds(out, "null");
		else if (text)
			add_text(out, f);
		else
			strbuf_addspan(out, f->text);
	}
	strbuf_addc(out, '}');
}

void straight_add(const struct straight *s, const struct record *rec, struct strbuf *out)
{
	if (rec->clean)
		add_clean(s, rec, out);
	else
		add_careful(s, rec, out);
}

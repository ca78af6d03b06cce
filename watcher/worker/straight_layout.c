/*
 * straight_layout - which columns a document has, in which order, and what each must be; see straight.h
 *
 * Called by row.c once a file.  Owns the glue, which is the document's text but for its values.
 */
#include "watcher/base/base.h"
#include "watcher/worker/straight_own.h"
#include "watcher/base/json_out.h"
#include "watcher/sink/fit.h"

#define INTEGER_DIGITS 18 /* always within 64 bits, with a sign or without */

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
	s->names[s->count] = (struct span){xstrndup(name.p, name.n), name.n};
	add_part(s, p, &glue);
	return true;
}

struct straight *straight_new(const struct mapping *m, const struct span *names, size_t count)
{
	struct straight *s = straight_init(count);
	struct strbuf tail = STRBUF_INIT;
	char number[32];

	s->names = xcalloc(count + 1, sizeof(*s->names));
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
	for (size_t i = 0; s->names && i < s->count; i++)
		free((char *)(uintptr_t)s->names[i].p);
	free(s->names);
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

/* A float is a text of its own: the digits of the mark and .0; a constant that looks so is found by the second row of marks (row.c). */
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
	if (v->type == VALUE_INT && (p.form == FORM_ANY || p.form == FORM_FLOAT)) {
		p.form = FORM_INTEGER;
		p.digits = INTEGER_DIGITS;
	} else if (v->type == VALUE_FLOAT && (p.form == FORM_ANY || p.form == FORM_FLOAT)) {
		p.form = FORM_RUBY_FLOAT;
	} else if (v->type == VALUE_FLOAT || (v->type == VALUE_INT && p.form != FORM_INTEGER && p.form != FORM_NATURAL)) {
		return false;
	}
	l->numbers += v->type != VALUE_STRING;
	add_part(l->s, p, &l->glue);
	return true;
}

/* Of the row's bytes: a column, or the row itself, which is another in each row. */
static bool of_row(const struct layout *l, struct span text)
{
	return text.n && text.p >= l->marks->row.p && text.p < l->marks->row.p + l->marks->row.n;
}

static bool is_constant(const struct layout *l, const struct value *v)
{
	if (v->type == VALUE_ARRAY)
		for (size_t i = 0; i < v->u.array->len; i++)
			if (!is_constant(l, &v->u.array->items[i]))
				return false;
	return v->type == VALUE_ARRAY || (v->type == VALUE_STRING && !of_row(l, v->u.text));
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

bool straight_same(const struct straight *a, const struct straight *b)
{
	if (a->count != b->count || !span_equal(a->tail, b->tail))
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->parts[i].column != b->parts[i].column || a->parts[i].form != b->parts[i].form ||
		    !span_equal(a->parts[i].glue, b->parts[i].glue))
			return false;
	return true;
}

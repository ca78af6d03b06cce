/*
 * typed - CSV fields to values by the index's mappings; see the header
 *
 * Called by the worker once a row.  Columns' names and types are looked up once, when the header is known; columns beyond those
 * known get their names when they first appear.
 */
#include "watcher/base/base.h"
#include "transforms/typed.h"
#include "watcher/base/json_out.h"

#define NUMBER_SHOWN 60

struct column {
	struct span name; /* own */
	enum mapping_type type;
	const char *type_name;
};

struct typed {
	const struct mapping *mapping;
	struct column *columns;
	size_t count;
};

static void add_column(struct typed *t, struct span name)
{
	const struct mapping_field *mf = mapping_find(t->mapping, name);
	struct column *c;

	t->columns = xrealloc(t->columns, (t->count + 1) * sizeof(*t->columns));
	c = &t->columns[t->count++];
	c->name = (struct span){xstrndup(name.p, name.n), name.n};
	c->type = mf ? mf->type : MAPPING_STRING;
	c->type_name = mf ? mf->type_name : "string";
}

struct typed *typed_new(const struct mapping *m, const struct span *names, size_t count)
{
	struct typed *t = xcalloc(1, sizeof(*t));

	t->mapping = m;
	for (size_t i = 0; i < count; i++)
		add_column(t, names[i]);
	return t;
}

void typed_free(struct typed **tp)
{
	struct typed *t = *tp;

	if (!t)
		return;
	for (size_t i = 0; i < t->count; i++)
		free((char *)(uintptr_t)t->columns[i].name.p);
	free(t->columns);
	free(t);
	*tp = NULL;
}

/* The largest magnitude of each integer type, as digits: compared as text, so that no digit is lost. */
static bool in_range(enum mapping_type type, struct span digits, bool negative)
{
	static const struct {
		const char *positive, *negative;
	} limits[] = {
		[MAPPING_BYTE] = {"127", "128"},
		[MAPPING_SHORT] = {"32767", "32768"},
		[MAPPING_INTEGER] = {"2147483647", "2147483648"},
		[MAPPING_LONG] = {"9223372036854775807", "9223372036854775808"},
		[MAPPING_UNSIGNED_LONG] = {"18446744073709551615", "0"},
	};
	struct span limit = span_of(negative ? limits[type].negative : limits[type].positive);

	if (digits.n != limit.n)
		return digits.n < limit.n;
	return memcmp(digits.p, limit.p, limit.n) <= 0;
}

static struct span skip_zeros(struct span s)
{
	while (s.n > 1 && s.p[0] == '0') {
		s.p++;
		s.n--;
	}
	return s;
}

/*
 * [+-]digits[.digits], a digit on at least one side of the point: the parts, or false.  Exponents are no integers here: 1e3 in an
 * integer column is a mistake.
 */
static bool split_number(struct span s, bool *negative, struct span *whole, struct span *fraction)
{
	size_t i = 0, from;

	*negative = s.n && s.p[0] == '-';
	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		i = 1;
	from = i;
	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	*whole = (struct span){s.p + from, i - from};
	*fraction = SPAN_NONE;
	if (i < s.n && s.p[i] == '.') {
		from = ++i;
		while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
			i++;
		*fraction = (struct span){s.p + from, i - from};
	}
	if (i < s.n || whole->n + fraction->n == 0)
		return false;
	if (whole->n == 0)
		*whole = SPAN_LITERAL("0");
	return true;
}

static bool only_zeros(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '0')
			return false;
	return true;
}

static int to_integer(const struct column *col, struct span s, struct event *ev,
		      struct coercions *c, struct value *out)
{
	struct span whole, fraction;
	bool negative;
	char *text;

	if (!split_number(s, &negative, &whole, &fraction))
		return -1;
	whole = skip_zeros(whole);
	if (!in_range(col->type, whole, negative))
		return -1;
	if (fraction.p && !only_zeros(fraction) && c)
		coercions_note(c, col->name, "float", "integer", s);
	if (only_zeros(whole))
		negative = false;
	out->type = VALUE_INT;
	if (!negative || whole.p[-1] == '-') {
		/* the digits, and a sign right before them, stand in the row as they are */
		out->u.text = negative ? (struct span){whole.p - 1, whole.n + 1} : whole;
		return 0;
	}
	text = arena_alloc(ev->arena, whole.n + 1);
	text[0] = '-';
	memcpy(text + 1, whole.p, whole.n);
	out->u.text = (struct span){text, whole.n + 1};
	return 0;
}

/* What stands before the exponent of s, and the exponent with its letter, which may be none. */
static struct span cut_exponent(struct span s, struct span *exponent)
{
	size_t i = 0, digits;

	while (i < s.n && s.p[i] != 'e' && s.p[i] != 'E')
		i++;
	*exponent = (struct span){s.p + i, s.n - i};
	digits = i + 1 < s.n && (s.p[i + 1] == '+' || s.p[i + 1] == '-') ? i + 2 : i + 1;
	for (size_t k = digits; k < s.n; k++)
		if (s.p[k] < '0' || s.p[k] > '9')
			return s;
	return i < s.n && digits < s.n ? (struct span){s.p, i} : s;
}

static int to_float(struct span s, struct event *ev, struct value *out)
{
	struct span whole, fraction, exponent;
	bool negative, integer;

	out->type = VALUE_FLOAT;
	if (json_is_number(s, &integer)) {
		out->u.text = s;
		return 0;
	}
	/* what people write and JSON does not allow: +5, 007, 5., .5, 5.e3 */
	if (!split_number(cut_exponent(s, &exponent), &negative, &whole, &fraction))
		return -1;
	whole = skip_zeros(whole);
	out->u.text = arena_printf(ev->arena, "%s%.*s%s%.*s%.*s", negative ? "-" : "", SPAN_FMT(whole),
				   fraction.n ? "." : "", SPAN_FMT(fraction), SPAN_FMT(exponent));
	return 0;
}

static int convert(const struct column *col, struct span s, struct event *ev, struct coercions *c,
		   struct value *out)
{
	switch (col->type) {
	case MAPPING_BYTE:
	case MAPPING_SHORT:
	case MAPPING_INTEGER:
	case MAPPING_LONG:
	case MAPPING_UNSIGNED_LONG:
		return to_integer(col, s, ev, c, out);
	case MAPPING_FLOAT:
		return to_float(s, ev, out);
	case MAPPING_BOOLEAN:
		out->type = VALUE_BOOL;
		out->u.boolean = span_is(s, "true");
		return out->u.boolean || span_is(s, "false") ? 0 : -1;
	case MAPPING_DATE: /* by their form the sink's rules judge them */
	case MAPPING_IP:
	case MAPPING_STRING:
	case MAPPING_OTHER:
		*out = value_string(s);
		return 0;
	}
	CHECK(!"a mapping type");
	return -1;
}

int typed_apply(struct typed *t, const struct field *fields, size_t n, struct event *ev,
		struct coercions *c, struct row_error *error)
{
	while (t->count < n) {
		char name[32];
		int len = snprintf(name, sizeof(name), "column%zu", t->count + 1);

		add_column(t, (struct span){name, (size_t)len});
	}
	for (size_t i = 0; i < n; i++) {
		const struct column *col = &t->columns[i];
		struct span s = field_text(&fields[i], ev->arena);
		struct value v = {.type = VALUE_NULL};

		if (s.n || fields[i].quoted) {
			if (convert(col, s, ev, c, &v) < 0) {
				row_error_set(error, error->line, col->name,
					      "\"%.*s%s\" does not fit the type %s of column %.*s",
					      s.n > NUMBER_SHOWN ? NUMBER_SHOWN : (int)s.n, s.p,
					      s.n > NUMBER_SHOWN ? "..." : "", col->type_name,
					      col->name.n > 64 ? 64 : (int)col->name.n, col->name.p);
				return -1;
			}
		}
		event_append(ev, col->name, v);
	}
	return 0;
}

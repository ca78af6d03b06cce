/*
 * fit - values against types
 *
 * Called for every document by sinks that keep types themselves.  Owns nothing, allocates nothing.
 * Hostile values are numbers of a million digits, so text is looked at once, from left to right.
 */
#include "watcher/base/base.h"
#include "watcher/sink/fit.h"
#include "watcher/base/decimal.h"
#include "watcher/sink/address_text.h"
#include "watcher/sink/date_text.h"
#include <math.h>

#define NUMBER_MAX 400 /* digits beyond say nothing that a double can hold */
#define PLAIN_DIGITS 38 /* less than a float's 3.4e38 */
#define SHOWN 60

struct range {
	double low, high;
};

bool fit_int64(struct span s, int64_t *out)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;
	uint64_t n = 0;

	if (i == s.n)
		return false;
	for (; i < s.n; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	if (n > (uint64_t)INT64_MAX + minus)
		return false;
	*out = minus ? (int64_t)(0 - n) : (int64_t)n;
	return true;
}

static size_t digits_at(struct span s, size_t i)
{
	size_t from = i;

	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	return i - from;
}

/*
 * [+-]digits[.digits][e[+-]digits], with a digit on at least one side of the point: what BigDecimal
 * reads.
 */
static bool is_number(struct span s, bool *integer)
{
	size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;
	size_t whole = digits_at(s, i), part = 0, exponent;

	i += whole;
	*integer = i == s.n;
	if (i < s.n && s.p[i] == '.') {
		part = digits_at(s, i + 1);
		i += 1 + part;
	}
	if (whole + part == 0)
		return false;
	if (i == s.n)
		return true;
	if (s.p[i] != 'e' && s.p[i] != 'E')
		return false;
	i++;
	if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
		i++;
	exponent = digits_at(s, i);
	return exponent > 0 && i + exponent == s.n;
}

bool fit_double(struct span s, double *out)
{
	char copy[NUMBER_MAX + 1];
	bool integer;

	if (decimal_double(s, out))
		return true;
	if (s.n > NUMBER_MAX || !is_number(s, &integer))
		return false;
	memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	*out = strtod(copy, NULL);
	return isfinite(*out);
}

static struct range range_of(const struct mapping_field *mf)
{
	switch (mf->type) {
	case MAPPING_BYTE:
		return (struct range){-128, 127};
	case MAPPING_SHORT:
		return (struct range){-32768, 32767};
	case MAPPING_INTEGER:
		return (struct range){-2147483648.0, 2147483647.0};
	case MAPPING_LONG:
		return (struct range){-0x1p63, 0x1p63};
	case MAPPING_UNSIGNED_LONG:
		return (struct range){0, 0x1p64};
	case MAPPING_FLOAT:
		if (strcmp(mf->type_name, "half_float") == 0)
			return (struct range){-65519.99, 65519.99};
		if (strcmp(mf->type_name, "float") == 0)
			return (struct range){-0x1.ffffffp127, 0x1.ffffffp127};
		return (struct range){-INFINITY, INFINITY};
	case MAPPING_STRING:
	case MAPPING_BOOLEAN:
	case MAPPING_DATE:
	case MAPPING_IP:
	case MAPPING_OTHER:
		break;
	}
	CHECK(!"a type with a range");
	return (struct range){0, 0};
}

static bool refuse(const struct mapping_field *mf, struct span shown, const char *why,
		   char text[FIT_TEXT])
{
	bool cut = shown.n > SHOWN;

	if (cut)
		shown.n = SHOWN;
	snprintf(text, FIT_TEXT, "value '%.*s%s' %s type %.40s", SPAN_FMT(shown), cut ? "..." : "",
		 why, mf->type_name);
	return false;
}

/* Integers of 64 bits, exactly: at the edges a double cannot tell. */
static bool fit_wide(enum mapping_type type, struct span s)
{
	bool minus = s.p[0] == '-';
	int64_t n;

	if (type == MAPPING_LONG)
		return fit_int64(s, &n);
	if (s.p[0] == '+' || minus)
		s = (struct span){s.p + 1, s.n - 1};
	while (s.n > 1 && s.p[0] == '0')
		s = (struct span){s.p + 1, s.n - 1};
	if (minus)
		return span_is(s, "0");
	return s.n < 20 || (s.n == 20 && memcmp(s.p, "18446744073709551615", 20) <= 0);
}

/* Below every limit by its length alone: the usual case, without a conversion. */
static bool plainly_small(const struct mapping_field *mf, struct span s)
{
	return s.n <= PLAIN_DIGITS && !memchr(s.p, 'e', s.n) && !memchr(s.p, 'E', s.n) &&
	       strcmp(mf->type_name, "half_float") != 0;
}

static bool fit_number(const struct mapping_field *mf, struct span s, char text[FIT_TEXT])
{
	bool wide = mf->type == MAPPING_LONG || mf->type == MAPPING_UNSIGNED_LONG;
	struct range r = range_of(mf);
	bool integer;
	double d;

	if (!is_number(s, &integer))
		return refuse(mf, s, "is no number for", text);
	if (wide && integer)
		return fit_wide(mf->type, s) || refuse(mf, s, "is out of range of", text);
	if (mf->type == MAPPING_FLOAT && plainly_small(mf, s))
		return true;
	if (!fit_double(s, &d))
		return refuse(mf, s, "is out of range of", text);
	if (mf->type != MAPPING_FLOAT)
		d = trunc(d);
	if (d < r.low || d > r.high || (wide && d == r.high))
		return refuse(mf, s, "is out of range of", text);
	return true;
}

static bool fit_boolean(const struct mapping_field *mf, const struct value *v, char text[FIT_TEXT])
{
	if (v->type == VALUE_BOOL)
		return true;
	if (v->type == VALUE_STRING &&
	    (v->u.text.n == 0 || span_is(v->u.text, "true") || span_is(v->u.text, "false")))
		return true;
	if (v->type == VALUE_TIME)
		return refuse(mf, SPAN_LITERAL("(a time)"), "is no boolean for", text);
	return refuse(mf, v->u.text, "is no boolean for", text);
}

static bool fit_date(const struct mapping_field *mf, const struct value *v, char text[FIT_TEXT])
{
	bool nanos = strcmp(mf->type_name, "date_nanos") == 0;
	struct span shown = v->type == VALUE_TIME ? SPAN_LITERAL("(a time)") : v->u.text;
	const char *why;

	if (v->type == VALUE_BOOL)
		return refuse(mf, span_of(v->u.boolean ? "true" : "false"), "is no date for", text);
	why = v->type == VALUE_TIME ? date_text_fault_ms(v->u.time_ms, nanos) : date_text_fault(shown, nanos);
	return !why || refuse(mf, shown, why, text);
}

static bool fit_address(const struct mapping_field *mf, const struct value *v, char text[FIT_TEXT])
{
	if (v->type == VALUE_TIME)
		return refuse(mf, SPAN_LITERAL("(a time)"), "is no IPv4 or IPv6 address for", text);
	if (v->type == VALUE_BOOL)
		return refuse(mf, span_of(v->u.boolean ? "true" : "false"), "is no IPv4 or IPv6 address for", text);
	return address_text_fits(v->u.text) || refuse(mf, v->u.text, "is no IPv4 or IPv6 address for", text);
}

static bool fit_scalar(const struct mapping_field *mf, const struct value *v, char text[FIT_TEXT])
{
	switch (mf->type) {
	case MAPPING_BYTE:
	case MAPPING_SHORT:
	case MAPPING_INTEGER:
	case MAPPING_LONG:
	case MAPPING_UNSIGNED_LONG:
	case MAPPING_FLOAT:
		if (v->type == VALUE_BOOL)
			return refuse(mf, span_of(v->u.boolean ? "true" : "false"),
				      "is no number for", text);
		if (v->type == VALUE_TIME)
			return refuse(mf, SPAN_LITERAL("(a time)"), "is no number for", text);
		if (v->type == VALUE_STRING && v->u.text.n == 0)
			return true;
		return fit_number(mf, v->u.text, text);
	case MAPPING_BOOLEAN:
		return fit_boolean(mf, v, text);
	case MAPPING_DATE:
		return fit_date(mf, v, text);
	case MAPPING_IP:
		return fit_address(mf, v, text);
	case MAPPING_STRING:
		return true;
	case MAPPING_OTHER:
		return refuse(mf, SPAN_LITERAL("(a single value)"), "is no object for", text);
	}
	return true;
}

bool fit_value(const struct mapping_field *mf, const struct value *v, char text[FIT_TEXT])
{
	switch (v->type) {
	case VALUE_NULL:
		return true;
	case VALUE_ARRAY:
		for (size_t i = 0; i < v->u.array->len; i++)
			if (!fit_value(mf, &v->u.array->items[i], text))
				return false;
		return true;
	case VALUE_MAP:
		/*
		 * geo types and ranges are MAPPING_STRING and take objects; the server knows their
		 * form
		 */
		if (mf->type == MAPPING_OTHER || mf->type == MAPPING_STRING)
			return true;
		return refuse(mf, SPAN_LITERAL("(an object)"), "does not fit", text);
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_FLOAT:
	case VALUE_STRING:
	case VALUE_TIME:
		return fit_scalar(mf, v, text);
	}
	return true;
}

bool fit_event(const struct mapping *m, const struct event *ev, struct span *column,
	       char text[FIT_TEXT])
{
	for (size_t i = 0; i < ev->fields.len; i++) {
		const struct value_entry *e = &ev->fields.entries[i];
		const struct mapping_field *mf = mapping_find(m, e->name);

		if (mf && !fit_value(mf, &e->value, text)) {
			*column = e->name;
			return false;
		}
	}
	return true;
}

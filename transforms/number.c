/*
 * number - texts to numbers, as Ruby's conversions read them; see the header
 *
 * Called by the filters that convert.  A decimal is taken apart once (struct decimal) and written from its parts.
 */
#include "watcher/base/base.h"
#include "transforms/number.h"
#include "watcher/base/json_out.h"
#include <math.h>

#define EXPONENT_MAX 100000 /* more is out of every range */
#define FINITE_DIGITS 300   /* with fewer and no exponent a double is finite */
#define FIXED_MAX 16	    /* digits before the point, and zeros behind it, that Float#to_s writes without an exponent */
#define FIXED_MIN (-4)
#define INTEGER_END 9.2e18 /* below it a double is an integer of 64 bits */

/* [sign] whole [. fraction] [exponent]; the spans may hold underscores. */
struct decimal {
	bool negative;
	struct span whole;
	struct span fraction;
	int64_t exponent;
	size_t length; /* of the text it was read from */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits with single underscores between them, from *i on. */
static struct span take_digits(struct span s, size_t *i)
{
	size_t from = *i;

	while (*i < s.n && (is_digit(s.p[*i]) || (s.p[*i] == '_' && *i > from && is_digit(s.p[*i - 1]) &&
						  *i + 1 < s.n && is_digit(s.p[*i + 1]))))
		++*i;
	return (struct span){s.p + from, *i - from};
}

/* The exponent at *i, or nothing of it. */
static int64_t take_exponent(struct span s, size_t *i, const char *letters)
{
	size_t at = *i;
	bool negative = false;
	int64_t e = 0;
	struct span digits;

	if (at >= s.n || !s.p[at] || !strchr(letters, s.p[at]))
		return 0;
	at++;
	if (at < s.n && (s.p[at] == '+' || s.p[at] == '-'))
		negative = s.p[at++] == '-';
	digits = take_digits(s, &at);
	if (!digits.n)
		return 0;
	for (size_t k = 0; k < digits.n; k++)
		if (digits.p[k] != '_' && e <= EXPONENT_MAX)
			e = e * 10 + (digits.p[k] - '0');
	*i = at;
	return negative ? -e : e;
}

/* The longest decimal that s begins with; false: it begins with none. */
static bool take_decimal(struct span s, const char *exponents, struct decimal *out)
{
	size_t i = 0, dot;

	memset(out, 0, sizeof(*out));
	if (s.n && (s.p[0] == '+' || s.p[0] == '-'))
		out->negative = s.p[i++] == '-';
	out->whole = take_digits(s, &i);
	dot = i;
	if (i < s.n && s.p[i] == '.') {
		i++;
		out->fraction = take_digits(s, &i);
		if (!out->fraction.n)
			i = dot;
	}
	if (!out->whole.n && !out->fraction.n)
		return false;
	out->exponent = take_exponent(s, &i, exponents);
	out->length = i;
	return true;
}

static size_t add_digits(char *to, struct span digits)
{
	size_t n = 0;

	for (size_t i = 0; i < digits.n; i++)
		if (digits.p[i] != '_')
			to[n++] = digits.p[i];
	return n;
}

/* All digits without the dot, without leading zeros; *point: how many of them stand before it. */
static char *all_digits(const struct decimal *d, struct arena *a, size_t *n, int64_t *point)
{
	char *digits = arena_alloc(a, d->whole.n + d->fraction.n + 1);
	size_t whole = add_digits(digits, d->whole), skip = 0;

	*n = whole + add_digits(digits + whole, d->fraction);
	while (skip < *n && digits[skip] == '0')
		skip++;
	*n -= skip;
	*point = (int64_t)whole - (int64_t)skip + d->exponent;
	return digits + skip;
}

/* --- integers --- */

static bool only_zeros(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != '0')
			return false;
	return true;
}

/* The whole part, written out. */
static bool write_integer(const struct decimal *d, struct arena *a, struct number *out)
{
	int64_t point;
	size_t n, keep;
	char *digits = all_digits(d, a, &n, &point), *to;

	if (n == 0 || point <= 0) {
		*out = (struct number){SPAN_LITERAL("0"), n > 0};
		return true;
	}
	if (point > NUMBER_DIGITS)
		return false;
	keep = n < (size_t)point ? n : (size_t)point;
	out->lossy = !only_zeros(digits + keep, n - keep);
	to = arena_alloc(a, (size_t)point + 1);
	to[0] = '-';
	memcpy(to + 1, digits, keep);
	memset(to + 1 + keep, '0', (size_t)point - keep);
	out->text = d->negative ? (struct span){to, (size_t)point + 1} : (struct span){to + 1, (size_t)point};
	return true;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_hex(struct span s)
{
	size_t i = s.n && (s.p[0] == '+' || s.p[0] == '-');

	return s.n > i + 2 && s.p[i] == '0' && (s.p[i + 1] | 32) == 'x';
}

/* Up to 16 digits: a larger one is refused rather than changed. */
static bool hex_integer(struct span s, struct arena *a, struct number *out)
{
	size_t i = s.p[0] == '+' || s.p[0] == '-';
	uint64_t n = 0;

	if (s.n - i - 2 > 16)
		return false;
	for (size_t k = i + 2; k < s.n; k++) {
		int d = hex_digit(s.p[k]);

		if (d < 0)
			return false;
		n = n << 4 | (unsigned)d;
	}
	out->text = arena_printf(a, "%s%llu", s.p[0] == '-' && n ? "-" : "", (unsigned long long)n);
	out->lossy = false;
	return true;
}

static bool hex_value(struct span s, struct arena *a, double *out)
{
	struct span text = arena_span(a, s);
	char *end;

	for (size_t i = 0; i < s.n; i++)
		if (hex_digit(s.p[i]) < 0 && !strchr("xXpP.+-", s.p[i]))
			return false;
	*out = strtod(text.p, &end);
	return end == text.p + text.n && isfinite(*out);
}

/* A hexadecimal fraction, cut off; false: none, or more than an integer of 64 bits. */
static bool hex_fraction(struct span s, struct arena *a, struct number *out)
{
	double v;

	if (!hex_value(s, a, &v) || fabs(v) >= INTEGER_END)
		return false;
	*out = (struct number){arena_printf(a, "%lld", (long long)v), trunc(v) != v};
	return true;
}

bool number_is_plain_integer(struct span s)
{
	size_t i = s.n && s.p[0] == '-';

	if (s.n == i || s.n > NUMBER_DIGITS || (s.p[i] == '0' && s.n > 1))
		return false;
	for (; i < s.n; i++)
		if (!is_digit(s.p[i]))
			return false;
	return true;
}

bool number_integer(struct span s, struct arena *a, struct number *out)
{
	struct decimal d;
	bool integer;

	if (json_is_number(s, &integer) && integer && !span_is(s, "-0")) {
		*out = (struct number){s, false};
		return s.n <= NUMBER_DIGITS;
	}
	if (is_hex(s))
		return memchr(s.p, '.', s.n) || memchr(s.p, 'p', s.n) || memchr(s.p, 'P', s.n)
			       ? hex_fraction(s, a, out)
			       : hex_integer(s, a, out);
	return take_decimal(s, "eEdD", &d) && d.length == s.n && write_integer(&d, a, out);
}

void number_integer_prefix(struct span s, struct arena *a, struct number *out)
{
	struct decimal d;
	size_t i = 0;

	if (!take_decimal(s, "", &d) || !d.whole.n) {
		*out = (struct number){SPAN_LITERAL("0"), true};
		return;
	}
	i = (size_t)(d.whole.p - s.p) + d.whole.n;
	d.fraction = SPAN_NONE;
	if (!write_integer(&d, a, out))
		*out = (struct number){SPAN_LITERAL("0"), true};
	out->lossy = out->lossy || i < s.n;
}

/* --- floats --- */

static bool is_finite(struct span json, struct arena *a)
{
	if (json.n <= FINITE_DIGITS && !memchr(json.p, 'e', json.n) && !memchr(json.p, 'E', json.n))
		return true;
	return isfinite(strtod(arena_span(a, json).p, NULL));
}

/* Every digit as it stands, in JSON's grammar. */
static bool write_float(const struct decimal *d, struct arena *a, struct number *out)
{
	char *to = arena_alloc(a, d->whole.n + d->fraction.n + 32), *p = to;
	size_t n, skip;

	if (d->exponent > EXPONENT_MAX || d->exponent < -EXPONENT_MAX)
		return false;
	if (d->negative)
		*p++ = '-';
	n = add_digits(p, d->whole);
	for (skip = 0; skip + 1 < n && p[skip] == '0';)
		skip++;
	memmove(p, p + skip, n - skip);
	n -= skip;
	if (n == 0)
		p[n++] = '0';
	p += n;
	if (d->fraction.n) {
		*p++ = '.';
		p += add_digits(p, d->fraction);
	}
	if (d->exponent)
		p += snprintf(p, 16, "e%lld", (long long)d->exponent);
	*out = (struct number){{to, (size_t)(p - to)}, false};
	return is_finite(out->text, a);
}

static bool hex_float(struct span s, struct arena *a, struct number *out)
{
	char shown[40];
	double v;

	if (!hex_value(s, a, &v))
		return false;
	for (int digits = 15; digits <= 17; digits++) { /* the fewest that read back as the same */
		snprintf(shown, sizeof(shown), "%.*g", digits, v);
		if (strtod(shown, NULL) == v)
			break;
	}
	*out = (struct number){arena_span(a, span_of(shown)), false};
	return true;
}

bool number_float(struct span s, struct arena *a, struct number *out)
{
	struct decimal d;

	if (json_is_number(s, NULL)) {
		*out = (struct number){s, false};
		return is_finite(s, a);
	}
	if (is_hex(s))
		return hex_float(s, a, out);
	return take_decimal(s, "eE", &d) && d.length == s.n && write_float(&d, a, out);
}

void number_float_prefix(struct span s, struct arena *a, struct number *out)
{
	struct decimal d;

	if (!take_decimal(s, "eE", &d) || !write_float(&d, a, out)) {
		*out = (struct number){SPAN_LITERAL("0.0"), true};
		return;
	}
	out->lossy = d.length < s.n;
}

/* --- floats as text --- */

bool number_is_float_text(struct span s)
{
	size_t i = s.n && s.p[0] == '-', whole = i, zeros = 0;

	while (i < s.n && is_digit(s.p[i]))
		i++;
	if (i == whole || i - whole > FIXED_MAX || (s.p[whole] == '0' && i - whole > 1) || s.n - i < 2 || s.p[i] != '.')
		return false;
	if (s.n - i == 2)
		return is_digit(s.p[i + 1]);
	for (size_t k = i + 1; k < s.n; k++)
		if (!is_digit(s.p[k]))
			return false;
	while (s.p[i + 1 + zeros] == '0' && i + 2 + zeros < s.n)
		zeros++;
	return s.p[s.n - 1] != '0' && (s.p[whole] != '0' || zeros < -FIXED_MIN);
}

/* The significant digits into to, and how many of them stand before the point; 0 digits: the number is zero. */
static size_t significant(const struct decimal *d, char *to, int64_t *point)
{
	size_t n = add_digits(to, d->whole), zeros = 0;

	*point = (int64_t)n + d->exponent;
	n += add_digits(to + n, d->fraction);
	while (zeros < n && to[zeros] == '0')
		zeros++;
	memmove(to, to + zeros, n - zeros);
	n -= zeros;
	*point -= (int64_t)zeros;
	while (n && to[n - 1] == '0')
		n--;
	return n;
}

struct span number_float_text(struct span json, struct arena *a)
{
	struct decimal d;
	char *digits;
	const char *sign;
	int64_t point;
	int n;

	if (number_is_float_text(json) || !take_decimal(json, "eE", &d))
		return json;
	digits = arena_alloc(a, json.n + 1);
	n = (int)significant(&d, digits, &point);
	sign = d.negative ? "-" : "";
	if (!n)
		return arena_printf(a, "%s0.0", sign);
	if (point > FIXED_MAX || point <= FIXED_MIN)
		return arena_printf(a, "%s%c.%.*se%+03lld", sign, digits[0], n > 1 ? n - 1 : 1,
				    n > 1 ? digits + 1 : "0", (long long)point - 1);
	if (point <= 0)
		return arena_printf(a, "%s0.%.*s%.*s", sign, (int)-point, "000", n, digits);
	if (point >= n)
		return arena_printf(a, "%s%.*s%.*s.0", sign, n, digits, (int)point - n, "0000000000000000");
	return arena_printf(a, "%s%.*s.%.*s", sign, (int)point, digits, n - (int)point, digits + point);
}

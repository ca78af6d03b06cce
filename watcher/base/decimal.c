/*
 * decimal - digits to the nearest double; see the header
 *
 * Called for each number of a float column.  Owns nothing, cannot fail.
 */
#include "watcher/base/base.h"
#include "watcher/base/decimal.h"
#include <float.h>

__extension__ typedef unsigned __int128 wide;

#define WORD_BITS 64
#define DROPPED (WORD_BITS - DBL_MANT_DIG) /* bits of a word that a double has no room for */
#define EXPONENT_BIAS 1023
#define EXPONENT_SHIFT 52

/* Of ten; one digit at least stands before the point. */
static const uint64_t powers[DECIMAL_DIGITS] = {
	UINT64_C(1), UINT64_C(10), UINT64_C(100), UINT64_C(1000), UINT64_C(10000), UINT64_C(100000), UINT64_C(1000000),
	UINT64_C(10000000), UINT64_C(100000000), UINT64_C(1000000000), UINT64_C(10000000000), UINT64_C(100000000000),
	UINT64_C(1000000000000), UINT64_C(10000000000000), UINT64_C(100000000000000), UINT64_C(1000000000000000),
	UINT64_C(10000000000000000), UINT64_C(100000000000000000), UINT64_C(1000000000000000000),
};

/* digits [p, end) behind those of *n; the first byte that is none. */
static const char *digits(const char *p, const char *end, uint64_t *n)
{
	for (; p < end && (unsigned char)(*p - '0') <= 9; p++)
		*n = *n * 10 + (uint64_t)(*p - '0');
	return p;
}

/* -?digits[.digits]: all digits as one number, and how many stand behind the point. */
static bool read_digits(struct span s, bool *minus, uint64_t *n, size_t *behind)
{
	const char *p = s.p, *end = s.p + s.n, *point;

	*minus = s.n > 0 && *p == '-';
	p += *minus;
	if ((size_t)(end - p) > DECIMAL_DIGITS + 1) /* and the point */
		return false;
	*n = 0;
	*behind = 0;
	point = digits(p, end, n);
	if (point == p)
		return false;
	if (point == end)
		return point - p <= DECIMAL_DIGITS;
	if (*point != '.' || digits(point + 1, end, n) != end)
		return false;
	*behind = (size_t)(end - point - 1);
	return *behind > 0;
}

/* 2^e as a double; e is far from the ends. */
static double power_of_two(int e)
{
	uint64_t bits = (uint64_t)(EXPONENT_BIAS + e) << EXPONENT_SHIFT;
	double d;

	memcpy(&d, &bits, sizeof(d));
	return d;
}

/* word * 2^e, to the nearest, of two the even; rest: something below word was cut off. */
static double rounded(uint64_t word, bool rest, int e)
{
	const uint64_t half = UINT64_C(1) << (DROPPED - 1);
	uint64_t kept = word >> DROPPED, cut = word & (2 * half - 1);

	if (cut > half || (cut == half && (rest || (kept & 1))))
		kept++;
	return (double)kept * power_of_two(e + DROPPED);
}

/* n / divisor: n's top bit goes to the top of 128, so that the quotient has 64 bits at least. */
static double quotient(uint64_t n, uint64_t divisor)
{
	int lead = __builtin_clzll(n), over;
	wide top = (wide)(n << lead) << WORD_BITS, q = top / divisor;
	bool rest = q * divisor != top;

	over = q >> WORD_BITS ? WORD_BITS - __builtin_clzll((uint64_t)(q >> WORD_BITS)) : 0;
	rest |= (q & (((wide)1 << over) - 1)) != 0;
	return rounded((uint64_t)(q >> over), rest, over - WORD_BITS - lead);
}

bool decimal_double(struct span text, double *out)
{
	size_t behind;
	uint64_t n;
	bool minus;

	if (!read_digits(text, &minus, &n, &behind))
		return false;
	*out = n ? quotient(n, powers[behind]) : 0;
	if (minus)
		*out = -*out;
	return true;
}

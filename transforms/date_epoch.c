/*
 * date_epoch - UNIX, UNIX_MS and TAI64N of the date filter
 *
 * Numbers are decimal text of any length and are cut to milliseconds exactly, without a double in between.  UNIX ends at 2^31-1
 * seconds, as in the plugin; UNIX_MS at the year 9999, which is what a timestamp can print.  TAI64N is TAI less 10 seconds, whatever
 * leap seconds there were: the plugin's meaning.  Source: logstash-filter-date 3.1.15; https://cr.yp.to/libtai/tai64.html.
 */
#include "watcher/base/base.h"
#include "transforms/date_pattern.h"

#define SECONDS_MAX INT32_MAX
#define MS_MAX INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */
#define MS_MIN INT64_C(-62167219200000) /* 0000-01-01 */

static bool whole(struct span s, int64_t *out)
{
	size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+');
	int64_t n = 0;

	if (i == s.n)
		return false;
	for (; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, s.p[i] - '0', &n))
			return false;
	*out = s.p[0] == '-' ? -n : n;
	return true;
}

/* A JSON number times 10^shift, cut off towards zero. */
static bool scaled(struct span s, int shift, int64_t *out, bool *cut)
{
	const char *e = memchr(s.p, 'e', s.n), *dot = memchr(s.p, '.', s.n);
	int64_t exponent = 0, n = 0, places;
	struct span digits = s;

	if (!e)
		e = memchr(s.p, 'E', s.n);
	if (e && !whole((struct span){e + 1, s.n - (size_t)(e + 1 - s.p)}, &exponent))
		return false;
	if (e)
		digits.n = (size_t)(e - s.p);
	if (exponent < -1000 || exponent > 1000)
		return false;
	places = (dot ? dot - s.p : (int64_t)digits.n) + exponent + shift; /* bytes ahead of the cut */
	for (size_t i = 0; i < digits.n; i++) {
		char c = digits.p[i];

		if (c == '-' || c == '.')
			continue;
		if (c < '0' || c > '9')
			return false;
		if ((int64_t)i - (dot && digits.p + i > dot) >= places) {
			*cut = *cut || c != '0';
			continue;
		}
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, c - '0', &n))
			return false;
	}
	for (places -= (int64_t)digits.n - (dot != NULL); places > 0 && n; places--)
		if (__builtin_mul_overflow(n, 10, &n))
			return false;
	*out = s.n && s.p[0] == '-' ? -n : n;
	return true;
}

static bool too_late(const char **why)
{
	*why = "UNIX takes seconds up to 2147483647; milliseconds are UNIX_MS";
	return false;
}

/* Up to three digits behind the point are looked at, and added whatever the sign. */
static bool unix_text(struct span s, int64_t *ms, bool *cut, const char **why)
{
	static const int unit[] = {0, 100, 10, 1};
	const char *dot = memchr(s.p, '.', s.n);
	int64_t seconds, part = 0;
	size_t digits = 0;

	if (dot) {
		digits = s.n - (size_t)(dot + 1 - s.p);
		for (size_t i = 3; i < digits; i++)
			*cut = *cut || dot[1 + i] != '0';
		digits = digits > 3 ? 3 : digits;
		if (!whole((struct span){dot + 1, digits}, &part))
			return false;
		s.n = (size_t)(dot - s.p);
	}
	if (!whole(s, &seconds))
		return false;
	if (seconds > SECONDS_MAX)
		return too_late(why);
	if (seconds < MS_MIN / 1000)
		return false;
	*ms = seconds * 1000 + part * unit[digits];
	return true;
}

static bool hex(struct span s, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = (char)(s.p[i] | 32);
		int digit = s.p[i] >= '0' && s.p[i] <= '9' ? s.p[i] - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

		if (digit < 0)
			return false;
		*out = *out << 4 | (unsigned)digit;
	}
	return true;
}

static bool tai64n(struct span s, int64_t *ms)
{
	uint64_t seconds, nanoseconds;

	if (s.n && s.p[0] == '@') {
		s.p++;
		s.n--;
	}
	if (s.n < 24 || !hex((struct span){s.p, 16}, &seconds) ||
	    !hex((struct span){s.p + 16, 8}, &nanoseconds))
		return false;
	seconds &= (UINT64_C(1) << 62) - 1;
	if (seconds >> 63 || seconds > MS_MAX / 1000)
		return false;
	*ms = ((int64_t)seconds - 10) * 1000 + (int64_t)(nanoseconds / 1000000);
	return true;
}

bool date_epoch_parse(enum date_kind kind, struct span text, bool number, struct date_context *c,
		      int64_t *ms, const char **why)
{
	bool ok = false;

	c->assumed = c->moved = c->cut = false;
	*why = "it is no number of the format";
	if (!text.n)
		return false;
	if (kind == DATE_TAI64N) {
		*why = "it is no TAI64N: 24 hexadecimal digits, perhaps behind @";
		ok = !number && tai64n(text, ms);
	} else if (kind == DATE_UNIX && number) {
		ok = scaled(text, 3, ms, &c->cut);
		if (ok && *ms / 1000 > SECONDS_MAX)
			return too_late(why);
	} else if (kind == DATE_UNIX) {
		ok = unix_text(text, ms, &c->cut, why);
	} else if (kind == DATE_UNIX_MS) {
		ok = number ? scaled(text, 0, ms, &c->cut) : whole(text, ms);
	}
	if (!ok)
		return false;
	*why = "the year is not within 0 and 9999";
	return *ms >= MS_MIN && *ms <= MS_MAX;
}

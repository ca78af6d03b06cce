/*
 * date_text - would a server take this text for a date?  See the header
 *
 * Called by fit.c for every value of a date field.  A cursor goes over the text once from left to right; nothing is allocated, and
 * text of any length is refused at the first byte that does not belong.
 */
#include "watcher/base/base.h"
#include "watcher/sink/date_text.h"
#include <time.h>

#define NO_DATE "is no date by strict_date_optional_time or epoch_millis for"
#define NO_DAY "is no day of the calendar for"
#define NO_TIME "has an hour, minute or second that no day has, for"
#define OUT_OF_NANOS "is before 1970 or after 2262-04-11T23:47:16.854775807Z, which bound"

#define EPOCH_DIGITS 19
#define NANOS_SECONDS 9223372036 /* the last second that 64 bits of nanoseconds hold */
#define NANOS_REST 854775807
#define OFFSET_MAX (18 * 3600)

struct instant {
	int64_t year;
	int month, day, hour, minute, second, nano;
	int offset; /* seconds; of a named zone 0 */
};

static bool take(struct span *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = (struct span){s->p + 1, s->n - 1};
	return true;
}

static size_t digits_of(struct span s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return n;
}

/* The next n digits, at most 18, as a number; false: there are fewer. */
static bool take_digits(struct span *s, size_t n, int64_t *out)
{
	if (digits_of(*s) < n)
		return false;
	*out = 0;
	for (size_t i = 0; i < n; i++)
		*out = *out * 10 + (s->p[i] - '0');
	*s = (struct span){s->p + n, s->n - n};
	return true;
}

static bool take_two(struct span *s, int *out)
{
	int64_t n;

	if (!take_digits(s, 2, &n))
		return false;
	*out = (int)n;
	return true;
}

/* Four digits; behind a sign up to nine, of which a plus needs five. */
static bool take_year(struct span *s, int64_t *year)
{
	bool minus = take(s, '-'), plus = !minus && take(s, '+');
	size_t n = digits_of(*s);

	if (n < (plus ? 5 : 4) || n > (plus || minus ? 9 : 4) || !take_digits(s, n, year))
		return false;
	*year = minus ? -*year : *year;
	return true;
}

static int days_in(int64_t year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static const char *take_day(struct span *s, struct instant *t)
{
	t->month = t->day = 1;
	if (!take_year(s, &t->year))
		return NO_DATE;
	if (!take(s, '-'))
		return NULL;
	if (!take_two(s, &t->month))
		return NO_DATE;
	if (take(s, '-') && !take_two(s, &t->day))
		return NO_DATE;
	if (t->month < 1 || t->month > 12 || t->day < 1 || t->day > days_in(t->year, t->month))
		return NO_DAY;
	return NULL;
}

/* --- zones --- */

/* HH, HH:MM, HH:MM:SS, HHMM or HHMMSS up to 18 hours, to the end of the text. */
static bool take_offset(struct span s, bool minus, int *offset)
{
	int hour, minute = 0, second = 0;
	bool colon;

	if (!take_two(&s, &hour))
		return false;
	colon = take(&s, ':');
	if ((colon || s.n) && !take_two(&s, &minute))
		return false;
	if (s.n && ((colon && !take(&s, ':')) || !take_two(&s, &second)))
		return false;
	*offset = (hour * 60 + minute) * 60 + second;
	if (s.n || minute > 59 || second > 59 || *offset > OFFSET_MAX)
		return false;
	*offset = minus ? -*offset : *offset;
	return true;
}

static bool in_list(struct span s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(s, list[i]))
			return true;
	return false;
}

/* UTC, UT or GMT with hours behind it: GMT+1, UTC+01:00. */
static bool is_shifted(struct span s)
{
	static const char *const bases[] = {"UTC", "GMT", "UT"};
	int ignored;

	for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
		size_t n = strlen(bases[i]);
		struct span rest = {s.p + n, s.n - n};

		if (s.n <= n || memcmp(s.p, bases[i], n) != 0 || (rest.p[0] != '+' && rest.p[0] != '-'))
			continue;
		rest = (struct span){rest.p + 1, rest.n - 1};
		return (rest.n == 1 && digits_of(rest) == 1) || take_offset(rest, false, &ignored);
	}
	return false;
}

/* The names of the tz database that Java has too. */
static bool is_zone(struct span s)
{
	static const char *const names[] = {
		"UTC", "GMT", "UT", "UCT", "Zulu", "Universal", "Greenwich", "GMT0", "CET", "EET", "MET", "WET", "CST6CDT",
		"EST5EDT", "MST7MDT", "PST8PDT", "Cuba", "Egypt", "Eire", "GB", "GB-Eire", "Hongkong", "Iceland", "Iran",
		"Israel", "Jamaica", "Japan", "Kwajalein", "Libya", "NZ", "NZ-CHAT", "Navajo", "PRC", "Poland", "Portugal",
		"ROK", "Singapore", "Turkey", "W-SU",
	};
	static const char *const areas[] = {
		"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Brazil", "Canada", "Chile",
		"Etc", "Europe", "Indian", "Mexico", "Pacific", "SystemV", "US",
	};
	const char *slash = memchr(s.p, '/', s.n);
	size_t area = slash ? (size_t)(slash - s.p) : 0;

	if (!slash)
		return is_shifted(s) || in_list(s, names, ARRAY_LEN(names));
	for (size_t i = area + 1; i < s.n; i++)
		if (!((s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') &&
		    !memchr("/_+-", s.p[i], 4))
			return false;
	return area + 1 < s.n && in_list((struct span){s.p, area}, areas, ARRAY_LEN(areas));
}

static bool take_zone(struct span s, int *offset)
{
	bool minus;

	if (s.n == 0 || span_is(s, "Z"))
		return true;
	minus = take(&s, '-');
	if (minus || take(&s, '+'))
		return take_offset(s, minus, offset);
	return is_zone(s);
}

/* --- times --- */

static bool take_fraction(struct span *s, int *nano)
{
	size_t n = digits_of(*s);
	int64_t value;

	if (n < 1 || n > 9 || !take_digits(s, n, &value))
		return false;
	for (; n < 9; n++)
		value *= 10;
	*nano = (int)value;
	return true;
}

/* What is behind the day, to the end. */
static const char *take_time(struct span s, struct instant *t)
{
	if (s.n == 0)
		return NULL;
	if (!take(&s, 'T'))
		return NO_DATE;
	if (s.n == 0)
		return NULL;
	if (!take_two(&s, &t->hour))
		return NO_DATE;
	if (take(&s, ':')) {
		if (!take_two(&s, &t->minute))
			return NO_DATE;
		if (take(&s, ':')) {
			if (!take_two(&s, &t->second))
				return NO_DATE;
			if ((take(&s, '.') || take(&s, ',')) && !take_fraction(&s, &t->nano))
				return NO_DATE;
		}
	}
	if (!take_zone(s, &t->offset))
		return NO_DATE;
	return t->hour > 23 || t->minute > 59 || t->second > 59 ? NO_TIME : NULL;
}

static const char *in_nanos(int64_t seconds, int64_t nano)
{
	if (seconds < 0 || seconds > NANOS_SECONDS || (seconds == NANOS_SECONDS && nano > NANOS_REST))
		return OUT_OF_NANOS;
	return NULL;
}

static const char *instant_in_nanos(const struct instant *t)
{
	struct tm tm = {.tm_mon = t->month - 1, .tm_mday = t->day, .tm_hour = t->hour, .tm_min = t->minute, .tm_sec = t->second};

	if (t->year < 1969 || t->year > 2263)
		return OUT_OF_NANOS;
	tm.tm_year = (int)t->year - 1900;
	return in_nanos(timegm(&tm) - t->offset, t->nano);
}

/* [-]digits[.[up to six digits]], within 64 bits. */
static bool is_epoch(struct span s, int64_t *ms, int64_t *nano)
{
	bool minus = take(&s, '-');
	size_t n = digits_of(s);
	int64_t last;

	*nano = 0;
	if (n < 1 || n > EPOCH_DIGITS || !take_digits(&s, n - 1, ms) || !take_digits(&s, 1, &last) ||
	    *ms > (INT64_MAX - last) / 10)
		return false;
	*ms = *ms * 10 + last;
	if (minus)
		*ms = -*ms;
	if (!take(&s, '.'))
		return s.n == 0;
	n = digits_of(s);
	if (n > 6 || n != s.n || !take_digits(&s, n, nano))
		return false;
	for (; n < 6; n++)
		*nano *= 10;
	*nano = minus ? -*nano : *nano;
	return true;
}

const char *date_text_fault_ms(int64_t ms, bool nanos)
{
	if (nanos && ms < 0)
		return OUT_OF_NANOS;
	return nanos ? in_nanos(ms / 1000, ms % 1000 * 1000000) : NULL;
}

const char *date_text_fault(struct span s, bool nanos)
{
	struct instant t = {0};
	struct span rest = s;
	const char *why = take_day(&rest, &t);
	int64_t ms, nano;

	if (!why)
		why = take_time(rest, &t);
	if (!why)
		return nanos ? instant_in_nanos(&t) : NULL;
	if (!is_epoch(s, &ms, &nano))
		return why;
	if (!nanos)
		return NULL;
	return nano < 0 ? OUT_OF_NANOS : ms < 0 ? OUT_OF_NANOS : in_nanos(ms / 1000, ms % 1000 * 1000000 + nano);
}

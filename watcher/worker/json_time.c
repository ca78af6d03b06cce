/*
 * json_time - the one form of time that JSON events have: RFC 3339
 *
 * Called for "@timestamp" of a line of JSON.  Owns nothing; what is no such time stays the string it was.
 * Source: RFC 3339, 5.6; days of the civil calendar by counting years from March.
 */
#include "watcher/base/base.h"
#include "watcher/worker/json_event.h"

/* Exactly n digits at s, which is moved behind them; -1: they are not there. */
static int number(struct span *s, size_t n)
{
	int value = 0;

	if (s->n < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return -1;
		value = value * 10 + (s->p[i] - '0');
	}
	*s = (struct span){s->p + n, s->n - n};
	return value;
}

static bool byte(struct span *s, const char *of)
{
	if (s->n == 0 || s->p[0] == '\0' || !strchr(of, s->p[0]))
		return false;
	*s = (struct span){s->p + 1, s->n - 1};
	return true;
}

static int64_t days_of(int year, int month, int day)
{
	int y = month <= 2 ? year - 1 : year;
	int m = (month + 9) % 12;

	return 365LL * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719468;
}

static bool date_of(struct span *s, int64_t *days)
{
	static const int most[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;
	bool leap;

	year = number(s, 4);
	if (year < 0 || !byte(s, "-"))
		return false;
	month = number(s, 2);
	if (month < 1 || month > 12 || !byte(s, "-"))
		return false;
	day = number(s, 2);
	leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (day < 1 || day > most[month - 1] || (month == 2 && day == 29 && !leap))
		return false;
	*days = days_of(year, month, day);
	return true;
}

static bool clock_of(struct span *s, int64_t *ms)
{
	int hour, minute, second, digit, unit = 100;

	hour = number(s, 2);
	if (hour < 0 || hour > 23 || !byte(s, ":"))
		return false;
	minute = number(s, 2);
	if (minute < 0 || minute > 59 || !byte(s, ":"))
		return false;
	second = number(s, 2);
	if (second < 0 || second > 60)
		return false;
	*ms = ((hour * 60LL + minute) * 60 + second) * 1000;
	if (!byte(s, ".,"))
		return true;
	digit = number(s, 1);
	if (digit < 0)
		return false;
	for (; digit >= 0; digit = number(s, 1), unit /= 10)
		*ms += digit * unit;
	return true;
}

static bool zone_of(struct span *s, int64_t *ms)
{
	bool west = s->n && s->p[0] == '-';
	int hour, minute;

	*ms = 0;
	if (byte(s, "Zz"))
		return true;
	if (!byte(s, "+-"))
		return false;
	hour = number(s, 2);
	byte(s, ":");
	minute = number(s, 2);
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
		return false;
	*ms = (hour * 60LL + minute) * 60000 * (west ? -1 : 1);
	return true;
}

bool json_event_time(struct span s, int64_t *ms)
{
	int64_t days, clock, zone;

	if (!date_of(&s, &days) || !byte(&s, "Tt ") || !clock_of(&s, &clock) ||
	    !zone_of(&s, &zone) || s.n > 0)
		return false;
	*ms = days * 86400000 + clock - zone;
	return true;
}

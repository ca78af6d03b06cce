/*
 * date_fields - what was read of a date's text; see the header
 */
#include "watcher/base/base.h"
#include "transforms/date_fields.h"

#define FIRST_MS INT64_C(-62167219200000) /* 0000-01-01T00:00:00.000Z */
#define LAST_MS INT64_C(253402300799999)  /* 9999-12-31T23:59:59.999Z */

#define DAY_MS INT64_C(86400000)
#define HOUR_MS 3600000
#define MINUTE_MS 60000

static const struct {
	int low, high;
	const char *why;
} ranges[DATE_FIELDS] = {
	[DATE_ERA] = {0, 1, "no era"},
	[DATE_YEAR] = {0, 9999, "the year is not within 0 and 9999"},
	[DATE_WEEK_YEAR] = {0, 9999, "the year is not within 0 and 9999"},
	[DATE_MONTH] = {1, 12, "the month is not within 1 and 12"},
	[DATE_WEEK] = {1, 53, "the week is not within 1 and 53"},
	[DATE_DAY] = {1, 31, "the day is not within its month"},
	[DATE_DAY_OF_YEAR] = {1, 366, "the day is not within its year"},
	[DATE_WEEKDAY] = {1, 7, "the weekday is not within 1 and 7"},
	[DATE_HALF] = {0, 1, "neither AM nor PM"},
	[DATE_HOUR] = {0, 23, "the hour is not within 0 and 23"},
	[DATE_HOUR_24] = {1, 24, "the hour is not within 1 and 24"},
	[DATE_HOUR_11] = {0, 11, "the hour is not within 0 and 11"},
	[DATE_HOUR_12] = {1, 12, "the hour is not within 1 and 12"},
	[DATE_MINUTE] = {0, 59, "the minute is not within 0 and 59"},
	[DATE_SECOND] = {0, 59, "the second is not within 0 and 59"},
};

/* --- reading --- */

static bool is_digit_at(struct span s, size_t at)
{
	return at < s.n && s.p[at] >= '0' && s.p[at] <= '9';
}

bool date_take_number(struct span s, size_t *at, size_t max, bool sign, int *out)
{
	size_t i = *at, from;
	bool minus = false;
	int64_t n = 0;

	if (sign && i < s.n && (s.p[i] == '-' || s.p[i] == '+') && is_digit_at(s, i + 1))
		minus = s.p[i++] == '-';
	for (from = i; i - from < max && is_digit_at(s, i); i++)
		n = n > INT32_MAX ? n : n * 10 + (s.p[i] - '0');
	if (i == from || n > INT32_MAX)
		return false;
	*out = (int)(minus ? -n : n);
	*at = i;
	return true;
}

bool date_take_fraction(struct span s, size_t *at, size_t max, int64_t unit_ms, int64_t *ms,
			bool *cut)
{
	size_t from = *at;
	int64_t part = unit_ms * 1000000, sum = 0; /* millionths: no digit is lost before the cut */

	for (; *at - from < max && is_digit_at(s, *at); ++*at) {
		part /= 10;
		sum += part * (s.p[*at] - '0');
		if (!part && s.p[*at] != '0')
			*cut = true;
	}
	*ms = sum / 1000000;
	if (sum % 1000000)
		*cut = true;
	return *at > from;
}

static bool two_digits(struct span s, size_t at, int *out)
{
	if (!is_digit_at(s, at) || !is_digit_at(s, at + 1))
		return false;
	*out = (s.p[at] - '0') * 10 + (s.p[at + 1] - '0');
	return true;
}

/* What stands behind the hours: [:]mm[[:]ss[(.|,)SSS]].  1: taken, 0: not there, -1: wrong. */
static int offset_part(struct span s, size_t *at, bool colon, int *value)
{
	size_t i = *at;

	if (colon && (i >= s.n || s.p[i] != ':'))
		return 0;
	if (!colon && !is_digit_at(s, i))
		return 0;
	i += colon;
	if (!two_digits(s, i, value) || *value > 59)
		return -1;
	*at = i + 2;
	return 1;
}

static bool offset_tail(struct span s, size_t *at, int *ms)
{
	bool colon = *at < s.n && s.p[*at] == ':';
	int minutes, seconds, r = offset_part(s, at, colon, &minutes);
	int64_t fraction;
	bool cut;
	size_t i;

	if (r <= 0)
		return r == 0;
	*ms += minutes * MINUTE_MS;
	r = offset_part(s, at, colon, &seconds);
	if (r <= 0)
		return r == 0;
	*ms += seconds * 1000;
	i = *at;
	if (colon && (i >= s.n || (s.p[i] != '.' && s.p[i] != ',')))
		return true;
	i += colon;
	if (!date_take_fraction(s, &i, 3, 1000, &fraction, &cut))
		return !colon;
	*ms += (int)fraction;
	*at = i;
	return true;
}

bool date_take_offset(struct span s, size_t *at, struct date_fields *f)
{
	size_t i = *at;
	int hours, ms;

	f->zone = NULL;
	if (i < s.n && (s.p[i] == 'Z' || s.p[i] == 'z')) {
		f->has_offset = true;
		f->offset_ms = 0;
		*at = i + 1;
		return true;
	}
	if (i >= s.n || (s.p[i] != '+' && s.p[i] != '-') || !two_digits(s, i + 1, &hours) || hours > 23)
		return false;
	ms = hours * HOUR_MS;
	*at = i + 3;
	if (!offset_tail(s, at, &ms))
		return false;
	f->has_offset = true;
	f->offset_ms = s.p[i] == '-' ? -ms : ms;
	return true;
}

/* --- meaning --- */

static int weekday_of(int64_t days)
{
	return (int)((days % 7 + 7 + 3) % 7) + 1; /* 1970-01-01 was a Thursday, the fourth day */
}

/* The Monday of the week that has the year's first Thursday. */
static int64_t first_week(int64_t year)
{
	int64_t fourth = days_of(year, 1, 4);

	return fourth - (weekday_of(fourth) - 1);
}

static bool week_date(const struct date_fields *f, int64_t *days, const char **why)
{
	int64_t year = f->set[DATE_WEEK_YEAR] ? f->value[DATE_WEEK_YEAR] : 1970;
	int week = f->set[DATE_WEEK] ? f->value[DATE_WEEK] : 1;

	*days = first_week(year) + 7 * (week - 1);
	if (*days < first_week(year + 1))
		return true;
	*why = "the week is not within its year";
	return false;
}

static bool calendar_date(const struct date_fields *f, int64_t default_year, int64_t *days,
			  const char **why)
{
	bool partial = f->set[DATE_MONTH] || f->set[DATE_DAY];
	int64_t year = partial ? default_year : 1970;
	int month = f->set[DATE_MONTH] ? f->value[DATE_MONTH] : 1;
	int day = f->set[DATE_DAY] ? f->value[DATE_DAY] : 1;

	if (f->set[DATE_DAY_OF_YEAR] || f->set[DATE_WEEKDAY])
		year = default_year;
	if (f->set[DATE_YEAR])
		year = f->value[DATE_YEAR];
	if (f->set[DATE_ERA] && !f->value[DATE_ERA])
		year = 1 - year;
	if (year < 0 || year > 9999) {
		*why = ranges[DATE_YEAR].why;
		return false;
	}
	if (f->set[DATE_DAY_OF_YEAR] && !partial) {
		*days = days_of(year, 1, 1) + f->value[DATE_DAY_OF_YEAR] - 1;
		*why = ranges[DATE_DAY_OF_YEAR].why;
		return *days < days_of(year + 1, 1, 1);
	}
	*days = days_of(year, month, 1) + day - 1;
	*why = ranges[DATE_DAY].why;
	return day <= days_in(year, month);
}

static int hour_of(const struct date_fields *f)
{
	bool afternoon = f->set[DATE_HALF] && f->value[DATE_HALF];

	if (f->set[DATE_HOUR])
		return f->value[DATE_HOUR];
	if (f->set[DATE_HOUR_24])
		return f->value[DATE_HOUR_24] % 24;
	if (f->set[DATE_HOUR_12])
		return f->value[DATE_HOUR_12] % 12 + (afternoon ? 12 : 0);
	return (f->set[DATE_HOUR_11] ? f->value[DATE_HOUR_11] : 0) + (afternoon ? 12 : 0);
}

bool date_local(struct date_fields *f, int64_t default_year, int64_t *ms, const char **why)
{
	bool week = f->set[DATE_WEEK] || f->set[DATE_WEEK_YEAR];
	int64_t days, monday;

	for (size_t i = 0; i < DATE_FIELDS; i++)
		if (f->set[i] && (f->value[i] < ranges[i].low || f->value[i] > ranges[i].high)) {
			*why = ranges[i].why;
			return false;
		}
	if (!(week ? week_date(f, &days, why) : calendar_date(f, default_year, &days, why)))
		return false;
	if (f->set[DATE_WEEKDAY]) {
		monday = days - (weekday_of(days) - 1);
		f->moved = !week && monday + f->value[DATE_WEEKDAY] - 1 != days;
		days = monday + f->value[DATE_WEEKDAY] - 1;
	}
	*ms = days * DAY_MS + (int64_t)hour_of(f) * HOUR_MS + f->fraction_ms;
	if (f->set[DATE_MINUTE])
		*ms += (int64_t)f->value[DATE_MINUTE] * MINUTE_MS;
	if (f->set[DATE_SECOND])
		*ms += (int64_t)f->value[DATE_SECOND] * 1000;
	return true;
}

bool date_to_utc(const struct zone *zone, int64_t local_ms, int64_t *ms, const char **why)
{
	int64_t seconds = local_ms / 1000 - (local_ms % 1000 < 0), utc;

	if (!zone_to_utc(zone, seconds, &utc)) {
		*why = "the zone's clocks skipped that time";
		return false;
	}
	*ms = utc * 1000 + (local_ms - seconds * 1000);
	return true;
}

bool date_is_printable(int64_t ms)
{
	return ms >= FIRST_MS && ms <= LAST_MS;
}

bool date_moment(struct date_fields *f, int64_t default_year, const struct zone *zone, int64_t *ms,
		 const char **why)
{
	int64_t local;

	if (!date_local(f, default_year, &local, why))
		return false;
	if (f->has_offset)
		*ms = local - f->offset_ms;
	else if (!date_to_utc(f->zone ? f->zone : zone, local, ms, why))
		return false;
	/* a weekday, or an offset, can lead out of the first and the last year */
	if (date_is_printable(*ms))
		return true;
	*why = "the year is not within 0 and 9999";
	return false;
}

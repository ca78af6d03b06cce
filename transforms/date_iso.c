/*
 * date_iso - the ISO8601 format of the date filter
 *
 *	time = T HH[:mm[:ss]][fraction][offset]      date = yyyy[-MM[-dd]] | yyyy-DDD | xxxx-Www[-e]
 *	text = time | date [T [time] [offset]]       and: yyyy-MM-dd HH:mm:ss(.|,)SSS[offset]
 *
 * A fraction is that of the last unit.  Called by date_pattern.c; source: Joda-Time's ISODateTimeFormat.dateTimeParser (documentation).
 */
#include "watcher/base/base.h"
#include "transforms/date_pattern.h"

static bool byte_at(struct span s, size_t at, char a, char b)
{
	return at < s.n && (s.p[at] == a || s.p[at] == b);
}

/* `:mm` or `:ss`: 1 taken, 0 not there. */
static bool next_unit(struct span s, size_t *at, struct date_fields *f, enum date_field field)
{
	size_t i = *at + 1;
	int n;

	if (!byte_at(s, *at, ':', ':') || !date_take_number(s, &i, 2, false, &n))
		return false;
	date_set(f, field, n);
	*at = i;
	return true;
}

static bool take_time(struct span s, size_t *at, struct date_fields *f)
{
	int64_t unit = 3600000;
	size_t i;
	int n;

	if (!date_take_number(s, at, 2, false, &n))
		return false;
	date_set(f, DATE_HOUR, n);
	if (next_unit(s, at, f, DATE_MINUTE)) {
		unit = 60000;
		if (next_unit(s, at, f, DATE_SECOND))
			unit = 1000;
	}
	i = *at + 1;
	if (byte_at(s, *at, '.', ',') && date_take_fraction(s, &i, 9, unit, &f->fraction_ms, &f->cut))
		*at = i;
	return true;
}

static void take_day(struct span s, size_t *at, struct date_fields *f)
{
	size_t i = *at + 1;
	int n;

	if (byte_at(s, *at, '-', '-') && date_take_number(s, &i, 2, false, &n)) {
		date_set(f, DATE_DAY, n);
		*at = i;
	}
}

static bool take_week(struct span s, size_t *at, struct date_fields *f)
{
	size_t i = *at + 2;
	int n;

	if (!byte_at(s, *at, '-', '-') || !byte_at(s, *at + 1, 'W', 'w') ||
	    !date_take_number(s, &i, 2, false, &n))
		return false;
	f->set[DATE_YEAR] = false;
	date_set(f, DATE_WEEK_YEAR, f->value[DATE_YEAR]);
	date_set(f, DATE_WEEK, n);
	date_set(f, DATE_WEEKDAY, 1);
	*at = i++;
	if (byte_at(s, *at, '-', '-') && date_take_number(s, &i, 1, false, &n)) {
		date_set(f, DATE_WEEKDAY, n);
		*at = i;
	}
	return true;
}

static size_t digits_at(struct span s, size_t at)
{
	size_t n = 0;

	while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9')
		n++;
	return n;
}

static bool take_date(struct span s, size_t *at, struct date_fields *f)
{
	size_t i;
	int n;

	if (!date_take_number(s, at, 9, true, &n))
		return false;
	date_set(f, DATE_YEAR, n);
	if (take_week(s, at, f) || !byte_at(s, *at, '-', '-'))
		return true;
	i = *at + 1;
	if (digits_at(s, i) >= 3 && date_take_number(s, &i, 3, false, &n)) {
		date_set(f, DATE_DAY_OF_YEAR, n);
		*at = i;
	} else if (date_take_number(s, &i, 2, false, &n)) {
		date_set(f, DATE_MONTH, n);
		*at = i;
		take_day(s, at, f);
	}
	return true;
}

static bool take_zone(struct span s, size_t at, struct date_fields *f)
{
	if (at == s.n)
		return true;
	return date_take_offset(s, &at, f) && at == s.n;
}

/* A blank instead of the T: then everything down to the fraction must be there. */
static bool casual(struct span s, struct date_fields *f)
{
	size_t at = 0, i;
	int64_t ms;
	bool cut;

	*f = (struct date_fields){0};
	if (!take_date(s, &at, f) || !f->set[DATE_DAY] || !byte_at(s, at, ' ', ' '))
		return false;
	at++;
	if (!take_time(s, &at, f) || !f->set[DATE_SECOND])
		return false;
	for (i = at; i && s.p[i - 1] >= '0' && s.p[i - 1] <= '9'; i--)
		;
	if (!i || (s.p[i - 1] != '.' && s.p[i - 1] != ',') || at - i > 3)
		return false;
	return date_take_fraction(s, &i, 3, 1000, &ms, &cut) && take_zone(s, at, f);
}

bool date_iso_parse(struct span s, struct date_fields *f)
{
	size_t at = 0;
	bool ok = true;

	*f = (struct date_fields){0};
	if (byte_at(s, 0, 'T', 't')) {
		at = 1;
		return take_time(s, &at, f) && take_zone(s, at, f);
	}
	if (!take_date(s, &at, f))
		return false;
	if (at < s.n && byte_at(s, at, 'T', 't')) {
		at++;
		(void)take_time(s, &at, f);
		ok = take_zone(s, at, f);
	} else {
		ok = at == s.n;
	}
	return ok || casual(s, f);
}

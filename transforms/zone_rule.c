/*
 * zone_rule - the footer of a TZif file; see the header
 */
#include "watcher/base/base.h"
#include "transforms/zone.h"
#include "transforms/zone_rule.h"

#define DAY 86400

struct reader {
	const char *p, *end;
};

static bool take(struct reader *r, char c)
{
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool number(struct reader *r, int max, int *out)
{
	const char *from = r->p;
	int n = 0;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9' && r->p - from < 4)
		n = n * 10 + (*r->p++ - '0');
	*out = n;
	return r->p > from && n <= max;
}

/* [+-]h[h[h]][:mm[:ss]] */
static bool clock_of(struct reader *r, int *seconds)
{
	bool minus = take(r, '-');
	int h, m = 0, s = 0;

	if (!minus)
		(void)take(r, '+');
	if (!number(r, 167, &h) || (take(r, ':') && !number(r, 59, &m)) ||
	    (m >= 0 && take(r, ':') && !number(r, 59, &s)))
		return false;
	*seconds = (h * 60 + m) * 60 + s;
	if (minus)
		*seconds = -*seconds;
	return true;
}

static bool name(struct reader *r)
{
	const char *from = r->p;

	if (take(r, '<')) {
		while (r->p < r->end && *r->p != '>')
			r->p++;
		return take(r, '>');
	}
	while (r->p < r->end && ((*r->p >= 'A' && *r->p <= 'Z') || (*r->p >= 'a' && *r->p <= 'z')))
		r->p++;
	return r->p - from >= 3;
}

static bool change(struct reader *r, struct zone_change *c)
{
	*c = (struct zone_change){.kind = 'D', .seconds = 2 * 3600};
	if (take(r, 'M')) {
		c->kind = 'M';
		if (!number(r, 12, &c->month) || !c->month || !take(r, '.') || !number(r, 5, &c->week) ||
		    !c->week || !take(r, '.') || !number(r, 6, &c->weekday))
			return false;
	} else {
		if (take(r, 'J'))
			c->kind = 'J';
		if (!number(r, 365, &c->day))
			return false;
	}
	return !take(r, '/') || clock_of(r, &c->seconds);
}

bool zone_rule_parse(struct span text, struct zone_rule *out)
{
	struct reader r = {text.p, text.p + text.n};
	int west;

	*out = (struct zone_rule){0};
	if (!text.n || !name(&r) || !clock_of(&r, &west))
		return false;
	out->standard = -west;
	if (r.p == r.end)
		return true;
	if (!name(&r))
		return false;
	out->has_summer = true;
	out->summer = out->standard + 3600;
	if (r.p < r.end && *r.p != ',') {
		if (!clock_of(&r, &west))
			return false;
		out->summer = -west;
	}
	return take(&r, ',') && change(&r, &out->begin) && take(&r, ',') && change(&r, &out->end) &&
	       r.p == r.end;
}

/* Local seconds since 1970 of the change in that year. */
static int64_t moment_of(const struct zone_change *c, int64_t year)
{
	int64_t first, next;
	int weekday;

	if (c->kind == 'D')
		return (days_of(year, 1, 1) + c->day) * DAY + c->seconds;
	if (c->kind == 'J') {
		bool later = days_in(year, 2) == 29 && c->day >= 60;

		return (days_of(year, 1, 1) + c->day - 1 + later) * DAY + c->seconds;
	}
	first = days_of(year, c->month, 1);
	next = c->month == 12 ? days_of(year + 1, 1, 1) : days_of(year, c->month + 1, 1);
	weekday = (int)((first % 7 + 7 + 4) % 7); /* 1970-01-01 was a Thursday */
	first += (c->weekday - weekday + 7) % 7 + 7 * (c->week - 1);
	while (first >= next)
		first -= 7;
	return first * DAY + c->seconds;
}

int zone_rule_offset(const struct zone_rule *r, int64_t utc)
{
	int64_t local = utc + r->standard, year, begin, end;
	int month, day;

	if (!r->has_summer)
		return r->standard;
	date_of(local / DAY - (local % DAY < 0), &year, &month, &day);
	begin = moment_of(&r->begin, year) - r->standard;
	end = moment_of(&r->end, year) - r->summer;
	if (begin < end)
		return utc >= begin && utc < end ? r->summer : r->standard;
	return utc >= end && utc < begin ? r->standard : r->summer;
}

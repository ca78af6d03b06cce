/*
 * csv_date - the date and date_time conversions of the csv filter; see the header
 *
 * Called by filter_csv.c for each column of such a type.  Owns nothing.
 */
#include "watcher/base/base.h"
#include "transforms/csv_date.h"

#define HOUR_MS 3600000
#define DAY_MS INT64_C(86400000)

struct reader {
	struct span s;
	size_t at;
	struct date_fields f;
	bool next_day;
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/* Exactly low to high digits. */
static bool digits(struct reader *r, size_t low, size_t high, int *out)
{
	size_t from = r->at;

	if (!date_take_number(r->s, &r->at, high, false, out) || r->at - from < low)
		return false;
	return r->at == r->s.n || r->s.p[r->at] < '0' || r->s.p[r->at] > '9';
}

static bool byte(struct reader *r, char c)
{
	bool there = r->at < r->s.n && r->s.p[r->at] == c;

	r->at += there;
	return there;
}

static bool spaces(struct reader *r)
{
	size_t from = r->at;

	while (r->at < r->s.n && is_space(r->s.p[r->at]))
		r->at++;
	return r->at > from;
}

static struct span word(struct reader *r)
{
	size_t from = r->at;

	while (r->at < r->s.n && is_letter(r->s.p[r->at]))
		r->at++;
	return r->at > from ? (struct span){r->s.p + from, r->at - from} : SPAN_NONE;
}

/* 1 January ... 12, by the first three letters; 0: none. */
static int month_of(struct span name)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (int i = 0; name.n >= 3 && i < 12; i++)
		if ((name.p[0] | 32) == names[i * 3] && (name.p[1] | 32) == names[i * 3 + 1] &&
		    (name.p[2] | 32) == names[i * 3 + 2])
			return i + 1;
	return 0;
}

static bool is_era(struct span name)
{
	return name.n <= 3 && name.n >= 2 && (name.p[name.n - 1] | 32) == (name.n == 2 ? 'c' : 'e') &&
	       (name.p[0] | 32) == 'b';
}

/* `[WORD[,] ]MONTH DAY`: the word ahead is a weekday mostly, and says nothing. */
static bool month_and_day(struct reader *r)
{
	struct span name = word(r);
	struct reader behind = *r;
	int day;

	(void)byte(&behind, ',');
	if (name.n && !is_era(name) && spaces(&behind) && behind.at < r->s.n && is_letter(r->s.p[behind.at])) {
		*r = behind;
		name = word(r);
	}
	date_set(&r->f, DATE_MONTH, month_of(name));
	if (!month_of(name) || !spaces(r) || !digits(r, 1, 2, &day))
		return false;
	date_set(&r->f, DATE_DAY, day);
	return true;
}

static bool last_year(struct reader *r)
{
	size_t from;
	int year;

	(void)byte(r, ',');
	if (!spaces(r))
		return false;
	from = r->at;
	if (!digits(r, 2, 4, &year) || r->at < r->s.n)
		return false;
	if (r->at - from == 2)
		year += year < 69 ? 2000 : 1900;
	date_set(&r->f, DATE_YEAR, year);
	return true;
}

/* yyyy-mm-dd */
static bool iso_date(struct reader *r)
{
	int year, month, day;

	if (!digits(r, 4, 4, &year) || !byte(r, '-') || !digits(r, 2, 2, &month) || !byte(r, '-') ||
	    !digits(r, 2, 2, &day))
		return false;
	date_set(&r->f, DATE_YEAR, year);
	date_set(&r->f, DATE_MONTH, month);
	date_set(&r->f, DATE_DAY, day);
	return true;
}

static bool set_time(struct reader *r, int hour, int minute, int second)
{
	r->next_day = hour == 24 && !minute && !second;
	date_set(&r->f, DATE_HOUR, r->next_day ? 0 : hour);
	date_set(&r->f, DATE_MINUTE, minute);
	date_set(&r->f, DATE_SECOND, second == 60 ? 59 : second);
	return true;
}

/* hh:mm:ss with at least `low` digits each. */
static bool time_of_day(struct reader *r, size_t low)
{
	int hour, minute, second;

	return digits(r, low, 2, &hour) && byte(r, ':') && digits(r, low, 2, &minute) && byte(r, ':') &&
	       digits(r, low, 2, &second) && set_time(r, hour, minute, second);
}

/* .fraction and Z or +hh:mm behind the seconds, each of which may be missing. */
static bool fraction_and_zone(struct reader *r)
{
	if (byte(r, '.') && !date_take_fraction(r->s, &r->at, r->s.n, 1000, &r->f.fraction_ms, &r->f.cut))
		return false;
	if (r->at == r->s.n)
		return true;
	if (r->s.p[r->at] != 'Z' && (r->s.n - r->at != 6 || r->s.p[r->at + 3] != ':'))
		return false;
	return date_take_offset(r->s, &r->at, &r->f) && r->at == r->s.n;
}

/* T04:05[:06[.5][Z|+07:00]] */
static bool iso_clock(struct reader *r)
{
	struct reader whole = *r;
	int hour, minute;

	if (time_of_day(&whole, 2)) {
		*r = whole;
		return fraction_and_zone(r);
	}
	return digits(r, 2, 2, &hour) && byte(r, ':') && digits(r, 2, 2, &minute) && r->at == r->s.n &&
	       set_time(r, hour, minute, 0);
}

static bool finish(struct reader *r, const struct zone *zone, struct csv_date *out)
{
	const char *why;
	int64_t local;

	if (!date_local(&r->f, 1970, &local, &why))
		return false;
	local += r->next_day ? DAY_MS : 0;
	out->assumed = !r->f.has_offset;
	out->cut = r->f.cut;
	out->ms = local - r->f.offset_ms;
	/* where the clocks skip midnight the day begins with the hour behind it */
	if (zone && !date_to_utc(zone, local, &out->ms, &why) &&
	    !date_to_utc(zone, local + HOUR_MS, &out->ms, &why))
		return false;
	return date_is_printable(out->ms);
}

bool csv_date_read(struct span s, const struct zone *zone, struct csv_date *out)
{
	struct reader r = {.s = s}, named = r;

	if (iso_date(&r) && r.at == s.n)
		return finish(&r, zone, out);
	return month_and_day(&named) && last_year(&named) && finish(&named, zone, out);
}

bool csv_date_time_read(struct span s, struct csv_date *out)
{
	struct reader r = {.s = s}, named = r, behind;

	if (iso_date(&r)) {
		if (r.at == s.n)
			return finish(&r, NULL, out);
		behind = r;
		behind.at++;
		if (is_space(s.p[r.at]))
			return time_of_day(&behind, 2) && behind.at == s.n && finish(&behind, NULL, out);
		return s.p[r.at] == 'T' && iso_clock(&behind) && finish(&behind, NULL, out);
	}
	return month_and_day(&named) && spaces(&named) && time_of_day(&named, 1) && last_year(&named) &&
	       finish(&named, NULL, out);
}

/*
 * date_fields - what was read of a date's text, and the moment it means
 *
 *	struct date_fields f = {0};
 *	date_set(&f, DATE_MONTH, 12); ... date_take_offset(text, &at, &f) ...
 *	if (!date_moment(&f, default_year, zone, &ms, &why)) ...
 *
 * Missing fields are those of 1970-01-01T00:00:00; default_year steps in where month or day are there without a year.  Every
 * value is checked against its range: 31 February is no date.  A weekday that is not the date's moves the date within its week
 * (Monday first); `moved` says so.  Years are 0 to 9999: what a timestamp can print.
 * Source: Joda-Time's documentation and answers (DateTimeParserBucket, ISODateTimeFormat), meaning only.
 */
#ifndef TRANSFORMS_DATE_FIELDS_H
#define TRANSFORMS_DATE_FIELDS_H

#include "watcher/base/span.h"
#include "transforms/zone.h"

enum date_field {
	DATE_ERA, /* 0 BC, 1 AD */
	DATE_YEAR,
	DATE_WEEK_YEAR,
	DATE_MONTH,
	DATE_WEEK,
	DATE_DAY,
	DATE_DAY_OF_YEAR,
	DATE_WEEKDAY, /* 1 Monday */
	DATE_HALF,    /* 0 AM, 1 PM */
	DATE_HOUR,    /* 0..23 */
	DATE_HOUR_24, /* 1..24 */
	DATE_HOUR_11, /* 0..11 of the half day */
	DATE_HOUR_12, /* 1..12 */
	DATE_MINUTE,
	DATE_SECOND,
	DATE_FIELDS
};

struct date_fields {
	bool set[DATE_FIELDS];
	int value[DATE_FIELDS];
	int64_t fraction_ms; /* of a second, or of the minute or hour that stands last */
	bool has_offset;
	int offset_ms;		 /* east */
	const struct zone *zone; /* named in the text */
	bool moved;
	bool cut; /* more than milliseconds, not all of it zeros */
};

static inline void date_set(struct date_fields *f, enum date_field field, int value)
{
	f->set[field] = true;
	f->value[field] = value;
}

/* Digits, at most max of them; false: none. */
bool date_take_number(struct span s, size_t *at, size_t max, bool sign, int *out);
/* A fraction's digits, at most max, as milliseconds of a unit that has unit_ms; cut: there was more, which is lost. */
bool date_take_fraction(struct span s, size_t *at, size_t max, int64_t unit_ms, int64_t *ms, bool *cut);
/* Z, or +hh, +hhmm, +hh:mm, with seconds and a fraction behind. */
bool date_take_offset(struct span s, size_t *at, struct date_fields *f);

/* Local time in milliseconds, whatever the zone. */
bool date_local(struct date_fields *f, int64_t default_year, int64_t *ms, const char **why);
bool date_moment(struct date_fields *f, int64_t default_year, const struct zone *zone, int64_t *ms,
		 const char **why);
/* Within the years 0 to 9999, UTC. */
bool date_is_printable(int64_t ms);
/* Local milliseconds of that zone to UTC. */
bool date_to_utc(const struct zone *zone, int64_t local_ms, int64_t *ms, const char **why);

#endif

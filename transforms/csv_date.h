/*
 * csv_date - the date and date_time conversions of the csv filter
 *
 *	if (csv_date_read(text, zone, &t)) ...      2017-06-01, Jun 1, 2017, Thursday June 1 2017: midnight of that zone
 *	if (csv_date_time_read(text, &t)) ...       2001-02-03 04:05:06, 2001-02-03T04:05:06.5+07:00,
 *						    Feb 3 04:05:06 2001: UTC without a zone
 *
 * False: the text is none, and stays what it is.  Names are English, by their first three letters.  Two digits of a year are 1969 to
 * 2068.  24:00:00 is the next day's begin, second 60 the 59th.
 * Where Ruby guesses, the text is left here: without a month's name it takes the present month ("12 31 99").  Dates before 1583 are
 * Gregorian here and Julian there.
 * Source: Ruby's csv 3.2 (DateMatcher, DateTimeMatcher), Date.parse and DateTime.parse (meaning only); logstash-filter-csv 3.1.1.
 */
#ifndef TRANSFORMS_CSV_DATE_H
#define TRANSFORMS_CSV_DATE_H

#include "transforms/date_fields.h"

struct csv_date {
	int64_t ms;
	bool assumed; /* the text named no zone */
	bool cut;     /* it had more than milliseconds */
};

bool csv_date_read(struct span s, const struct zone *zone, struct csv_date *out);
bool csv_date_time_read(struct span s, struct csv_date *out);

#endif

/*
 * csv_convert - the conversions of the csv filter's columns, as Ruby's csv has them
 *
 *	v = csv_convert(CSV_INTEGER, name, text, local, run, arena)
 *
 * A text that is not of the type stays a text.  local: the zone of a date.  What is lost is counted under the column's name.
 * Source: logstash-filter-csv 3.1.1, CONVERTERS; Ruby's csv 3.2, Converters (meaning only).
 */
#ifndef TRANSFORMS_CSV_CONVERT_H
#define TRANSFORMS_CSV_CONVERT_H

#include "transforms/filter.h"
#include "transforms/zone.h"

enum csv_type { CSV_STRING, CSV_INTEGER, CSV_FLOAT, CSV_BOOLEAN, CSV_DATE, CSV_DATE_TIME };

struct value csv_convert(enum csv_type type, struct span name, struct span text, const struct zone *local,
			 struct filter_run *run, struct arena *a);

#endif

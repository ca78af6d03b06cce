/*
 * zone_rule - the footer of a TZif file: POSIX's TZ, `CET-1CEST,M3.5.0,M10.5.0/3`
 *
 *	if (zone_rule_parse(text, &r))     false: it is none
 *	seconds = zone_rule_offset(&r, utc)
 */
#ifndef TRANSFORMS_ZONE_RULE_H
#define TRANSFORMS_ZONE_RULE_H

#include "watcher/base/span.h"

struct zone_change {
	char kind; /* 'M' month.week.weekday, 'J' day 1..365 without 29 February, 'D' day 0..365 */
	int month, week, weekday, day;
	int seconds; /* of that day, local time; may be negative or over a day */
};

struct zone_rule {
	int standard, summer; /* seconds east */
	bool has_summer;
	struct zone_change begin, end; /* of summer time */
};

bool zone_rule_parse(struct span text, struct zone_rule *out);
int zone_rule_offset(const struct zone_rule *r, int64_t utc);

#endif

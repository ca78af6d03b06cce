/*
 * zone - time zones of the system's zoneinfo, read once each
 *
 *	struct zones zs;
 *	zones_init(&zs, NULL);                      the folder; NULL: /usr/share/zoneinfo
 *	z = zones_get(&zs, name);                   "Europe/Berlin", "UTC", "+02:00"; NULL: there is none
 *	z = zones_local(&zs);                       this machine's: $TZ, else /etc/localtime, else UTC
 *	seconds = zone_offset(z, utc_seconds);      east of Greenwich
 *	if (zone_to_utc(z, local_seconds, &utc))    false: the clocks skipped that time; of two the earlier
 *	zones_release(&zs);
 *
 * A name never leaves the folder, and `right/` (zones that count leap seconds) is none.  Names that are not there are not kept; those
 * that are, are as many as the folder has files.
 * Source: RFC 8536 (TZif, version 2 and its footer), POSIX's TZ; Joda-Time's choice where a local time is there twice or not at all.
 */
#ifndef TRANSFORMS_ZONE_H
#define TRANSFORMS_ZONE_H

#include "watcher/base/map.h"

struct zone;

struct zones {
	const char *folder;
	struct map known; /* name: struct zone */
};

void zones_init(struct zones *zs, const char *folder);
void zones_release(struct zones *zs);
const struct zone *zones_get(struct zones *zs, struct span name);
const struct zone *zones_local(struct zones *zs);
int zone_offset(const struct zone *z, int64_t utc);
bool zone_to_utc(const struct zone *z, int64_t local, int64_t *utc);

/* Days since 1970-01-01 of a date in the Gregorian calendar, and back. */
int64_t days_of(int64_t year, int month, int day);
int days_in(int64_t year, int month);
void date_of(int64_t days, int64_t *year, int *month, int *day);

#endif

/*
 * clock - times
 *
 * Wall times are int64_t milliseconds since 1970 UTC, intervals are milliseconds of the monotonic clock.  RFC 3339
 * text always has three digits of milliseconds and Z.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "watcher/base/strbuf.h"

#define CLOCK_TEXT 32 /* bytes that hold any formatted time and its NUL */
#define CLOCK_DAY 11   /* "2026-11-24" and its NUL */
#define CLOCK_DAY_MS (24 * 3600 * (int64_t)1000)

int64_t clock_now_ms(void);  /* wall */
int64_t clock_mono_ms(void); /* monotonic */
/* "2026-11-24T00:01:02.003Z" */
void clock_format(int64_t ms, char out[CLOCK_TEXT]);
/* The UTC day of that time. */
void clock_day(int64_t ms, char out[CLOCK_DAY]);
/* 00:00 UTC of the day after it. */
int64_t clock_next_day_ms(int64_t ms);
/* 30m, 24h, 7d ago; 2026-11-25, 2026-11-25T10:00, with seconds, milliseconds and Z or without: all of them UTC. */
bool clock_parse(const char *text, int64_t *ms);
#define CLOCK_FORMS "30m, 24h, 7d, 2026-11-25 or 2026-11-25T10:00:00Z"
/* strftime in UTC for file-name and index-name dates; out always NUL-terminated. */
void clock_strftime(int64_t ms, const char *fmt, char *out, size_t cap);

#endif

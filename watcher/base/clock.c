/*
 * clock - wall and monotonic milliseconds, RFC 3339 text
 */
#include "watcher/base/clock.h"

static int64_t read_ms(clockid_t id)
{
	struct timespec ts;

	CHECK(clock_gettime(id, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

/* Rounds towards the past, so that times before 1970 have positive milliseconds too. */
static int split(int64_t ms, struct tm *tm)
{
	int64_t rest = ms % 1000;
	time_t t = (time_t)(ms / 1000);

	if (rest < 0) {
		rest += 1000;
		t--;
	}
	CHECK(gmtime_r(&t, tm) != NULL);
	return (int)rest;
}

void clock_format(int64_t ms, char out[CLOCK_TEXT])
{
	struct tm tm;
	int rest;

	/* years 0000 to 9999: what RFC 3339 can say */
	if (ms < -62167219200000 || ms > 253402300799999)
		ms = ms < 0 ? -62167219200000 : 253402300799999;
	rest = split(ms, &tm);
	snprintf(out, CLOCK_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		 (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
		 (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
		 (unsigned)tm.tm_sec % 100, (unsigned)rest % 1000);
}

void clock_day(int64_t ms, char out[CLOCK_DAY])
{
	char text[CLOCK_TEXT];

	clock_format(ms, text);
	memcpy(out, text, CLOCK_DAY - 1);
	out[CLOCK_DAY - 1] = '\0';
}

int64_t clock_next_day_ms(int64_t ms)
{
	int64_t into = ms % CLOCK_DAY_MS;

	return ms - into + (into < 0 ? 0 : CLOCK_DAY_MS);
}

void clock_strftime(int64_t ms, const char *fmt, char *out, size_t cap)
{
	struct tm tm;

	CHECK(cap > 0);
	split(ms, &tm);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (strftime(out, cap, fmt, &tm) == 0)
		out[0] = '\0';
#pragma GCC diagnostic pop
}

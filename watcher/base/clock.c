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

static char *put_digits(char *to, unsigned n, int count)
{
	for (int i = count - 1; i >= 0; i--, n /= 10)
		to[i] = (char)('0' + n % 10);
	return to + count;
}

/* By hand: many rows have times, and printf costs more than all else of one. */
void clock_format(int64_t ms, char out[CLOCK_TEXT])
{
	char *p = out;
	struct tm tm;
	int rest;

	/* years 0000 to 9999: what RFC 3339 can say */
	if (ms < -62167219200000 || ms > 253402300799999)
		ms = ms < 0 ? -62167219200000 : 253402300799999;
	rest = split(ms, &tm);
	p = put_digits(p, (unsigned)(tm.tm_year + 1900), 4);
	*p++ = '-';
	p = put_digits(p, (unsigned)(tm.tm_mon + 1), 2);
	*p++ = '-';
	p = put_digits(p, (unsigned)tm.tm_mday, 2);
	*p++ = 'T';
	p = put_digits(p, (unsigned)tm.tm_hour, 2);
	*p++ = ':';
	p = put_digits(p, (unsigned)tm.tm_min, 2);
	*p++ = ':';
	p = put_digits(p, (unsigned)tm.tm_sec, 2);
	*p++ = '.';
	p = put_digits(p, (unsigned)rest, 3);
	memcpy(p, "Z", 2);
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

static bool take_duration(const char *text, int64_t *ms)
{
	size_t digits = strspn(text, "0123456789");
	char unit = text[digits];
	int64_t seconds = unit == 'm' ? 60 : unit == 'h' ? 3600 : unit == 'd' ? 86400 : 0;

	if (digits < 1 || digits > 5 || !seconds || text[digits + 1])
		return false;
	*ms = clock_now_ms() - strtoll(text, NULL, 10) * seconds * 1000;
	return true;
}

/* What follows the seconds: "", "Z", ".003", ".003Z". */
static bool take_fraction(const char *rest, int64_t *ms)
{
	int64_t n = 0;

	if (*rest == '.') {
		for (int i = 1; i <= 3; i++) {
			if (rest[i] < '0' || rest[i] > '9')
				return false;
			n = n * 10 + (rest[i] - '0');
		}
		rest += 4;
	}
	*ms += n;
	return strcmp(rest, "") == 0 || strcmp(rest, "Z") == 0;
}

bool clock_parse(const char *text, int64_t *ms)
{
	/* strptime takes fewer digits, and blanks before them: only the whole length is the form */
	static const struct {
		const char *form;
		long length;
	} forms[] = {{"%Y-%m-%dT%H:%M:%S", 19}, {"%Y-%m-%dT%H:%M", 16}, {"%Y-%m-%d", 10}};

	if (take_duration(text, ms))
		return true;
	if (text[strspn(text, "0123456789-:.TZ")])
		return false;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct tm tm = {0};
		const char *end = strptime(text, forms[i].form, &tm);
		int day = tm.tm_mday;
		int64_t out;

		if (!end || end - text != forms[i].length || tm.tm_sec > 59)
			continue;
		out = (int64_t)timegm(&tm) * 1000;
		/* the 31st of a month of 30 days is none, not the next month's first */
		if (tm.tm_mday != day)
			continue;
		if (i == 0 ? !take_fraction(end, &out) : *end != '\0')
			continue;
		*ms = out;
		return true;
	}
	return false;
}

/*
 * zone - time zones of the system's zoneinfo; see the header
 */
#include "watcher/base/base.h"
#include "transforms/zone.h"
#include "transforms/zone_rule.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "/usr/share/zoneinfo"
#define FILE_MAX (256 * 1024)
#define NAME_MAX_BYTES 64
#define HEADER 44
#define DAY 86400

struct zone {
	size_t count;
	int64_t *at;	 /* transitions, ascending */
	int32_t *offset; /* from at[i] on */
	int before;	 /* ahead of the first one */
	bool has_rule;	 /* behind the last one */
	struct zone_rule rule;
};

/* --- dates --- */

static const int days_before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t floor_of(int64_t n, int64_t by)
{
	return n / by - (n % by < 0);
}

/* Days from 1970-01-01 to the first of January. */
static int64_t days_to(int64_t year)
{
	int64_t y = year - 1;

	return 365 * y + floor_of(y, 4) - floor_of(y, 100) + floor_of(y, 400) - 719162;
}

int64_t days_of(int64_t year, int month, int day)
{
	CHECK(month >= 1 && month <= 12);
	return days_to(year) + days_before[month - 1] + (month > 2 && is_leap(year)) + day - 1;
}

int days_in(int64_t year, int month)
{
	CHECK(month >= 1 && month <= 12);
	if (month == 12)
		return 31;
	return days_before[month] - days_before[month - 1] + (month == 2 && is_leap(year));
}

void date_of(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t y = 1970 + floor_of(days, days < 0 ? 365 : 366); /* never too late */
	int m = 1;

	while (days_to(y + 1) <= days)
		y += 1 + (days - days_to(y + 1)) / 366;
	days -= days_to(y);
	while (days >= days_in(y, m))
		days -= days_in(y, m++);
	*year = y;
	*month = m;
	*day = (int)days + 1;
}

/* --- reading --- */

static int64_t big_endian(const char *p, size_t n)
{
	uint64_t v = (unsigned char)p[0] & 0x80 ? UINT64_MAX : 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | (unsigned char)p[i];
	return (int64_t)v;
}

struct counts {
	size_t isut, isstd, leap, time, type, chars;
};

static bool take_header(struct span s, size_t at, struct counts *c)
{
	size_t *fields[] = {&c->isut, &c->isstd, &c->leap, &c->time, &c->type, &c->chars};

	if (s.n < at + HEADER || memcmp(s.p + at, "TZif", 4) != 0)
		return false;
	for (size_t i = 0; i < 6; i++) {
		int64_t n = big_endian(s.p + at + 20 + 4 * i, 4);

		if (n < 0 || n > FILE_MAX)
			return false;
		*fields[i] = (size_t)n;
	}
	return c->type > 0 && c->type <= 256;
}

static size_t size_of(const struct counts *c, size_t time_bytes)
{
	return c->time * (time_bytes + 1) + c->type * 6 + c->chars + c->leap * (time_bytes + 4) +
	       c->isstd + c->isut;
}

/* The 64-bit block at `at` and the rule behind it. */
static bool take_block(struct zone *z, struct span s, size_t at, const struct counts *c)
{
	const char *times = s.p + at, *indexes = times + c->time * 8, *types = indexes + c->time;
	size_t footer = at + size_of(c, 8);

	if (footer > s.n)
		return false;
	z->count = c->time;
	z->at = xcalloc(c->time + 1, sizeof(*z->at));
	z->offset = xcalloc(c->time + 1, sizeof(*z->offset));
	z->before = (int)big_endian(types, 4);
	for (size_t i = 0; i < c->time; i++) {
		size_t type = (unsigned char)indexes[i];

		if (type >= c->type)
			return false;
		z->at[i] = big_endian(times + 8 * i, 8);
		z->offset[i] = (int32_t)big_endian(types + 6 * type, 4);
		if (i && z->at[i] <= z->at[i - 1])
			return false;
	}
	if (footer + 2 <= s.n && s.p[footer] == '\n') {
		const char *rule = s.p + footer + 1, *end = memchr(rule, '\n', s.n - footer - 1);

		z->has_rule = end && zone_rule_parse((struct span){rule, (size_t)(end - rule)}, &z->rule);
	}
	return true;
}

static void zone_free(struct zone *z)
{
	if (!z)
		return;
	free(z->at);
	free(z->offset);
	free(z);
}

static struct zone *zone_of(struct span s)
{
	struct zone *z = xcalloc(1, sizeof(*z));
	struct counts c;
	size_t second;

	if (take_header(s, 0, &c) && s.p[4] >= '2') {
		second = HEADER + size_of(&c, 4);
		if (take_header(s, second, &c) && take_block(z, s, second + HEADER, &c))
			return z;
	}
	zone_free(z);
	return NULL;
}

static struct zone *read_zone(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct zone *z = NULL;
	struct stat st;
	char *bytes;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX) {
		bytes = xmalloc((size_t)st.st_size + 1);
		if (read(fd, bytes, (size_t)st.st_size) == st.st_size)
			z = zone_of((struct span){bytes, (size_t)st.st_size});
		free(bytes);
	}
	close(fd);
	return z;
}

static struct zone *fixed(int seconds)
{
	struct zone *z = xcalloc(1, sizeof(*z));

	z->before = seconds;
	return z;
}

/* --- names --- */

static bool is_name(struct span s)
{
	if (!s.n || s.n > NAME_MAX_BYTES || s.p[0] == '/' || span_starts(s, SPAN_LITERAL("right/")))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      strchr("/_+-", c)) || !c)
			return false;
	}
	return true;
}

/* +hh, +hhmm, +hh:mm */
static bool is_offset(struct span s, int *seconds)
{
	int digits[4] = {0}, n = 0;

	if (s.n < 3 || (s.p[0] != '+' && s.p[0] != '-'))
		return false;
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == ':' && i == 3 && s.n == 6)
			continue;
		if (s.p[i] < '0' || s.p[i] > '9' || n == 4)
			return false;
		digits[n++] = s.p[i] - '0';
	}
	if ((n != 2 && n != 4) || digits[0] * 10 + digits[1] > 23 || digits[2] > 5)
		return false;
	*seconds = (digits[0] * 10 + digits[1]) * 3600 + (digits[2] * 10 + digits[3]) * 60;
	if (s.p[0] == '-')
		*seconds = -*seconds;
	return true;
}

void zones_init(struct zones *zs, const char *folder)
{
	zs->folder = folder ? folder : FOLDER;
	map_init(&zs->known);
}

void zones_release(struct zones *zs)
{
	for (size_t i = 0; i < map_len(&zs->known); i++)
		zone_free(map_value(&zs->known, i));
	map_release(&zs->known);
}

const struct zone *zones_get(struct zones *zs, struct span name)
{
	struct zone *z;
	char path[512];
	int seconds;

	if (name.n > NAME_MAX_BYTES)
		return NULL;
	z = map_get(&zs->known, name);
	if (z)
		return z;
	if (is_offset(name, &seconds)) {
		z = fixed(seconds);
	} else if (span_is(name, "UTC")) {
		z = fixed(0);
	} else if (is_name(name)) {
		snprintf(path, sizeof(path), "%s/%.*s", zs->folder, SPAN_FMT(name));
		z = read_zone(path);
	}
	if (z)
		map_put(&zs->known, name, z);
	return z;
}

const struct zone *zones_local(struct zones *zs)
{
	static const struct span key = {"/localtime", 10};
	const char *tz = getenv("TZ");
	const struct zone *found = NULL;
	struct zone *z = map_get(&zs->known, key);

	if (tz && *tz)
		found = zones_get(zs, span_of(tz[0] == ':' ? tz + 1 : tz));
	if (found)
		return found;
	if (z)
		return z;
	z = tz ? NULL : read_zone("/etc/localtime");
	if (!z)
		z = fixed(0);
	map_put(&zs->known, key, z);
	return z;
}

/* --- offsets --- */

int zone_offset(const struct zone *z, int64_t utc)
{
	size_t low = 0, high = z->count;

	if (!z->count || utc < z->at[0])
		return z->has_rule && !z->count ? zone_rule_offset(&z->rule, utc) : z->before;
	if (utc >= z->at[z->count - 1] && z->has_rule)
		return zone_rule_offset(&z->rule, utc);
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (z->at[middle] <= utc)
			low = middle;
		else
			high = middle;
	}
	return z->offset[low];
}

/*
 * No zone changes twice in 48 hours or by more than a day, so the offset is one of those a day before and a day behind.  That of
 * before comes first: of a time that is there twice it gives the earlier one.
 */
bool zone_to_utc(const struct zone *z, int64_t local, int64_t *utc)
{
	int tried[2] = {zone_offset(z, local - DAY - DAY / 2), zone_offset(z, local + DAY + DAY / 2)};

	for (int i = 0; i < 2; i++)
		if (zone_offset(z, local - tried[i]) == tried[i]) {
			*utc = local - tried[i];
			return true;
		}
	return false;
}

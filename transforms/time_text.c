/*
 * time_text - a time as text by a pattern; see the header
 *
 * A pattern is a list of (letter, count) and literals; both kinds of pattern end in the same letters where they agree, and in letters
 * of their own where they do not.
 */
#include "watcher/base/base.h"
#include "transforms/time_text.h"

#define PIECES 64
#define COUNT_MAX 18

struct piece {
	char letter; /* '\0': the literal */
	int count;
	struct span literal;
};

struct time_text {
	enum time_text_kind kind;
	size_t count;
	struct piece pieces[PIECES];
};

struct moment {
	struct tm tm;
	int64_t year;
	int ms;
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int refuse(const char **why, size_t *offset, size_t at, const char *text)
{
	*why = text;
	*offset = at;
	return -1;
}

/* Behind an opening quote at *i: the literal up to the closing one; '' is a quote. */
static int quoted(struct span pattern, size_t *i, struct arena *a, struct span *out)
{
	char *text = arena_alloc(a, pattern.n + 1);
	size_t n = 0;

	for (++*i; *i < pattern.n; ++*i) {
		if (pattern.p[*i] == '\'') {
			if (*i + 1 >= pattern.n || pattern.p[*i + 1] != '\'')
				break;
			++*i;
		}
		text[n++] = pattern.p[*i];
	}
	if (*i >= pattern.n)
		return -1;
	++*i;
	*out = (struct span){text, n};
	return 0;
}

static int take_letters(struct span pattern, size_t *i, struct piece *p, const char **why, size_t *offset,
			enum time_text_kind kind)
{
	const char *known = kind == TIME_TEXT_JODA ? "GCYxweEyDMdaKhHkmsSzZ" : "GuyMLdDQqEahKkHmsSAnXxZOVz";
	size_t from = *i;

	p->letter = pattern.p[from];
	while (*i < pattern.n && pattern.p[*i] == p->letter)
		++*i;
	p->count = (int)(*i - from);
	if (kind == TIME_TEXT_JAVA && strchr("YwWec", p->letter))
		return refuse(why, offset, from,
			      "weeks of a java.time pattern depend on the machine's country; write "
			      "%{+xxxx-'W'ww} for those of ISO 8601");
	if (!strchr(known, p->letter))
		return refuse(why, offset, from, "no letter of a time pattern; quote it to have it as it is");
	if (p->count > COUNT_MAX)
		return refuse(why, offset, from, "more than 18 of one letter");
	return 0;
}

int time_text_compile(struct span pattern, enum time_text_kind kind, struct arena *a,
		      const struct time_text **out, const char **why, size_t *offset)
{
	struct time_text *t = arena_zalloc(a, sizeof(*t));

	if (!pattern.n)
		return refuse(why, offset, 0, "an empty time pattern");
	t->kind = kind;
	for (size_t i = 0; i < pattern.n;) {
		struct piece *p = &t->pieces[t->count];
		size_t from = i;

		if (t->count == PIECES || pattern.n > TIME_TEXT_MAX / 4)
			return refuse(why, offset, i, "a time pattern so long");
		t->count++;
		if (pattern.p[i] == '\'' && i + 1 < pattern.n && pattern.p[i + 1] == '\'') {
			p->literal = SPAN_LITERAL("'");
			i += 2;
		} else if (pattern.p[i] == '\'') {
			if (quoted(pattern, &i, a, &p->literal) < 0)
				return refuse(why, offset, from, "a quote without its end");
		} else if (is_letter(pattern.p[i])) {
			if (take_letters(pattern, &i, p, why, offset, kind) < 0)
				return -1;
		} else if (kind == TIME_TEXT_JAVA && strchr("[]{}#", pattern.p[i])) {
			return refuse(why, offset, i, "a reserved character; quote it");
		} else {
			while (i < pattern.n && pattern.p[i] != '\'' && !is_letter(pattern.p[i]) &&
			       !(kind == TIME_TEXT_JAVA && strchr("[]{}#", pattern.p[i])))
				i++;
			p->literal = arena_span(a, (struct span){pattern.p + from, i - from});
		}
	}
	*out = t;
	return 0;
}

/* --- rendering --- */

struct out {
	char *p;
	size_t n;
	size_t cap;
};

static void add(struct out *o, const char *p, size_t n)
{
	if (n > o->cap - o->n)
		n = o->cap - o->n;
	memcpy(o->p + o->n, p, n);
	o->n += n;
}

static void add_number(struct out *o, int64_t n, int width)
{
	char text[40];
	int len = snprintf(text, sizeof(text), "%0*lld", n < 0 ? width + 1 : width, (long long)n);

	add(o, text, (size_t)len);
}

static void add_name(struct out *o, const char *full, bool whole)
{
	add(o, full, whole ? strlen(full) : 3);
}

static int weekday_iso(const struct tm *tm)
{
	return tm->tm_wday ? tm->tm_wday : 7;
}

static int weeks_in(int64_t year)
{
	/* the weekday of 31 December: 53 weeks when it or the last year's is a Thursday or so (ISO 8601) */
	int64_t p = (year + year / 4 - year / 100 + year / 400) % 7;
	int64_t q = (year - 1 + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400) % 7;

	return p == 4 || q == 3 ? 53 : 52;
}

static int64_t week_of(const struct moment *m, int *week)
{
	int w = (m->tm.tm_yday + 1 - weekday_iso(&m->tm) + 10) / 7;
	int64_t year = m->year;

	if (w < 1)
		w = weeks_in(--year);
	else if (w > weeks_in(year)) {
		w = 1;
		year++;
	}
	*week = w;
	return year;
}

static void add_fraction(struct out *o, int ms, int count)
{
	char digits[COUNT_MAX + 4];
	int n = snprintf(digits, sizeof(digits), "%03d", ms);

	while (n < count)
		digits[n++] = '0';
	add(o, digits, (size_t)count);
}

static void add_year(struct out *o, int64_t year, int count)
{
	if (count == 2)
		add_number(o, (year % 100 + 100) % 100, 2);
	else
		add_number(o, year, count);
}

static void add_date(struct out *o, const struct piece *p, const struct moment *m)
{
	static const char *const months[] = {"January", "February", "March", "April", "May",
					     "June", "July", "August", "September", "October",
					     "November", "December"};
	static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday",
					   "Friday", "Saturday"};
	int week;
	int64_t week_year = week_of(m, &week);

	switch (p->letter) {
	case 'G':
		add(o, "AD", 2);
		return;
	case 'C':
		add_number(o, m->year / 100, p->count);
		return;
	case 'Y':
	case 'y':
	case 'u':
		add_year(o, m->year, p->count);
		return;
	case 'x': /* Joda's; java.time's is an offset */
		add_year(o, week_year, p->count);
		return;
	case 'w':
		add_number(o, week, p->count);
		return;
	case 'e':
		add_number(o, weekday_iso(&m->tm), p->count);
		return;
	case 'E':
		add_name(o, days[m->tm.tm_wday], p->count >= 4);
		return;
	case 'D':
		add_number(o, m->tm.tm_yday + 1, p->count);
		return;
	case 'Q':
	case 'q':
		add_number(o, m->tm.tm_mon / 3 + 1, p->count);
		return;
	case 'd':
		add_number(o, m->tm.tm_mday, p->count);
		return;
	case 'M':
	case 'L':
		if (p->count < 3)
			add_number(o, m->tm.tm_mon + 1, p->count);
		else
			add_name(o, months[m->tm.tm_mon], p->count >= 4);
		return;
	}
	CHECK(!"a letter of a date");
}

static void add_clock(struct out *o, const struct piece *p, const struct moment *m)
{
	int hour = m->tm.tm_hour;

	switch (p->letter) {
	case 'a':
		add(o, hour < 12 ? "AM" : "PM", 2);
		return;
	case 'K':
		add_number(o, hour % 12, p->count);
		return;
	case 'h':
		add_number(o, hour % 12 ? hour % 12 : 12, p->count);
		return;
	case 'H':
		add_number(o, hour, p->count);
		return;
	case 'k':
		add_number(o, hour ? hour : 24, p->count);
		return;
	case 'm':
		add_number(o, m->tm.tm_min, p->count);
		return;
	case 's':
		add_number(o, m->tm.tm_sec, p->count);
		return;
	case 'S':
		add_fraction(o, m->ms, p->count);
		return;
	case 'n':
		add_number(o, (int64_t)m->ms * 1000000, p->count);
		return;
	case 'A':
		add_number(o, ((hour * 60LL + m->tm.tm_min) * 60 + m->tm.tm_sec) * 1000 + m->ms,
			   p->count);
		return;
	}
	CHECK(!"a letter of a clock");
}

/* All times are UTC here, so a zone is a constant of its letter. */
static const char *zone_of(const struct piece *p, enum time_text_kind kind)
{
	bool joda = kind == TIME_TEXT_JODA;

	switch (p->letter) {
	case 'z':
		return joda ? (p->count >= 4 ? "Coordinated Universal Time" : "UTC") : "Z";
	case 'Z':
		if (joda)
			return p->count == 1 ? "+0000" : p->count == 2 ? "+00:00" : "UTC";
		return p->count < 4 ? "+0000" : p->count == 4 ? "GMT" : "Z";
	case 'X':
	case 'V':
		return "Z";
	case 'O':
		return "GMT";
	case 'x':
		return joda ? NULL : p->count == 1 ? "+00" : p->count % 2 ? "+00:00" : "+0000";
	}
	return NULL;
}

size_t time_text_add(const struct time_text *t, int64_t ms, char *out, size_t cap)
{
	int64_t seconds = ms / 1000 - (ms % 1000 < 0);
	struct out o = {out, 0, cap};
	struct moment m = {.ms = (int)(ms - seconds * 1000)};
	time_t clock = seconds;

	if (!gmtime_r(&clock, &m.tm))
		return 0;
	m.year = m.tm.tm_year + 1900LL;
	for (size_t i = 0; i < t->count; i++) {
		const struct piece *p = &t->pieces[i];
		const char *zone = p->letter ? zone_of(p, t->kind) : NULL;

		if (!p->letter)
			add(&o, p->literal.p, p->literal.n);
		else if (zone)
			add(&o, zone, strlen(zone));
		else if (strchr("aKhHkmsSnA", p->letter))
			add_clock(&o, p, &m);
		else
			add_date(&o, p, &m);
	}
	return o.n;
}

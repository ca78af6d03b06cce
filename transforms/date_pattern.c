/*
 * date_pattern - the formats of the date filter; see the header
 */
#include "watcher/base/base.h"
#include "transforms/date_pattern.h"

#define MISMATCH "it does not match the format"

static const char *const months[] = {"January", "February", "March",	 "April",   "May",	"June",
				     "July",	"August",   "September", "October", "November", "December"};
static const char *const weekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
				       "Friday", "Saturday", "Sunday"};
static const char *const halves[] = {"AM", "PM"};
static const char *const eras[] = {"BC", "AD"};
static const char *const common_eras[] = {"BCE", "CE"};

/* What `z` reads; each is a place, so that EST in July is New York's summer. */
static const struct {
	const char *name, *zone;
} zone_names[] = {
	{"UTC", "UTC"},		     {"UT", "UTC"},	      {"GMT", "UTC"},
	{"EST", "America/New_York"}, {"EDT", "America/New_York"}, {"CST", "America/Chicago"},
	{"CDT", "America/Chicago"},  {"MST", "America/Denver"},	  {"MDT", "America/Denver"},
	{"PST", "America/Los_Angeles"}, {"PDT", "America/Los_Angeles"},
};

/* --- compile --- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_numeric(const struct date_piece *p)
{
	return p->letter && (strchr("xyYdhHmsSeDwkK", p->letter) || (p->letter == 'M' && p->count <= 2));
}

static bool is_year(char letter)
{
	return letter == 'y' || letter == 'Y' || letter == 'x';
}

/* Letters and quotes up to the next letter that is not quoted; '' is a quote, within quotes too. */
static bool take_literal(struct span s, size_t *at, struct arena *a, struct span *out)
{
	char *text = arena_alloc(a, s.n + 1);
	bool inside = false;
	size_t n = 0, quote = 0;

	for (; *at < s.n && (inside || !is_letter(s.p[*at])); ++*at) {
		if (s.p[*at] != '\'') {
			text[n++] = s.p[*at];
		} else if (*at + 1 < s.n && s.p[*at + 1] == '\'') {
			text[n++] = '\'';
			++*at;
		} else {
			inside = !inside;
			quote = *at;
		}
	}
	*out = (struct span){text, n};
	if (inside)
		*at = quote;
	return !inside;
}

static size_t most_digits(const struct date_piece *p, const struct date_piece *next)
{
	bool numeric = next && is_numeric(next);

	switch (p->letter) {
	case 'y':
	case 'Y':
	case 'x':
		return numeric ? p->count : 9;
	case 'D':
		return 3;
	case 'e':
		return 1;
	case 'S':
		return p->count;
	default: /* any other letter has two */
		return 2;
	}
}

static int refuse(const char **why, size_t *offset, size_t at, const char *text)
{
	*why = text;
	*offset = at;
	return -1;
}

static int take_pieces(struct date_pattern *p, struct arena *a, const char **why, size_t *offset)
{
	struct span s = p->text;

	for (size_t at = 0; at < s.n;) {
		struct date_piece *piece = &p->pieces[p->count];
		size_t from = at;

		if (p->count == DATE_PIECES)
			return refuse(why, offset, at, "a date format of more than 64 parts");
		p->count++;
		*piece = (struct date_piece){0};
		if (!is_letter(s.p[at])) {
			if (!take_literal(s, &at, a, &piece->literal))
				return refuse(why, offset, at, "a quote without its end");
			continue;
		}
		while (at < s.n && s.p[at] == s.p[from])
			at++;
		piece->letter = s.p[from];
		piece->count = at - from;
		if (piece->letter == 'C')
			return refuse(why, offset, from, "centuries (C) are not in this version");
		if (!strchr("GYyxMwdDeEaKhHkmsSzZ", piece->letter))
			return refuse(why, offset, from,
				      "no letter of a date format (G Y y x M w d D e E a K h H k m s S z Z); "
				      "quote it to have it as it is");
	}
	return 0;
}

static bool has(const struct date_pattern *p, const char *letters)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->pieces[i].letter && strchr(letters, p->pieces[i].letter))
			return true;
	return false;
}

static int finish(struct date_pattern *p, const char **why, size_t *offset)
{
	for (size_t i = 0; i < p->count; i++) {
		struct date_piece *piece = &p->pieces[i], *next = i + 1 < p->count ? piece + 1 : NULL;

		if (!piece->letter)
			continue;
		piece->max = most_digits(piece, next);
		piece->exact = is_year(piece->letter) && piece->count == 2 && next && is_numeric(next);
		if (strchr("GEa", piece->letter) || (piece->letter == 'M' && piece->count > 2))
			p->has_names = true;
	}
	if (has(p, "xw") && has(p, "MdDyY"))
		return refuse(why, offset, 0,
			      "a date format has weeks (x, w) or years and months (y, M, d, D), not both");
	p->has_year = memchr(p->text.p, 'y', p->text.n) || memchr(p->text.p, 'Y', p->text.n) || has(p, "x");
	p->has_offset = memchr(p->text.p, 'Z', p->text.n) != NULL;
	return 0;
}

int date_pattern_compile(struct span text, struct arena *a, struct date_pattern **out, const char **why,
			 size_t *offset)
{
	static const struct {
		const char *name;
		enum date_kind kind;
	} named[] = {{"ISO8601", DATE_ISO8601}, {"UNIX", DATE_UNIX}, {"UNIX_MS", DATE_UNIX_MS}, {"TAI64N", DATE_TAI64N}};
	struct date_pattern *p = arena_zalloc(a, sizeof(*p));

	p->text = arena_span(a, text);
	*out = p;
	for (size_t i = 0; i < ARRAY_LEN(named); i++)
		if (span_is(text, named[i].name)) {
			p->kind = named[i].kind;
			return 0;
		}
	p->kind = DATE_JODA;
	if (!text.n)
		return refuse(why, offset, 0, "an empty date format");
	if (take_pieces(p, a, why, offset) < 0)
		return -1;
	return finish(p, why, offset);
}

/* --- parse --- */

enum letters_case { AS_IT_IS, SMALL, CAPITAL };

static bool name_at(struct span s, size_t at, const char *name, size_t n, enum letters_case kind)
{
	if (s.n - at < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = name[i];

		if (kind == SMALL && c >= 'A' && c <= 'Z')
			c = (char)(c | 32);
		if (kind == CAPITAL && c >= 'a' && c <= 'z')
			c = (char)(c & ~32);
		if (s.p[at + i] != c)
			return false;
	}
	return true;
}

/* The longest of the names, whole or its first `brief` letters; -1: none. */
static int take_name(struct span s, size_t *at, const char *const *names, int count, size_t brief)
{
	size_t longest = 0;
	int found = -1;

	for (int i = 0; i < count; i++)
		for (enum letters_case kind = AS_IT_IS; kind <= CAPITAL; kind++) {
			size_t n = strlen(names[i]);

			if (!name_at(s, *at, names[i], n, kind)) {
				if (!brief || n <= brief || !name_at(s, *at, names[i], brief, kind))
					continue;
				n = brief;
			}
			if (n > longest) {
				longest = n;
				found = i;
			}
		}
	*at += longest;
	return found;
}

static bool set_name(struct date_fields *f, enum date_field field, int found, int first)
{
	if (found < 0)
		return false;
	date_set(f, field, found + first);
	return true;
}

static bool take_era(struct span s, size_t *at, struct date_fields *f)
{
	int found = take_name(s, at, common_eras, 2, 0);

	if (found < 0)
		found = take_name(s, at, eras, 2, 0);
	return set_name(f, DATE_ERA, found, 0);
}

static bool take_zone_name(struct span s, size_t *at, struct date_fields *f, struct date_context *c)
{
	for (size_t i = 0; i < ARRAY_LEN(zone_names); i++) {
		size_t n = strlen(zone_names[i].name);

		if (!name_at(s, *at, zone_names[i].name, n, AS_IT_IS))
			continue;
		f->zone = zones_get(c->zones, span_of(zone_names[i].zone));
		*at += n;
		return f->zone != NULL;
	}
	return false;
}

static bool is_zone_byte(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '+' || c == '-';
}

/* The longest that is one; names are short, so it is tried from the end. */
static bool take_zone_id(struct span s, size_t *at, struct date_fields *f, struct date_context *c)
{
	size_t end = *at;

	while (end < s.n && end - *at < 40 && is_zone_byte(s.p[end]))
		end++;
	for (; end > *at; end--) {
		f->zone = zones_get(c->zones, (struct span){s.p + *at, end - *at});
		if (!f->zone)
			continue;
		*at = end;
		return true;
	}
	return false;
}

static bool take_literal_text(struct span s, size_t *at, struct span literal)
{
	if (s.n - *at < literal.n)
		return false;
	for (size_t i = 0; i < literal.n; i++) {
		char a = s.p[*at + i], b = literal.p[i];

		if (a != b && !(is_letter(a) && is_letter(b) && (a | 32) == (b | 32)))
			return false;
	}
	*at += literal.n;
	return true;
}

/* Two digits are the year within 80 behind and 19 ahead of now's. */
static bool take_year(const struct date_piece *p, struct span s, size_t *at, struct date_fields *f,
		      int64_t now_year)
{
	enum date_field field = p->letter == 'x' ? DATE_WEEK_YEAR : DATE_YEAR;
	bool two = p->count == 2, sign = two ? !p->exact : p->letter != 'Y';
	size_t from = *at;
	int n, low = (int)now_year - 80;

	if (!date_take_number(s, at, two ? (p->exact ? 2 : 9) : p->max, sign, &n))
		return false;
	if (two && p->exact && *at - from != 2)
		return false;
	if (two && *at - from == 2 && s.p[from] >= '0' && s.p[from] <= '9')
		n += low - low % 100 + (n < low % 100 ? 100 : 0);
	date_set(f, field, n);
	return true;
}

static enum date_field field_of(char letter)
{
	static const char letters[] = "MwdDeHkKhms";
	static const enum date_field fields[] = {
		DATE_MONTH, DATE_WEEK,	  DATE_DAY,	DATE_DAY_OF_YEAR, DATE_WEEKDAY, DATE_HOUR,
		DATE_HOUR_24, DATE_HOUR_11, DATE_HOUR_12, DATE_MINUTE,	  DATE_SECOND,
	};
	const char *at = strchr(letters, letter);

	CHECK(at);
	return fields[at - letters];
}

static bool take_number(const struct date_piece *p, struct span s, size_t *at, struct date_fields *f)
{
	int n;

	if (!date_take_number(s, at, p->max, false, &n))
		return false;
	date_set(f, field_of(p->letter), n);
	return true;
}

static bool take_piece(const struct date_piece *p, struct span s, size_t *at, struct date_fields *f,
		       struct date_context *c, int64_t now_year)
{
	switch (p->letter) {
	case '\0':
		return take_literal_text(s, at, p->literal);
	case 'y':
	case 'Y':
	case 'x':
		return take_year(p, s, at, f, now_year);
	case 'M':
		if (p->count < 3)
			return take_number(p, s, at, f);
		return set_name(f, DATE_MONTH, take_name(s, at, months, 12, 3), 1);
	case 'E':
		return set_name(f, DATE_WEEKDAY, take_name(s, at, weekdays, 7, 3), 1);
	case 'a':
		return set_name(f, DATE_HALF, take_name(s, at, halves, 2, 0), 0);
	case 'G':
		return take_era(s, at, f);
	case 'S':
		return date_take_fraction(s, at, p->max, 1000, &f->fraction_ms, &f->cut);
	case 'z':
		return take_zone_name(s, at, f, c);
	case 'Z':
		return p->count < 3 ? date_take_offset(s, at, f) : take_zone_id(s, at, f, c);
	default: /* the other letters are numbers: compiling let no other through */
		return take_number(p, s, at, f);
	}
}

static void now_in(const struct date_context *c, int64_t *year, int *month)
{
	int64_t seconds = c->now_ms / 1000 + zone_offset(c->zone, c->now_ms / 1000);
	int day;

	date_of(seconds / 86400 - (seconds % 86400 < 0), year, month, &day);
}

/* The year of a text without one: this year's, but at the turn of the year that of the nearer side. */
static int64_t guess_year(const struct date_fields *f, int64_t year, int month)
{
	int written = f->set[DATE_MONTH] ? f->value[DATE_MONTH] : 1;

	if (written == 12 && month == 1)
		return year - 1;
	if (written == 1 && month == 12)
		return year + 1;
	return year;
}

bool date_pattern_parse(const struct date_pattern *p, struct span s, struct date_context *c, int64_t *ms,
			const char **why)
{
	struct date_fields f = {0};
	size_t at = 0;
	int64_t year;
	int month;
	bool ok;

	now_in(c, &year, &month);
	*why = MISMATCH;
	if (p->kind == DATE_ISO8601) {
		if (!date_iso_parse(s, &f))
			return false;
	} else {
		for (size_t i = 0; i < p->count; i++)
			if (!take_piece(&p->pieces[i], s, &at, &f, c, year))
				return false;
		if (at < s.n)
			return false;
		if (!p->has_year)
			date_set(&f, DATE_YEAR, (int)guess_year(&f, year, month));
	}
	ok = date_moment(&f, year, c->zone, ms, why);
	c->assumed = !f.has_offset && !f.zone;
	c->moved = f.moved;
	c->cut = f.cut;
	return ok;
}

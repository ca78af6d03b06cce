/*
 * filter_urldecode - %41 becomes A, in one field or in all, within lists and objects too
 *
 * A `+` stays a `+`.  Bytes that make no UTF-8 show as \xE4, and the text's quotes, backslashes and control bytes are then escaped as
 * well, as Logstash does: what was a byte can be told from what was written.  Always decorated.  A field that is not there is left so.
 * With another charset than UTF-8 all bytes of a text are of it, those that were not escaped too; what is none becomes U+FFFD.
 * Source: logstash-filter-urldecode 3.0.6, logstash/util/charset.rb (meaning).  The tables are libc's (iconv): each of those named here
 * gives what Ruby's gives, byte for byte, but for half a character at the end of UTF-16BE: one U+FFFD here, there at times two.
 */
#include "watcher/base/base.h"
#include <errno.h>
#include <iconv.h>
#include "transforms/filter.h"
#include "watcher/base/nearest.h"
#include "watcher/base/utf8.h"

struct urldecode {
	struct option_item field, charset;
	bool all_fields;
	struct option_list tags; /* nothing fails that Logstash would tag */

	iconv_t to_utf8;
	bool converts; /* to_utf8 is open */
	size_t unit;   /* bytes of a character, at least */
};

static const char *const charsets[] = {
	"UTF-8",	"US-ASCII",	"ISO-8859-1",	"ISO-8859-2",	"ISO-8859-3",	"ISO-8859-4",	"ISO-8859-5",
	"ISO-8859-6",	"ISO-8859-7",	"ISO-8859-8",	"ISO-8859-9",	"ISO-8859-10",	"ISO-8859-11",	"ISO-8859-13",
	"ISO-8859-14",	"ISO-8859-15",	"ISO-8859-16",	"Windows-1250", "Windows-1251", "Windows-1252", "Windows-1253",
	"Windows-1254", "Windows-1256", "Windows-1257", "IBM437",	"IBM850",	"IBM852",	"KOI8-R",
	"KOI8-U",	"UTF-16LE",	"UTF-16BE",
};

static const struct option options[] = {
	{"field", OPTION_STRING, ITEM_FIELD, .offset = offsetof(struct urldecode, field), .otherwise = "message",
	 .says = "the field to decode"},
	{"all_fields", OPTION_BOOLEAN, .offset = offsetof(struct urldecode, all_fields), .otherwise = "false",
	 .says = "decode all fields of the event"},
	{"charset", OPTION_STRING, ITEM_TEXT, .offset = offsetof(struct urldecode, charset), .otherwise = "UTF-8",
	 .says = "what the decoded bytes are: UTF-8, ISO-8859-1, Windows-1252, UTF-16LE ..."},
	{"tag_on_failure", OPTION_LIST, ITEM_TEXT, .offset = offsetof(struct urldecode, tags),
	 .says = "tags of an event that could not be decoded; every text can"},
};

/* As Ruby takes names of encodings: whatever the case; CP1252 is Windows-1252. */
static bool is_name(struct span text, const char *name)
{
	struct span n = span_of(name);

	if (text.n > 2 && (text.p[0] | 32) == 'c' && (text.p[1] | 32) == 'p') {
		if (span_starts(n, SPAN_LITERAL("Windows-")))
			n = (struct span){n.p + 8, n.n - 8};
		else if (span_starts(n, SPAN_LITERAL("IBM")))
			n = (struct span){n.p + 3, n.n - 3};
		else
			return false;
		text = (struct span){text.p + 2, text.n - 2};
	}
	return text.n == n.n && strncasecmp(text.p, n.p, n.n) == 0;
}

static int urldecode_init(void *self, struct compile *c)
{
	struct urldecode *u = self;
	const char *near;

	for (size_t i = 0; i < ARRAY_LEN(charsets); i++) {
		if (!is_name(u->charset.text, charsets[i]))
			continue;
		if (!i)
			return 0;
		u->unit = strncmp(charsets[i], "UTF-16", 6) == 0 ? 2 : 1;
		u->to_utf8 = iconv_open("UTF-8", charsets[i]);
		u->converts = u->to_utf8 != (iconv_t)-1; /* NOLINT(performance-no-int-to-ptr): libc's way to say so */
		if (!u->converts)
			compile_error(c, u->charset.at, "urldecode: charset %s: this machine's libc has no table of it",
				      charsets[i]);
		return u->converts ? 0 : -1;
	}
	near = nearest_name(u->charset.text, charsets, ARRAY_LEN(charsets));
	compile_error(c, u->charset.at, "urldecode: charset \"%.*s\": not in this version%s%s%s", SPAN_FMT(u->charset.text),
		      near ? "; did you mean " : "; it has UTF-8, UTF-16LE, UTF-16BE, US-ASCII, ISO-8859-1 to -16, "
						  "Windows-1250 to -1254, -1256, -1257, IBM437, IBM850, IBM852, KOI8-R, KOI8-U",
		      near ? near : "", near ? "?" : "");
	return -1;
}

static void urldecode_release(void *self)
{
	struct urldecode *u = self;

	if (u->converts)
		iconv_close(u->to_utf8);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that %XX at i stands for; -1: it is none. */
static int escape_at(struct span s, size_t i)
{
	int high, low;

	if (s.p[i] != '%' || s.n - i < 3)
		return -1;
	high = hex(s.p[i + 1]);
	low = hex(s.p[i + 2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* --- bytes that are no text --- */

/* `\xE4`, and `\u001F` for a control byte. */
static char *put_hex(char *to, const char *prefix, unsigned c)
{
	static const char digits[] = "0123456789ABCDEF";

	while (*prefix)
		*to++ = *prefix++;
	*to++ = digits[c >> 4];
	*to++ = digits[c & 15];
	return to;
}

static char *put_byte(char *to, const char *p, const char *end)
{
	static const char from[] = "\"\\\n\r\t\f\v\b\a\033", into[] = "\"\\nrtfvbae";
	unsigned char c = (unsigned char)*p;
	const char *at = memchr(from, c, sizeof(from) - 1);

	if (at || (c == '#' && p + 1 < end && memchr("{$@", p[1], 3))) {
		*to++ = '\\';
		*to++ = at ? into[at - from] : '#';
		return to;
	}
	if (c < 0x20 || c == 0x7f)
		return put_hex(to, "\\u00", c);
	*to++ = (char)c;
	return to;
}

/* At most six bytes become of one. */
static struct span shown(struct span s, struct arena *a)
{
	char *text = arena_alloc(a, s.n * 6 + 8), *to = text;
	const char *end = s.p + s.n;

	while (s.n) {
		size_t valid = utf8_valid_prefix(s);

		for (size_t i = 0; i < valid; i++)
			to = put_byte(to, s.p + i, end);
		s.p += valid;
		s.n -= valid;
		if (!s.n)
			break;
		to = put_hex(to, "\\x", (unsigned char)*s.p);
		s.p++;
		s.n--;
	}
	return (struct span){text, (size_t)(to - text)};
}

/* --- values --- */

/* Every character that is none of the charset becomes U+FFFD; at most three bytes are made of one. */
static struct span converted(const struct urldecode *u, struct span s, struct arena *a)
{
	size_t left = s.n, room = s.n * 3 + 8;
	char *text = arena_alloc(a, room), *to = text, *from = (char *)(uintptr_t)s.p;

	iconv(u->to_utf8, NULL, NULL, NULL, NULL);
	while (left && iconv(u->to_utf8, &from, &left, &to, &room) == (size_t)-1) {
		size_t skipped = errno == EINVAL ? left : u->unit; /* half a character at the end */

		CHECK(errno != E2BIG && room >= 3);
		memcpy(to, "\xef\xbf\xbd", 3);
		to += 3;
		room -= 3;
		from += skipped;
		left -= skipped;
	}
	return (struct span){text, (size_t)(to - text)};
}

static struct span decode(const struct urldecode *u, struct span s, struct arena *a)
{
	const char *first = s.n ? memchr(s.p, '%', s.n) : NULL;
	struct span out;
	char *text, *to;

	if (!first)
		return u->converts ? converted(u, s, a) : s;
	text = to = arena_alloc(a, s.n + 1);
	for (size_t i = 0; i < s.n; i++) {
		int byte = escape_at(s, i);

		*to++ = byte < 0 ? s.p[i] : (char)byte;
		i += byte < 0 ? 0 : 2;
	}
	out = (struct span){text, (size_t)(to - text)};
	if (u->converts)
		return converted(u, out, a);
	return utf8_valid(out) ? out : shown(out, a);
}

static void decode_value(const struct urldecode *u, struct value *v, struct arena *a)
{
	if (v->type == VALUE_STRING)
		v->u.text = decode(u, v->u.text, a);
	if (v->type == VALUE_ARRAY)
		for (size_t i = 0; i < v->u.array->len; i++)
			decode_value(u, &v->u.array->items[i], a);
	if (v->type == VALUE_MAP)
		for (size_t i = 0; i < v->u.map->len; i++)
			decode_value(u, &v->u.map->entries[i].value, a);
}

static enum filter_result urldecode_run(void *self, struct filter_run *run, struct event *ev)
{
	const struct urldecode *u = self;
	struct value *v = u->all_fields ? NULL : ref_get(u->field.ref, ev);

	(void)run;
	if (v)
		decode_value(u, v, ev->arena);
	for (size_t i = 0; u->all_fields && i < ev->fields.len; i++)
		decode_value(u, &ev->fields.entries[i].value, ev->arena);
	return FILTER_DONE;
}

const struct filter_type filter_urldecode = {
	.name = "urldecode",
	.says = "decodes %XX in texts",
	.size = sizeof(struct urldecode),
	.options = options,
	.option_count = ARRAY_LEN(options),
	.init = urldecode_init,
	.run = urldecode_run,
	.release = urldecode_release,
};

/*
 * filter_urldecode - %41 becomes A, in one field or in all, within lists and objects too
 *
 * A `+` stays a `+`.  Bytes that make no UTF-8 show as \xE4, and the text's quotes, backslashes and control bytes are then escaped as
 * well, as Logstash does: what was a byte can be told from what was written.  Always decorated.  A field that is not there is left so.
 * Source: logstash-filter-urldecode 3.0.6 (meaning); UTF-8 is the one charset of this version.
 */
#include "watcher/base/base.h"
#include "transforms/filter.h"
#include "watcher/base/utf8.h"

struct urldecode {
	struct option_item field, charset;
	bool all_fields;
	struct option_list tags; /* nothing fails that Logstash would tag */
};

static const struct option options[] = {
	{"field", OPTION_STRING, ITEM_FIELD, .offset = offsetof(struct urldecode, field), .otherwise = "message",
	 .says = "the field to decode"},
	{"all_fields", OPTION_BOOLEAN, .offset = offsetof(struct urldecode, all_fields), .otherwise = "false",
	 .says = "decode all fields of the event"},
	{"charset", OPTION_STRING, ITEM_TEXT, .offset = offsetof(struct urldecode, charset), .otherwise = "UTF-8",
	 .says = "what the decoded bytes are: UTF-8"},
	{"tag_on_failure", OPTION_LIST, ITEM_TEXT, .offset = offsetof(struct urldecode, tags),
	 .says = "tags of an event that could not be decoded; every text can"},
};

static int urldecode_init(void *self, struct compile *c)
{
	struct urldecode *u = self;

	if (span_is(u->charset.text, "UTF-8"))
		return 0;
	compile_error(c, u->charset.at, "urldecode: charset \"%.*s\": not in this version; it has UTF-8",
		      SPAN_FMT(u->charset.text));
	return -1;
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

static struct span decode(struct span s, struct arena *a)
{
	const char *first = s.n ? memchr(s.p, '%', s.n) : NULL;
	struct span out;
	char *text, *to;

	if (!first)
		return s;
	text = to = arena_alloc(a, s.n + 1);
	for (size_t i = 0; i < s.n; i++) {
		int byte = escape_at(s, i);

		*to++ = byte < 0 ? s.p[i] : (char)byte;
		i += byte < 0 ? 0 : 2;
	}
	out = (struct span){text, (size_t)(to - text)};
	return utf8_valid(out) ? out : shown(out, a);
}

static void decode_value(struct value *v, struct arena *a)
{
	if (v->type == VALUE_STRING)
		v->u.text = decode(v->u.text, a);
	if (v->type == VALUE_ARRAY)
		for (size_t i = 0; i < v->u.array->len; i++)
			decode_value(&v->u.array->items[i], a);
	if (v->type == VALUE_MAP)
		for (size_t i = 0; i < v->u.map->len; i++)
			decode_value(&v->u.map->entries[i].value, a);
}

static enum filter_result urldecode_run(void *self, struct filter_run *run, struct event *ev)
{
	const struct urldecode *u = self;
	struct value *v = u->all_fields ? NULL : ref_get(u->field.ref, ev);

	(void)run;
	if (v)
		decode_value(v, ev->arena);
	for (size_t i = 0; u->all_fields && i < ev->fields.len; i++)
		decode_value(&ev->fields.entries[i].value, ev->arena);
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
};

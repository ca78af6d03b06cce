/*
 * json_value - JSON text to a value; see the header
 */
#include "watcher/base/base.h"
#include "transforms/json_value.h"
#include "watcher/base/json_out.h"
#include "watcher/base/utf8.h"

struct reader {
	const char *p, *end;
	struct arena *arena;
	const char *why;
	unsigned depth;
};

static bool fail(struct reader *r, const char *why)
{
	if (!r->why)
		r->why = why;
	return false;
}

static void blanks(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

static bool take(struct reader *r, char c)
{
	blanks(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

/* --- strings --- */

static bool hex4(const char *p, const char *end, unsigned *out)
{
	*out = 0;
	if (end - p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = (char)(p[i] | 32);

		if (p[i] >= '0' && p[i] <= '9')
			*out = *out << 4 | (unsigned)(p[i] - '0');
		else if (c >= 'a' && c <= 'f')
			*out = *out << 4 | (unsigned)(c - 'a' + 10);
		else
			return false;
	}
	return true;
}

static char *put_code(char *to, unsigned c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

/* Behind \u. */
static bool unicode(struct reader *r, const char **p, const char *end, char **to)
{
	unsigned c, low;

	if (!hex4(*p, end, &c))
		return fail(r, "an escape \\u without four hexadecimal digits");
	*p += 4;
	if (c >= 0xd800 && c < 0xe000) {
		if (c >= 0xdc00 || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u' ||
		    !hex4(*p + 2, end, &low) || low < 0xdc00 || low > 0xdfff)
			return fail(r, "half of a surrogate pair");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		*p += 6;
	}
	*to = put_code(*to, c);
	return true;
}

/* An escape is never shorter than what it stands for, so the raw length is room enough. */
static bool unescape(struct reader *r, struct span raw, struct span *out)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	char *text = arena_alloc(r->arena, raw.n + 1), *to = text;
	const char *p = raw.p, *end = raw.p + raw.n, *at;

	while (p < end) {
		if (*p != '\\') {
			*to++ = *p++;
			continue;
		}
		p += 2; /* a string ends with no lone backslash */
		at = memchr(from, p[-1], sizeof(from) - 1);
		if (at)
			*to++ = into[at - from];
		else if (p[-1] != 'u')
			return fail(r, "an escape that JSON has not");
		else if (!unicode(r, &p, end, &to))
			return false;
	}
	*out = (struct span){text, (size_t)(to - text)};
	return true;
}

static bool take_string(struct reader *r, struct span *out)
{
	const char *from = r->p;
	bool escaped = false;

	while (r->p < r->end && *r->p != '"') {
		if ((unsigned char)*r->p < 0x20)
			return fail(r, "a control byte in a string");
		if (*r->p == '\\') {
			escaped = true;
			r->p++;
		}
		if (r->p < r->end)
			r->p++;
	}
	if (r->p == r->end)
		return fail(r, "a string without its end");
	*out = (struct span){from, (size_t)(r->p - from)};
	r->p++;
	return !escaped || unescape(r, *out, out);
}

/* --- values --- */

static bool take_value(struct reader *r, struct value *out);

static bool take_pair(struct reader *r, struct value_map *m)
{
	struct span name;
	struct value v;

	if (!take(r, '"'))
		return fail(r, "no key where one must be");
	if (!take_string(r, &name))
		return false;
	if (!take(r, ':'))
		return fail(r, "no colon behind a key");
	if (!take_value(r, &v))
		return false;
	value_map_set(m, r->arena, name, v);
	return true;
}

static bool take_map(struct reader *r, struct value *out)
{
	*out = value_map(r->arena);
	if (take(r, '}'))
		return true;
	do {
		if (!take_pair(r, out->u.map))
			return false;
	} while (take(r, ','));
	return take(r, '}') || fail(r, "no comma or } behind a value");
}

static bool take_array(struct reader *r, struct value *out)
{
	struct value v;

	*out = value_array(r->arena);
	if (take(r, ']'))
		return true;
	do {
		if (!take_value(r, &v))
			return false;
		value_array_add(out->u.array, r->arena, v);
	} while (take(r, ','));
	return take(r, ']') || fail(r, "no comma or ] behind a value");
}

static bool take_word(struct reader *r, struct value *out)
{
	const char *from = r->p;
	struct span s;
	bool integer;

	while (r->p < r->end && !strchr(" \t\r\n,:]}\"[{", *r->p))
		r->p++;
	s = (struct span){from, (size_t)(r->p - from)};
	if (span_is(s, "null")) {
		*out = value_null();
	} else if (span_is(s, "true") || span_is(s, "false")) {
		*out = value_bool(s.n == 4);
	} else if (json_is_number(s, &integer)) {
		*out = (struct value){.type = integer ? VALUE_INT : VALUE_FLOAT, .u = {.text = s}};
	} else {
		r->p = from;
		return fail(r, from == r->end ? "it ends where a value must be" : "no value where one must be");
	}
	return true;
}

static bool take_value(struct reader *r, struct value *out)
{
	struct span s;
	bool ok;

	if (++r->depth > JSON_VALUE_DEPTH)
		return fail(r, "nested deeper than 100");
	if (take(r, '{')) {
		ok = take_map(r, out);
	} else if (take(r, '[')) {
		ok = take_array(r, out);
	} else if (take(r, '"')) {
		ok = take_string(r, &s);
		if (ok)
			*out = value_string(s);
	} else {
		ok = take_word(r, out);
	}
	r->depth--;
	return ok;
}

bool json_value_read(struct span text, struct arena *a, struct value *out, const char **why, size_t *at)
{
	struct reader r = {.arena = a};
	size_t valid = utf8_valid_prefix(text);
	bool ok = false;

	if (!text.p)
		text = SPAN_LITERAL("");
	r.p = text.p;
	r.end = text.p + text.n;
	if (valid < text.n) {
		r.p += valid;
		fail(&r, "bytes that are no UTF-8");
	} else if (take_value(&r, out)) {
		blanks(&r);
		ok = r.p == r.end || fail(&r, "something stands behind the value");
	}
	*why = r.why;
	*at = (size_t)(r.p - text.p);
	return ok;
}

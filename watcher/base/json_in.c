/*
 * json_in - a walk over JSON text that is already in memory; see the header
 *
 * Called for the answers of servers, millions of items long: no allocation, no recursion beyond its depth.
 */
#include "watcher/base/base.h"
#include "watcher/base/json_in.h"

void json_in_init(struct json_in *in, struct span text)
{
	*in = (struct json_in){.p = text.p ? text.p : "", .end = text.p ? text.p + text.n : NULL};
	if (!in->end)
		in->end = in->p;
}

static bool fail(struct json_in *in)
{
	in->bad = true;
	return false;
}

static void blanks(struct json_in *in)
{
	while (in->p < in->end &&
	       (*in->p == ' ' || *in->p == '\t' || *in->p == '\n' || *in->p == '\r'))
		in->p++;
}

/* The next byte that says something, 0 at the end and after an error. */
static char peek(struct json_in *in)
{
	if (in->bad)
		return 0;
	blanks(in);
	return in->p < in->end ? *in->p : 0;
}

static bool open_bracket(struct json_in *in, char c)
{
	if (peek(in) != c)
		return false;
	if (in->depth++ == JSON_IN_DEPTH)
		return fail(in);
	in->p++;
	in->first = true;
	return true;
}

bool json_in_object(struct json_in *in)
{
	return open_bracket(in, '{');
}

bool json_in_array(struct json_in *in)
{
	return open_bracket(in, '[');
}

static bool more(struct json_in *in, char closing)
{
	char c = peek(in);

	if (c == closing && in->depth) {
		in->p++;
		in->depth--;
		in->first = false;
		return false;
	}
	if (!in->first) {
		if (c != ',')
			return fail(in);
		in->p++;
		c = peek(in);
	}
	in->first = false;
	return c && c != closing ? true : fail(in);
}

bool json_in_item(struct json_in *in)
{
	return more(in, ']');
}

static bool take_string(struct json_in *in, struct span *raw)
{
	const char *p = in->p + 1;

	while (p < in->end && *p != '"') {
		if ((unsigned char)*p < 0x20)
			return fail(in);
		p += *p == '\\' ? 2 : 1;
	}
	if (p >= in->end)
		return fail(in);
	*raw = (struct span){in->p + 1, (size_t)(p - in->p - 1)};
	in->p = p + 1;
	return true;
}

bool json_in_key(struct json_in *in, struct span *key)
{
	if (!more(in, '}'))
		return false;
	if (peek(in) != '"' || !take_string(in, key))
		return fail(in);
	if (peek(in) != ':')
		return fail(in);
	in->p++;
	return true;
}

bool json_in_string(struct json_in *in, struct span *raw)
{
	if (peek(in) == '"')
		return take_string(in, raw);
	json_in_skip(in);
	return false;
}

static bool is_word_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
	       c == '-' || c == '+';
}

static struct span take_word(struct json_in *in)
{
	const char *from = in->p;

	while (in->p < in->end && is_word_byte(*in->p))
		in->p++;
	if (in->p == from)
		fail(in);
	return (struct span){from, (size_t)(in->p - from)};
}

bool json_in_u64(struct json_in *in, uint64_t *out)
{
	uint64_t n = 0;
	char c = peek(in);
	struct span s;

	if (c < '0' || c > '9') {
		json_in_skip(in);
		return false;
	}
	s = take_word(in);
	for (size_t i = 0; i < s.n; i++) {
		uint64_t digit = (uint64_t)(s.p[i] - '0');

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return true;
}

bool json_in_bool(struct json_in *in, bool *out)
{
	char c = peek(in);
	struct span s;

	if (c != 't' && c != 'f') {
		json_in_skip(in);
		return false;
	}
	s = take_word(in);
	if (!span_is(s, "true") && !span_is(s, "false"))
		return fail(in);
	*out = c == 't';
	return true;
}

static bool known_word(struct span s)
{
	if (s.p[0] == '-' || (s.p[0] >= '0' && s.p[0] <= '9'))
		return true;
	return span_is(s, "true") || span_is(s, "false") || span_is(s, "null");
}

/* One value that is neither object nor array. */
static void skip_scalar(struct json_in *in)
{
	struct span s;

	if (peek(in) == '"') {
		(void)take_string(in, &s);
		return;
	}
	s = take_word(in);
	if (!in->bad && !known_word(s))
		fail(in);
}

struct span json_in_skip(struct json_in *in)
{
	const char *from;
	struct span key;

	(void)peek(in);
	from = in->p;
	if (json_in_object(in))
		while (json_in_key(in, &key))
			json_in_skip(in);
	else if (json_in_array(in))
		while (json_in_item(in))
			json_in_skip(in);
	else if (!in->bad)
		skip_scalar(in);
	in->first = false;
	return in->bad ? SPAN_NONE : (struct span){from, (size_t)(in->p - from)};
}

bool json_in_just(struct json_in *in, const struct span *parts, size_t count)
{
	const char *p;

	(void)peek(in);
	p = in->p;
	for (size_t i = 0; i < count; i++) {
		if (in->bad || (size_t)(in->end - p) < parts[i].n || memcmp(p, parts[i].p, parts[i].n) != 0)
			return false;
		p += parts[i].n;
	}
	in->p = p;
	in->first = false;
	return true;
}

bool json_in_end(struct json_in *in)
{
	blanks(in);
	return !in->bad && !in->depth && in->p == in->end;
}

struct span json_in_member(struct span object, const char *key)
{
	struct json_in in;
	struct span name, value;

	json_in_init(&in, object);
	if (!json_in_object(&in))
		return SPAN_NONE;
	while (json_in_key(&in, &name)) {
		value = json_in_skip(&in);
		if (span_is(name, key))
			return value;
	}
	return SPAN_NONE;
}

/* --- strings --- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool take_hex(const char *p, const char *end, unsigned *out)
{
	unsigned n = 0;

	if (end - p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		int digit = hex(p[i]);

		if (digit < 0)
			return false;
		n = n << 4 | (unsigned)digit;
	}
	*out = n;
	return true;
}

static void add_code(struct strbuf *sb, unsigned c)
{
	if (c < 0x80) {
		strbuf_addc(sb, (char)c);
	} else if (c < 0x800) {
		strbuf_addc(sb, (char)(0xc0 | c >> 6));
		strbuf_addc(sb, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		strbuf_addc(sb, (char)(0xe0 | c >> 12));
		strbuf_addc(sb, (char)(0x80 | (c >> 6 & 0x3f)));
		strbuf_addc(sb, (char)(0x80 | (c & 0x3f)));
	} else {
		strbuf_addc(sb, (char)(0xf0 | c >> 18));
		strbuf_addc(sb, (char)(0x80 | (c >> 12 & 0x3f)));
		strbuf_addc(sb, (char)(0x80 | (c >> 6 & 0x3f)));
		strbuf_addc(sb, (char)(0x80 | (c & 0x3f)));
	}
}

/* Behind "\u"; returns where it ends. */
static const char *add_unicode(struct strbuf *sb, const char *p, const char *end)
{
	unsigned c, low;

	if (!take_hex(p, end, &c)) {
		add_code(sb, 0xfffd);
		return p;
	}
	p += 4;
	if (c < 0xd800 || c > 0xdfff) {
		add_code(sb, c);
		return p;
	}
	if (c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' && take_hex(p + 2, end, &low) &&
	    low >= 0xdc00 && low <= 0xdfff) {
		add_code(sb, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
		return p + 6;
	}
	add_code(sb, 0xfffd);
	return p;
}

void json_in_unescape(struct strbuf *sb, struct span raw)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *p = raw.p, *end = raw.p + raw.n;

	while (p < end) {
		const char *at;

		if (*p != '\\' || p + 1 == end) {
			strbuf_addc(sb, *p++);
			continue;
		}
		p += 2;
		at = strchr(from, p[-1]);
		if (at)
			strbuf_addc(sb, to[at - from]);
		else if (p[-1] == 'u')
			p = add_unicode(sb, p, end);
		else
			add_code(sb, 0xfffd);
	}
}

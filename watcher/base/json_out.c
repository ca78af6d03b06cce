/*
 * json_out - JSON text; see the header
 *
 * Clean runs are copied whole; only quote, backslash and control bytes stop one.  Source: RFC 8259.
 */
#include "watcher/base/json_out.h"
#include "watcher/base/clock.h"
#include "watcher/base/utf8.h"

static inline bool needs_escape(unsigned char c)
{
	return c < 0x20 || c == '"' || c == '\\';
}

/* Does none of eight bytes need an escape?  A term sets the top bit of a byte that does. */
static inline bool clean_word(const char *p)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	uint64_t w, quote, back;

	memcpy(&w, p, 8);
	quote = w ^ (ones * 0x22);
	back = w ^ (ones * 0x5c);
	return !((((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) | ((back - ones) & ~back)) &
		 tops);
}

static bool is_clean(struct span s)
{
	size_t i = 0;

	while (s.n - i >= 8) {
		if (!clean_word(s.p + i))
			return false;
		i += 8;
	}
	/* the last eight again, as far as there are so many */
	if (s.n >= 8)
		return i == s.n || clean_word(s.p + s.n - 8);
	for (; i < s.n; i++)
		if (needs_escape((unsigned char)s.p[i]))
			return false;
	return true;
}

static void add_escape(struct strbuf *sb, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char u[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
	char two[2] = {'\\', (char)c};

	switch (c) {
	case '\b':
		two[1] = 'b';
		break;
	case '\f':
		two[1] = 'f';
		break;
	case '\n':
		two[1] = 'n';
		break;
	case '\r':
		two[1] = 'r';
		break;
	case '\t':
		two[1] = 't';
		break;
	case '"':
	case '\\':
		break;
	default: /* the other control bytes */
		strbuf_add(sb, u, 6);
		return;
	}
	strbuf_add(sb, two, 2);
}

void json_add_escaped(struct strbuf *sb, struct span s)
{
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		while (s.n - i >= 8 && clean_word(s.p + i))
			i += 8;
		if (i == s.n)
			break;
		if (!needs_escape((unsigned char)s.p[i]))
			continue;
		strbuf_add(sb, s.p + from, i - from);
		add_escape(sb, (unsigned char)s.p[i]);
		from = i + 1;
	}
	if (from < s.n)
		strbuf_add(sb, s.p + from, s.n - from);
}

void json_add_string(struct strbuf *sb, struct span s)
{
	char *to;

	strbuf_reserve(sb, s.n + 2);
	if (is_clean(s)) {
		to = sb->p + sb->n;
		*to++ = '"';
		if (s.n)
			memcpy(to, s.p, s.n);
		memcpy(to + s.n, "\"", 2);
		sb->n += s.n + 2;
		return;
	}
	strbuf_addc(sb, '"');
	json_add_escaped(sb, s);
	strbuf_addc(sb, '"');
}

void json_add_lossy(struct strbuf *sb, struct span s)
{
	struct strbuf repaired = STRBUF_INIT;

	if (utf8_valid(s)) {
		json_add_string(sb, s);
		return;
	}
	utf8_add_repaired(&repaired, s);
	json_add_string(sb, strbuf_span(&repaired));
	strbuf_release(&repaired);
}

void json_add_comma(struct strbuf *sb)
{
	if (sb->n && sb->p[sb->n - 1] != '{' && sb->p[sb->n - 1] != '[')
		strbuf_addc(sb, ',');
}

void json_add_key(struct strbuf *sb, const char *key)
{
	json_add_comma(sb);
	json_add_string(sb, span_of(key));
	strbuf_addc(sb, ':');
}

void json_pair_string(struct strbuf *sb, const char *key, const char *s_or_null)
{
	json_pair_span(sb, key, span_of(s_or_null));
}

void json_pair_span(struct strbuf *sb, const char *key, struct span s)
{
	json_add_key(sb, key);
	if (s.p)
		json_add_lossy(sb, s);
	else
		strbuf_adds(sb, "null");
}

void json_pair_u64(struct strbuf *sb, const char *key, uint64_t n)
{
	json_add_key(sb, key);
	strbuf_addf(sb, "%llu", (unsigned long long)n);
}

void json_pair_i64(struct strbuf *sb, const char *key, int64_t n)
{
	json_add_key(sb, key);
	strbuf_addf(sb, "%lld", (long long)n);
}

void json_pair_bool(struct strbuf *sb, const char *key, bool b)
{
	json_add_key(sb, key);
	strbuf_adds(sb, b ? "true" : "false");
}

void json_pair_seconds(struct strbuf *sb, const char *key, int64_t ms)
{
	json_add_key(sb, key);
	if (ms < 0)
		strbuf_adds(sb, "null");
	else
		strbuf_addf(sb, "%lld.%03lld", (long long)ms / 1000, (long long)ms % 1000);
}

void json_pair_time(struct strbuf *sb, const char *key, int64_t ms)
{
	char text[CLOCK_TEXT];

	if (ms > 0)
		clock_format(ms, text);
	json_pair_string(sb, key, ms > 0 ? text : NULL);
}

static size_t digits(struct span s, size_t i)
{
	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	return i;
}

bool json_is_number(struct span s, bool *integer)
{
	size_t i = s.n && s.p[0] == '-' ? 1 : 0;
	size_t end = digits(s, i);
	bool whole = true;

	if (end == i || (s.p[i] == '0' && end > i + 1))
		return false;
	i = end;
	if (i < s.n && s.p[i] == '.') {
		whole = false;
		end = digits(s, i + 1);
		if (end == i + 1)
			return false;
		i = end;
	}
	if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
		whole = false;
		i++;
		if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
			i++;
		end = digits(s, i);
		if (end == i)
			return false;
		i = end;
	}
	if (i != s.n)
		return false;
	if (integer)
		*integer = whole;
	return true;
}

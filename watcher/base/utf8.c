/*
 * utf8 - strict validity; see the header
 *
 * ASCII goes by eight bytes a step; the rest by the table of well-formed sequences.  Every tenant's byte that becomes
 * text passes here.  Source: Unicode, table 3-7; UAX 9 for the marks of direction.
 */
#include "watcher/base/utf8.h"

/* Length of the well-formed sequence at p, or 0. */
static size_t sequence(const unsigned char *p, size_t n)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		len = 2;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		len = 3;
		if (p[0] == 0xe0)
			lo = 0xa0;
		else if (p[0] == 0xed)
			hi = 0x9f;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		len = 4;
		if (p[0] == 0xf0)
			lo = 0x90;
		else if (p[0] == 0xf4)
			hi = 0x8f;
	} else {
		return 0;
	}
	if (n < len || p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

size_t utf8_valid_prefix(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = 0;

	while (i < s.n) {
		size_t len;

		while (s.n - i >= 8) {
			uint64_t word;

			memcpy(&word, p + i, 8);
			if (word & 0x8080808080808080u)
				break;
			i += 8;
		}
		if (i == s.n)
			break;
		len = sequence(p + i, s.n - i);
		if (!len)
			break;
		i += len;
	}
	return i;
}

size_t utf8_hidden(struct span s, unsigned *code)
{
	const unsigned char *p = (const unsigned char *)s.p;
	unsigned c = p[0];

	if (c < 0x80) {
		*code = c;
		return c < 0x20 || c == 0x7f ? 1 : 0;
	}
	if (c == 0xc2 && s.n > 1) {
		*code = p[1];
		return p[1] < 0xa0 ? 2 : 0;
	}
	if (c != 0xe2 || s.n < 3)
		return 0;
	c = 0x2000u | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	*code = c;
	if (c == 0x200e || c == 0x200f)
		return 3;
	return (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ? 3 : 0;
}

void utf8_add_repaired(struct strbuf *sb, struct span s)
{
	while (s.n) {
		size_t ok = utf8_valid_prefix(s);

		strbuf_add(sb, s.p, ok);
		s.p += ok;
		s.n -= ok;
		if (!s.n)
			break;
		strbuf_adds(sb, "\xef\xbf\xbd");
		s.p++;
		s.n--;
	}
}

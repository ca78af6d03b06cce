/*
 * json_comments - comments blanked out; see the header
 *
 * Called by keys_load for every configuration file.  Knows only strings and comments of JSON; all else passes as it is.
 */
#include "watcher/base/base.h"
#include "watcher/model/json_comments.h"

/* One byte of a comment: line ends stay, a character of several bytes is one blank. */
static void put_blank(struct strbuf *plain, char c)
{
	if (c == '\n' || c == '\r')
		strbuf_addc(plain, c);
	else if (((unsigned char)c & 0xc0) != 0x80)
		strbuf_addc(plain, ' ');
}

static size_t string_end(struct span s, size_t i)
{
	for (i++; i < s.n && s.p[i] != '"'; i++)
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
	return i < s.n ? i + 1 : s.n;
}

static size_t line_end(struct span s, size_t i)
{
	while (i < s.n && s.p[i] != '\n')
		i++;
	return i;
}

/* Behind the end of the block comment at i; 0: it has none. */
static size_t block_end(struct span s, size_t i)
{
	for (i += 2; i + 1 < s.n; i++)
		if (s.p[i] == '*' && s.p[i + 1] == '/')
			return i + 2;
	return 0;
}

static size_t line_of(struct span s, size_t at)
{
	size_t line = 1;

	for (size_t i = 0; i < at; i++)
		line += s.p[i] == '\n';
	return line;
}

int json_comments_blank(struct span s, struct strbuf *plain, size_t *line)
{
	size_t i = span_starts(s, SPAN_LITERAL("\xef\xbb\xbf")) ? 3 : 0, end;

	strbuf_reserve(plain, s.n);
	while (i < s.n) {
		char next = i + 1 < s.n ? s.p[i + 1] : '\0';

		if (s.p[i] == '"') {
			end = string_end(s, i);
			strbuf_add(plain, s.p + i, end - i);
			i = end;
		} else if (s.p[i] == '/' && (next == '/' || next == '*')) {
			end = next == '/' ? line_end(s, i) : block_end(s, i);
			if (!end) {
				*line = line_of(s, i);
				return -1;
			}
			while (i < end)
				put_blank(plain, s.p[i++]);
		} else {
			strbuf_addc(plain, s.p[i++]);
		}
	}
	return 0;
}

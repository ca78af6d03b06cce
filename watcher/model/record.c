/*
 * record - row errors: bounded, escaped, valid UTF-8, since they go to receipts and rejects
 */
#include "watcher/base/base.h"
#include "watcher/model/record.h"
#include "watcher/base/utf8.h"
#include <stdarg.h>

struct span field_text(const struct field *f, struct arena *a)
{
	const char *p = f->text.p, *end = p + f->text.n;
	char *text, *to;

	if (!f->doubled)
		return f->text;
	to = text = arena_alloc(a, f->text.n + RECORD_SLACK);
	while (p < end) {
		*to++ = *p;
		p += *p == '"' ? 2 : 1;
	}
	return (struct span){text, (size_t)(to - text)};
}

/* Copies s with control bytes escaped and bad bytes as U+FFFD; cut at a character. */
static void put_clean(char *out, size_t cap, struct span s)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	while (s.n) {
		unsigned char c = (unsigned char)s.p[0];
		char esc[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
		const char *from = s.p;
		size_t used = 1, len = 1;

		if (c < 0x20 || c == 0x7f) {
			from = esc;
			len = 4;
		} else if (c >= 0x80) {
			struct span one = {s.p, s.n < 4 ? s.n : 4};

			while (one.n && utf8_valid_prefix(one) != one.n)
				one.n--;
			used = one.n ? one.n : 1;
			from = one.n ? s.p : "\xef\xbf\xbd";
			len = one.n ? one.n : 3;
		}
		if (n + len >= cap)
			break;
		memcpy(out + n, from, len);
		n += len;
		s.p += used;
		s.n -= used;
	}
	out[n] = '\0';
}

void row_error_set(struct row_error *e, uint64_t line, struct span column, const char *fmt, ...)
{
	char raw[4 * ROW_ERROR_TEXT];
	va_list ap;
	int n;

	e->line = line;
	put_clean(e->column, sizeof(e->column), column);
	va_start(ap, fmt);
	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	CHECK(n >= 0);
	put_clean(e->text, sizeof(e->text),
		  (struct span){raw, (size_t)n < sizeof(raw) ? (size_t)n : sizeof(raw) - 1});
}

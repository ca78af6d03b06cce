/*
 * strbuf - bytes that grow; see the header
 *
 * Memory doubles, so that n additions cost O(n).  An empty strbuf points at a shared NUL and owns nothing.
 */
#include "watcher/base/strbuf.h"

char strbuf_empty[1];

void strbuf_init(struct strbuf *sb)
{
	sb->p = strbuf_empty;
	sb->n = 0;
	sb->cap = 0;
}

void strbuf_release(struct strbuf *sb)
{
	if (sb->cap)
		free(sb->p);
	strbuf_init(sb);
}

void strbuf_reset(struct strbuf *sb)
{
	sb->n = 0;
	if (sb->cap)
		sb->p[0] = '\0';
}

void strbuf_grow(struct strbuf *sb, size_t n)
{
	size_t want = sb->n + n + 1;
	size_t cap = sb->cap ? sb->cap : 64;

	CHECK(want > n && want <= SIZE_MAX / 2);
	while (cap < want)
		cap *= 2;
	if (sb->cap) {
		sb->p = xrealloc(sb->p, cap);
	} else {
		sb->p = xmalloc(cap);
		sb->p[0] = '\0';
	}
	sb->cap = cap;
}

void strbuf_adds(struct strbuf *sb, const char *s)
{
	strbuf_add(sb, s, strlen(s));
}

void strbuf_addspan(struct strbuf *sb, struct span s)
{
	strbuf_add(sb, s.p, s.n);
}

void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	strbuf_reserve(sb, 64);
	va_copy(again, ap);
	n = vsnprintf(sb->p + sb->n, sb->cap - sb->n, fmt, ap);
	CHECK(n >= 0);
	if ((size_t)n >= sb->cap - sb->n) {
		strbuf_reserve(sb, (size_t)n);
		n = vsnprintf(sb->p + sb->n, sb->cap - sb->n, fmt, again);
		CHECK(n >= 0);
	}
	va_end(again);
	sb->n += (size_t)n;
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(sb, fmt, ap);
	va_end(ap);
}

void strbuf_cut(struct strbuf *sb, size_t n)
{
	CHECK(n <= sb->n);
	sb->n = n;
	if (sb->cap)
		sb->p[n] = '\0';
}

char *strbuf_detach(struct strbuf *sb)
{
	char *p;

	strbuf_reserve(sb, 0);
	p = sb->p;
	strbuf_init(sb);
	return p;
}

struct span strbuf_span(const struct strbuf *sb)
{
	return (struct span){sb->p, sb->n};
}

/*
 * strbuf - bytes that grow
 *
 *	struct strbuf sb;
 *	strbuf_init(&sb);
 *	strbuf_addf(&sb, "%s=%d", key, n);
 *	use sb.p, sb.n           always NUL-terminated behind n once something was added; p is never NULL
 *	strbuf_reset(&sb);       keeps the memory
 *	strbuf_release(&sb);
 *
 * Ownership: the strbuf owns p; strbuf_detach hands it (malloc'ed) to the caller.
 * Failure: none; out of memory ends the program.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include "watcher/base/span.h"
#include <stdarg.h>

struct strbuf {
	char *p;
	size_t n;
	size_t cap;
};

extern char strbuf_empty[1];
#define STRBUF_INIT {strbuf_empty, 0, 0}

void strbuf_init(struct strbuf *sb);
void strbuf_release(struct strbuf *sb);
void strbuf_reset(struct strbuf *sb);
void strbuf_grow(struct strbuf *sb, size_t n);
/* Room for n more bytes (and the NUL) behind sb->n. */
static inline void strbuf_reserve(struct strbuf *sb, size_t n)
{
	if (sb->cap - sb->n <= n)
		strbuf_grow(sb, n);
}

static inline void strbuf_add(struct strbuf *sb, const void *p, size_t n)
{
	strbuf_reserve(sb, n);
	if (n)
		memcpy(sb->p + sb->n, p, n);
	sb->n += n;
	sb->p[sb->n] = '\0';
}

static inline void strbuf_addc(struct strbuf *sb, char c)
{
	strbuf_reserve(sb, 1);
	sb->p[sb->n++] = c;
	sb->p[sb->n] = '\0';
}

void strbuf_adds(struct strbuf *sb, const char *s);
void strbuf_addspan(struct strbuf *sb, struct span s);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap);
/* Shorten to n bytes; n <= sb->n. */
void strbuf_cut(struct strbuf *sb, size_t n);
char *strbuf_detach(struct strbuf *sb);
struct span strbuf_span(const struct strbuf *sb);

#endif

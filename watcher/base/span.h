/*
 * span - pointer and length of bytes that somebody else owns
 *
 * A span borrows: it is valid as long as its owner says.  The bytes may hold NUL and need no NUL at the end.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include "watcher/base/base.h"

struct span {
	const char *p;
	size_t n;
};

#define SPAN_LITERAL(s) ((struct span){(s), sizeof(s) - 1})
#define SPAN_NONE ((struct span){NULL, 0})
/* for printf's "%.*s" */
#define SPAN_FMT(s) (int)((s).n < 0x7fffffff ? (s).n : 0x7fffffff), (s).p

static inline struct span span_of(const char *s)
{
	return (struct span){s, s ? strlen(s) : 0};
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.n == b.n && (a.p == b.p || a.n == 0 || (a.p[0] == b.p[0] && memcmp(a.p, b.p, a.n) == 0));
}

static inline bool span_is(struct span a, const char *s)
{
	return span_equal(a, span_of(s));
}

static inline bool span_starts(struct span a, struct span prefix)
{
	return a.n >= prefix.n && (prefix.n == 0 || memcmp(a.p, prefix.p, prefix.n) == 0);
}

static inline bool span_ends(struct span a, struct span suffix)
{
	return a.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(a.p + a.n - suffix.n, suffix.p, suffix.n) == 0);
}

#endif

/*
 * base - the assertion and the allocators that never return NULL
 *
 * Called from everywhere.  Out of memory and a broken promise of our own both end the program: the journal makes
 * a death harmless, going on with half a structure would not be.
 */
#include "watcher/base/base.h"
#include <stdarg.h>

void check_failed(const char *expr, const char *file, int line, const char *func)
{
	fprintf(stderr, "%s:%d: %s: broken promise: %s\n", file, line, func, expr);
	abort();
}

static void *need(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

void *xmalloc(size_t n)
{
	return need(malloc(n ? n : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return need(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t n)
{
	return need(realloc(p, n ? n : 1));
}

char *xstrdup(const char *s)
{
	return need(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	char *p = xmalloc(n + 1);

	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *p = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&p, fmt, ap);
	va_end(ap);
	CHECK(n >= 0);
	return need(p);
}

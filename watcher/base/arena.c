/*
 * arena - memory that is given back all at once; see the header
 *
 * A chain of blocks is walked forward; reset goes back to the first.  A request that fits no kept block gets one of
 * its own size at the end of the walk.
 */
#include "watcher/base/arena.h"
#include <stdarg.h>

#define ARENA_KEEP (4u * 1024 * 1024)

struct arena_block {
	struct arena_block *next;
	size_t size;
	size_t used;
	_Alignas(8) char bytes[];
};

void arena_init(struct arena *a, size_t block_size)
{
	CHECK(block_size >= 64);
	a->first = NULL;
	a->now = NULL;
	a->block_size = block_size;
	a->used = 0;
}

void arena_release(struct arena *a)
{
	struct arena_block *b = a->first;

	while (b) {
		struct arena_block *next = b->next;

		free(b);
		b = next;
	}
	a->first = NULL;
	a->now = NULL;
	a->used = 0;
}

/* Keeps blocks from the front while their sum stays under the bound. */
static void drop_excess(struct arena *a)
{
	struct arena_block **link = &a->first;
	size_t total = 0;

	while (*link) {
		struct arena_block *b = *link;

		if (total + b->size > ARENA_KEEP && b != a->first) {
			*link = b->next;
			free(b);
			continue;
		}
		total += b->size;
		link = &b->next;
	}
	if (a->first && a->first->size > ARENA_KEEP && !a->first->next) {
		free(a->first);
		a->first = NULL;
	}
}

void arena_reset(struct arena *a)
{
	if (a->used > ARENA_KEEP)
		drop_excess(a);
	for (struct arena_block *b = a->first; b; b = b->next) {
		b->used = 0;
		if (b == a->now)
			break;
	}
	a->now = a->first;
	a->used = 0;
}

static struct arena_block *block_for(struct arena *a, size_t n)
{
	struct arena_block **link = a->now ? &a->now->next : &a->first;
	struct arena_block *b;
	size_t size = n > a->block_size ? n : a->block_size;

	for (; *link; link = &(*link)->next) {
		(*link)->used = 0;
		a->now = *link;
		if ((*link)->size >= n)
			return *link;
	}
	b = xmalloc(sizeof(*b) + size);
	b->next = NULL;
	b->size = size;
	b->used = 0;
	*link = b;
	a->now = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct arena_block *b = a->now;
	void *p;

	CHECK(n < SIZE_MAX / 2);
	n = (n + 7) & ~(size_t)7;
	if (!b || b->size - b->used < n)
		b = block_for(a, n);
	p = b->bytes + b->used;
	b->used += n;
	a->used += n;
	return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);

	memset(p, 0, n);
	return p;
}

struct span arena_span(struct arena *a, struct span s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct span){p, s.n};
}

char *arena_strdup(struct arena *a, const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(arena_alloc(a, n), s, n);
}

struct span arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	CHECK(n >= 0);
	p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return (struct span){p, (size_t)n};
}

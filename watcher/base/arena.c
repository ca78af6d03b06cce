/*
 * arena - memory that is given back all at once; see the header
 *
 * A chain of blocks is walked forward; reset goes back to the first.  A large request takes the first block ahead that
 * holds it, or a new one, and that block is put next in the chain: the smaller ones before it stay ahead, unspent.
 * Owns the blocks; out of memory ends the program.
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
	a->total = 0;
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
	a->total = 0;
}

/* Keeps blocks from the front while their sum stays under the bound, and one of the normal size always. */
static void drop_excess(struct arena *a)
{
	struct arena_block **link = &a->first;
	size_t kept = 0;

	while (*link) {
		struct arena_block *b = *link;

		if (kept + b->size <= ARENA_KEEP || (kept == 0 && b->size == a->block_size)) {
			kept += b->size;
			link = &b->next;
			continue;
		}
		*link = b->next;
		free(b);
	}
	a->total = kept;
}

/* Blocks behind the first are emptied when block_for comes to them. */
void arena_reset(struct arena *a)
{
	if (a->total > ARENA_KEEP)
		drop_excess(a);
	a->now = a->first;
	if (a->now)
		a->now->used = 0;
	a->used = 0;
}

static struct arena_block *block_for(struct arena *a, size_t n)
{
	struct arena_block **next = a->now ? &a->now->next : &a->first;
	struct arena_block **fit = next;
	struct arena_block *b;

	while (*fit && (*fit)->size < n)
		fit = &(*fit)->next;
	b = *fit;
	if (b) {
		*fit = b->next;
	} else {
		size_t size = n > a->block_size ? n : a->block_size;

		b = xmalloc(sizeof(*b) + size);
		b->size = size;
		a->total += size;
	}
	b->used = 0;
	b->next = *next;
	*next = b;
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
	char *p;

	CHECK(s.n < SIZE_MAX / 2);
	p = arena_alloc(a, s.n + 1);
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

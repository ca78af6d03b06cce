/*
 * arena - memory that is given back all at once
 *
 *	struct arena a;
 *	arena_init(&a, 64 * 1024);
 *	p = arena_alloc(&a, n);      8-byte aligned, not zeroed
 *	arena_reset(&a);             all of it is free again, the blocks are kept
 *	arena_release(&a);
 *
 * One arena a batch or a row: after the first rows a reset arena takes nothing more from malloc.  Blocks larger
 * than the normal size are kept too while the total stays under 4 MiB, and given back on reset beyond that.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "watcher/base/span.h"

struct arena_block;
struct arena {
	struct arena_block *first; /* chain of blocks */
	struct arena_block *now;   /* the one being filled */
	size_t block_size;
	size_t used;  /* bytes handed out since reset */
	size_t total; /* bytes in all blocks */
};

void arena_init(struct arena *a, size_t block_size);
void arena_release(struct arena *a);
void arena_reset(struct arena *a);
void *arena_alloc(struct arena *a, size_t n) __attribute__((malloc, alloc_size(2)));
void *arena_zalloc(struct arena *a, size_t n) __attribute__((malloc, alloc_size(2)));
/* A copy of s; the copy is NUL-terminated behind its n. */
struct span arena_span(struct arena *a, struct span s);
char *arena_strdup(struct arena *a, const char *s);
struct span arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif

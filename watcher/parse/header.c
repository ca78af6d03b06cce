/*
 * header - names made unique
 *
 * Called once a file by parser.c.  Owns the names.  Nothing can fail; the number of names was
 * bounded by max_columns before.
 */
#include "watcher/base/base.h"
#include "watcher/base/map.h"
#include "watcher/parse/header.h"

#define NUMBER_TEXT 24 /* "_", a size_t, NUL */

void header_init(struct header *h)
{
	*h = (struct header){0};
	arena_init(&h->arena, 4096);
}

void header_release(struct header *h)
{
	free(h->names);
	h->names = NULL;
	arena_release(&h->arena);
}

/*
 * A free name made of `base`.  *next remembers the last number tried, so that a million repeats
 * stay linear.
 */
static struct span free_name(struct header *h, const struct map *taken, struct span base,
			     size_t *next)
{
	char *p = arena_alloc(&h->arena, base.n + NUMBER_TEXT);

	memcpy(p, base.p, base.n); /* not by %s: a name may hold NUL */
	for (;; (*next)++) {
		int n = snprintf(p + base.n, NUMBER_TEXT, "_%zu", *next);
		struct span name = {p, base.n + (size_t)n};

		if (!map_get(taken, name))
			return name;
	}
}

/* The value in `taken` is the next number to try for that name, at least 2. */
static void make_unique(struct header *h)
{
	struct map written, taken;
	size_t *numbers = xcalloc(h->view.count ? h->view.count : 1, sizeof(*numbers));

	map_init(&written);
	map_init(&taken);
	for (size_t i = 0; i < h->view.count; i++)
		map_put(&written, h->names[i], h);
	for (size_t i = 0; i < h->view.count; i++) {
		size_t *number = map_get(&taken, h->names[i]);

		numbers[i] = 2;
		if (number) {
			h->names[i] = free_name(h, &written, h->names[i], number);
			(*number)++;
			map_put(&written, h->names[i], h);
		}
		map_put(&taken, h->names[i], &numbers[i]);
	}
	map_release(&written);
	map_release(&taken);
	free(numbers);
}

void header_set(struct header *h, struct span raw, const struct field *fields, size_t count)
{
	h->view.present = true;
	h->view.raw = arena_span(&h->arena, raw);
	if (!fields)
		return;
	h->names = xcalloc(count, sizeof(*h->names));
	h->view.names = h->names;
	h->view.count = count;
	for (size_t i = 0; i < count; i++) {
		if (fields[i].text.n > 0)
			h->names[i] = arena_span(&h->arena, fields[i].text);
		else
			h->names[i] = arena_printf(&h->arena, "column%zu", i + 1);
	}
	make_unique(h);
}

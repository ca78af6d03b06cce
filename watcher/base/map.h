/*
 * map - a hash table from byte strings to pointers, in insertion order
 *
 *	struct map m;
 *	map_init(&m);
 *	old = map_put(&m, key, value);     key is copied; returns the pointer it replaced or NULL
 *	v = map_get(&m, key);              NULL: absent
 *	v = map_remove(&m, key);
 *	for (size_t i = 0; i < map_len(&m); i++)   map_key(&m, i), map_value(&m, i)
 *	map_release(&m);                   values are the caller's
 *
 * Removing during a walk: walk backwards.  The hash is seeded per process (hostile names cannot pile up).
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "watcher/base/span.h"

struct map_entry {
	char *key; /* own, NUL-terminated */
	size_t key_len;
	uint64_t hash;
	void *value;
};

struct map {
	struct map_entry *entries; /* in insertion order; removal moves the last one into the gap */
	size_t len;
	size_t cap;
	uint32_t *slots; /* entry index + 1, 0 = free */
	size_t slot_count;
};

void map_init(struct map *m);
void map_release(struct map *m);
void *map_put(struct map *m, struct span key, void *value);
void *map_get(const struct map *m, struct span key);
void *map_remove(struct map *m, struct span key);
size_t map_len(const struct map *m);
struct span map_key(const struct map *m, size_t i);
void *map_value(const struct map *m, size_t i);
/* The seeded hash itself, for other tables. */
uint64_t map_hash(struct span s);

#endif

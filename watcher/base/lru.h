/*
 * lru - of many that may have something open the ones used last keep it
 *
 *	lru_init(&open, 256, close_folders);
 *	lru_use(&open, &t->kept, t);        it is open and is used now: the one used longest ago is closed when there are more than max
 *	lru_drop(&open, &t->kept);          it was closed, or is being freed
 *
 * What was used stays open until max - 1 others were used after it: who works on a few at a time needs no lock.
 * Ownership: nothing is allocated; an item lies in its owner and is zeroed before its first use.
 */
#ifndef BASE_LRU_H
#define BASE_LRU_H

#include "watcher/base/base.h"

struct lru_item {
	struct lru_item *newer, *older;
	void *owner; /* NULL: not among those that are open */
};

struct lru {
	struct lru_item *newest, *oldest;
	size_t len, max; /* max: 1 or more */
	void (*close)(void *owner); /* has to close; the item is out of the list already */
};

void lru_init(struct lru *l, size_t max, void (*close)(void *owner));
/* Closes those that are over it. */
void lru_set_max(struct lru *l, size_t max);
void lru_use(struct lru *l, struct lru_item *item, void *owner);
void lru_drop(struct lru *l, struct lru_item *item);

#endif

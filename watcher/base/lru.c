/*
 * lru - of many that may have something open the ones used last keep it; see the header
 */
#include "watcher/base/base.h"
#include "watcher/base/lru.h"

void lru_init(struct lru *l, size_t max, void (*close)(void *owner))
{
	CHECK(max > 0);
	*l = (struct lru){.max = max, .close = close};
}

void lru_drop(struct lru *l, struct lru_item *item)
{
	if (!item->owner)
		return;
	*(item->newer ? &item->newer->older : &l->newest) = item->older;
	*(item->older ? &item->older->newer : &l->oldest) = item->newer;
	*item = (struct lru_item){0};
	l->len--;
}

static void add(struct lru *l, struct lru_item *item, void *owner)
{
	*item = (struct lru_item){.older = l->newest, .owner = owner};
	*(l->newest ? &l->newest->newer : &l->oldest) = item;
	l->newest = item;
	l->len++;
}

static void close_oldest(struct lru *l)
{
	void *owner = l->oldest->owner;

	lru_drop(l, l->oldest);
	l->close(owner);
}

void lru_use(struct lru *l, struct lru_item *item, void *owner)
{
	CHECK(owner && (!item->owner || item->owner == owner));
	if (l->newest == item)
		return;
	lru_drop(l, item);
	add(l, item, owner);
	while (l->len > l->max)
		close_oldest(l);
}

void lru_set_max(struct lru *l, size_t max)
{
	CHECK(max > 0);
	l->max = max;
	while (l->len > max)
		close_oldest(l);
}

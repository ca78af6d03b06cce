/*
 * sink_elasticsearch_nodes - which node is asked next
 *
 * Called for every request.  Round robin over those that are up; one that failed is left out for 1 s, doubled each time up to 20 s
 * with jitter, so that a node that is back is in use within 30 s.  Nothing can fail.
 */
#include "watcher/base/base.h"
#include "watcher/base/clock.h"
#include "watcher/sink/sink_elasticsearch_own.h"

#define DOWN_FIRST_MS 1000
#define DOWN_MOST_MS 20000

void es_nodes_init(struct es_nodes *n, char *const *urls, size_t count)
{
	CHECK(count > 0);
	n->list = xcalloc(count, sizeof(*n->list));
	n->count = count;
	for (size_t i = 0; i < count; i++)
		n->list[i].url = xstrdup(urls[i]);
	/* workers do not all begin at the first one */
	n->next[ES_ASKED] = n->next[ES_BULK] = (size_t)random() % count;
}

void es_nodes_release(struct es_nodes *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->list[i].url);
	free(n->list);
	memset(n, 0, sizeof(*n));
}

size_t es_nodes_pick(struct es_nodes *n, enum es_use use)
{
	size_t *next = &n->next[use];
	int64_t now = clock_mono_ms();
	size_t soonest = *next % n->count;

	for (size_t k = 0; k < n->count; k++) {
		size_t i = (*next + k) % n->count;

		if (n->list[i].down_until <= now) {
			*next = i + 1;
			return i;
		}
		if (n->list[i].down_until < n->list[soonest].down_until)
			soonest = i;
	}
	*next = soonest + 1;
	return soonest;
}

void es_nodes_failed(struct es_nodes *n, size_t i)
{
	struct es_node *node = &n->list[i];
	int64_t ms = DOWN_FIRST_MS;

	for (unsigned k = 0; k < node->fails && ms < DOWN_MOST_MS; k++)
		ms *= 2;
	if (ms > DOWN_MOST_MS)
		ms = DOWN_MOST_MS;
	node->fails++;
	node->distrusted = false;
	node->down_until = clock_mono_ms() + ms - random() % (ms / 4);
}

bool es_nodes_distrusted(struct es_nodes *n, size_t i)
{
	es_nodes_failed(n, i);
	n->list[i].distrusted = true;
	for (size_t k = 0; k < n->count; k++)
		if (!n->list[k].distrusted)
			return false;
	return true;
}

void es_nodes_worked(struct es_nodes *n, size_t i)
{
	n->list[i].fails = 0;
	n->list[i].distrusted = false;
	n->list[i].down_until = 0;
}

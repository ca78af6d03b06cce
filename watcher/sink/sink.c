/*
 * sink - the door of all sinks: which operations, which connection
 *
 * Called by the worker.  A pool keeps one connection for each (sink, path) of its tenant between
 * files; a connection that broke or whose store is gone is closed and made anew.  Owns connections;
 * fails as the sinks do.
 */
#include "watcher/base/base.h"
#include "watcher/sink/sink_ops.h"

#define KEPT 8 /* connections; a tenant's legs are few */

struct kept {
	const struct sink_ops *ops;
	char *key; /* own */
	void *connection;
	bool busy;
};

struct sink_pool {
	struct kept kept[KEPT];
};

static const struct sink_ops *ops_of(enum sink_type type)
{
	switch (type) {
#define SINK(type, ops, sentence) \
	case type: \
		return &ops;
#include "watcher/sink/sinks.def"
#undef SINK
	}
	CHECK(!"a sink type without a row in sinks.def");
	return NULL;
}

struct sink_pool *sink_pool_new(void)
{
	return xcalloc(1, sizeof(struct sink_pool));
}

static void forget(struct kept *k)
{
	if (k->connection)
		k->ops->disconnect(k->connection);
	free(k->key);
	*k = (struct kept){0};
}

void sink_pool_free(struct sink_pool **pool)
{
	if (!*pool)
		return;
	for (size_t i = 0; i < KEPT; i++)
		forget(&(*pool)->kept[i]);
	free(*pool);
	*pool = NULL;
}

/* The kept connection of key, or an empty place for it. */
static struct kept *place_for(struct sink_pool *pool, const char *key)
{
	struct kept *spare = NULL;

	for (size_t i = 0; i < KEPT; i++) {
		struct kept *k = &pool->kept[i];

		if (k->key && !k->busy && strcmp(k->key, key) == 0) {
			if (k->ops->usable(k->connection))
				return k;
			forget(k);
		}
		if (!k->busy && (!spare || (spare->key && !k->key)))
			spare = k;
	}
	CHECK(spare);
	forget(spare);
	return spare;
}

static int take(struct sink_pool *pool, const struct sink_leg *leg, struct kept **out,
		struct fault *f)
{
	char *key = xasprintf("%s\n%s\n%s", leg->config->name, leg->config->path, leg->tenant);
	struct kept *k = place_for(pool, key);

	if (k->connection) {
		free(key);
		*out = k;
		return 0;
	}
	k->ops = ops_of(leg->config->type);
	k->key = key;
	if (k->ops->connect(leg->config, leg->tenant, &k->connection, f) < 0) {
		k->connection = NULL;
		forget(k);
		return -1;
	}
	*out = k;
	return 0;
}

static struct kept *kept_of(const struct sink *s)
{
	for (size_t i = 0; i < KEPT; i++)
		if (s->pool->kept[i].connection == s->connection)
			return &s->pool->kept[i];
	CHECK(!"a sink without its connection");
	return NULL;
}

int sink_open(struct sink_pool *pool, const struct sink_leg *leg, struct sink **out,
	      struct fault *f)
{
	struct kept *k;
	struct sink *s;

	CHECK(leg->config && leg->tenant && leg->index && leg->delivery);
	if (take(pool, leg, &k, f) < 0)
		return -1;
	if (k->ops->open(k->connection, leg, &s, f) < 0) {
		forget(k);
		return -1;
	}
	s->ops = k->ops;
	s->leg = *leg;
	s->pool = pool;
	s->connection = k->connection;
	k->busy = true;
	*out = s;
	return 0;
}

void sink_close(struct sink **sp)
{
	struct sink *s = *sp;
	struct kept *k;
	bool broken;

	if (!s)
		return;
	k = kept_of(s);
	broken = s->broken;
	s->ops->close(s);
	k->busy = false;
	if (broken)
		forget(k);
	*sp = NULL;
}

int sink_put(struct sink *s, uint64_t row, unsigned part, const struct event *ev, struct fault *f)
{
	CHECK(row > 0 && s->leg.mapping && s->leg.answer);
	return s->ops->put(s, row, part, ev, f);
}

int sink_flush(struct sink *s, struct fault *f)
{
	return s->ops->flush(s, f);
}

int sink_undo(struct sink *s, uint64_t rows, uint64_t *deleted, struct fault *f)
{
	CHECK(s->pending == 0);
	return s->ops->undo(s, rows, deleted, f);
}

size_t sink_pending(const struct sink *s)
{
	return s->pending;
}

uint64_t sink_oldest_pending(const struct sink *s)
{
	return s->oldest;
}

const struct sink_stats *sink_stats(const struct sink *s)
{
	return &s->stats;
}

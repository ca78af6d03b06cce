/*
 * sink - the door of all sinks: which operations, which connection
 *
 * Called by the worker.  A pool keeps one connection for each (sink, path) of its tenant between
 * files; a connection that broke or whose store is gone is closed and made anew.  Owns connections;
 * fails as the sinks do.
 */
#include "watcher/base/base.h"
#include "watcher/base/map.h"
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
	bool grouping;
	bool lost; /* a connection went away in the group, and what it held with it */
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

static void forget(struct sink_pool *pool, struct kept *k)
{
	pool->lost = pool->lost || (pool->grouping && k->connection);
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
		forget(*pool, &(*pool)->kept[i]);
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
			forget(pool, k);
		}
		if (!k->busy && (!spare || (spare->key && !k->key)))
			spare = k;
	}
	CHECK(spare);
	forget(pool, spare);
	return spare;
}

/* A connection is of one place and one credential; of the secrets only a seeded hash is in the key. */
static char *key_of(const struct sink_leg *leg)
{
	const struct sink_access *a = leg->access;
	struct strbuf all = STRBUF_INIT;
	char *key;

	for (size_t i = 0; a && i < a->url_count; i++)
		strbuf_addf(&all, "%s\n", a->urls[i]);
	if (a)
		strbuf_addf(&all, "%s\n%s\n%s\n%s\n%s\n%s", a->username ? a->username : "",
			    a->password ? a->password : "", a->api_key ? a->api_key : "",
			    a->ca ? a->ca : "", a->cert ? a->cert : "", a->key ? a->key : "");
	key = xasprintf("%s\n%s\n%s\n%llx", leg->config->name, leg->config->path ? leg->config->path : "",
			leg->tenant, (unsigned long long)map_hash(strbuf_span(&all)));
	explicit_bzero(all.p, all.n);
	strbuf_release(&all);
	return key;
}

static int take(struct sink_pool *pool, const struct sink_leg *leg, struct kept **out,
		struct fault *f)
{
	char *key = key_of(leg);
	struct kept *k = place_for(pool, key);

	if (k->connection) {
		free(key);
		*out = k;
		return 0;
	}
	k->ops = ops_of(leg->config->type);
	k->key = key;
	if (k->ops->connect(leg, &k->connection, f) < 0) {
		k->connection = NULL;
		forget(pool, k);
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

static bool leg_whole(const struct sink_leg *leg)
{
	bool server = leg->config && leg->config->type == SINK_ELASTICSEARCH;

	return leg->config && leg->tenant && leg->index && leg->delivery && (!server || leg->access);
}

int sink_resolve(struct sink_pool *pool, const struct sink_leg *leg, char **index, struct fault *f)
{
	struct kept *k;

	CHECK(leg_whole(leg) && leg->mapping);
	if (!ops_of(leg->config->type)->resolve) {
		*index = xstrdup(leg->index);
		return 0;
	}
	if (take(pool, leg, &k, f) < 0)
		return -1;
	return k->ops->resolve(k->connection, leg, index, f);
}

int sink_open(struct sink_pool *pool, const struct sink_leg *leg, struct sink **out,
	      struct fault *f)
{
	struct kept *k;
	struct sink *s;

	CHECK(leg_whole(leg));
	if (take(pool, leg, &k, f) < 0)
		return -1;
	if (k->ops->open(k->connection, leg, &s, f) < 0) {
		forget(pool, k);
		return -1;
	}
	s->ops = k->ops;
	s->leg = *leg;
	s->pool = pool;
	s->connection = k->connection;
	s->grouped = pool->grouping;
	CHECK(!s->grouped || k->ops->end_group);
	k->busy = true;
	*out = s;
	return 0;
}

void sink_close(struct sink **sp)
{
	struct sink *s = *sp;
	struct sink_pool *pool;
	struct kept *k;
	bool broken;

	if (!s)
		return;
	k = kept_of(s);
	pool = s->pool;
	broken = s->broken;
	s->ops->close(s);
	k->busy = false;
	if (broken)
		forget(pool, k);
	*sp = NULL;
}

int sink_put(struct sink *s, uint64_t row, unsigned part, const struct event *ev, struct fault *f)
{
	CHECK(row > 0 && s->leg.mapping && s->leg.answer);
	return s->ops->put(s, row, part, ev, f);
}

bool sink_takes_text(const struct sink *s)
{
	return s->ops->takes_text && s->ops->takes_text(s);
}

struct strbuf *sink_text(struct sink *s, uint64_t row)
{
	CHECK(row > 0 && s->leg.mapping && s->leg.answer);
	return s->ops->text(s, row);
}

int sink_text_put(struct sink *s, struct fault *f)
{
	return s->ops->text_put(s, f);
}

bool sink_takes_values(struct sink *s, const struct span *names, size_t count)
{
	return s->ops->takes_values && s->ops->takes_values(s, names, count);
}

int sink_put_values(struct sink *s, uint64_t row, const struct sink_values *v, struct fault *f)
{
	CHECK(row > 0 && s->leg.mapping && s->leg.answer);
	return s->ops->put_values(s, row, v, f);
}

int sink_tend(struct sink *s, bool hurry, struct fault *f)
{
	if (s->ops->tend)
		return s->ops->tend(s, hurry, f);
	return hurry ? s->ops->flush(s, f) : 0;
}

int sink_flush(struct sink *s, struct fault *f)
{
	return s->ops->flush(s, f);
}

int sink_remove(struct sink *s, uint64_t row, unsigned part, struct fault *f)
{
	CHECK(row > 0);
	return s->ops->remove(s, row, part, f);
}

bool sink_undo_by_rows(const struct sink *s)
{
	return s->ops->undo_by_rows;
}

int sink_undo(struct sink *s, uint64_t rows, uint64_t *deleted, struct fault *f)
{
	return s->ops->undo(s, rows, deleted, f);
}

int sink_count(struct sink *s, uint64_t rows, uint64_t *found, struct fault *f)
{
	CHECK(sink_pending(s) == 0);
	return s->ops->count(s, rows, found, f);
}

size_t sink_pending(const struct sink *s)
{
	return s->pending;
}

uint64_t sink_oldest_pending(const struct sink *s)
{
	return s->oldest;
}

void sink_group_begin(struct sink_pool *pool)
{
	CHECK(!pool->grouping);
	pool->grouping = true;
	pool->lost = false;
}

static int end_group(struct sink_pool *pool, bool keep, struct fault *f)
{
	int r = 0;

	CHECK(pool->grouping);
	pool->grouping = false;
	for (size_t i = 0; i < KEPT; i++) {
		struct kept *k = &pool->kept[i];

		CHECK(!k->busy);
		if (k->connection && k->ops->end_group && k->ops->end_group(k->connection, keep && r == 0, f) < 0)
			r = -1;
	}
	return r;
}

int sink_group_end(struct sink_pool *pool, struct fault *f)
{
	if (!pool->lost)
		return end_group(pool, true, f);
	sink_group_drop(pool);
	return fault_set(f, FAULT_TEMPORARY, "a connection to the store was lost");
}

void sink_group_drop(struct sink_pool *pool)
{
	struct fault ignored = FAULT_INIT;

	(void)!end_group(pool, false, &ignored);
}

const struct sink_stats *sink_stats(const struct sink *s)
{
	return &s->stats;
}

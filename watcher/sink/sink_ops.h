/*
 * sink_ops - what a sink is made of; only sink.c and the sinks include this
 *
 *	connect       makes a connection, which the pool keeps between files
 *	usable        false: the store behind a kept connection is gone, it is replaced
 *	resolve       NULL: the index is the one that was named
 *	open          makes the sink's own struct; sink.c then sets ops, leg, pool, connection
 *	put, flush, remove, undo, count
 *	end_group     makes durable (keep) or drops what grouped sinks flushed; NULL: it has no groups
 *	close         frees the struct; the connection stays
 *	disconnect
 *
 * A sink calls leg.answer for each document and keeps `pending` and `oldest` true.  It sets `broken`
 * when the connection must not be used again.
 */
#ifndef SINK_SINK_OPS_H
#define SINK_SINK_OPS_H

#include "watcher/sink/sink.h"

struct sink_ops {
	int (*connect)(const struct sink_leg *leg, void **connection, struct fault *f);
	bool (*usable)(const void *connection);
	void (*disconnect)(void *connection);
	int (*resolve)(void *connection, const struct sink_leg *leg, char **index, struct fault *f);
	int (*open)(void *connection, const struct sink_leg *leg, struct sink **out,
		    struct fault *f);
	int (*put)(struct sink *s, uint64_t row, unsigned part, const struct event *ev,
		   struct fault *f);
	/* all three NULL: every row comes as an event */
	bool (*takes_text)(const struct sink *s);
	struct strbuf *(*text)(struct sink *s, uint64_t row);
	int (*text_put)(struct sink *s, struct fault *f);
	/* both NULL: no row comes as values */
	bool (*takes_values)(struct sink *s, const struct span *names, size_t count);
	int (*put_values)(struct sink *s, uint64_t row, const struct sink_values *v, struct fault *f);
	/* NULL: what hurries is flushed */
	int (*tend)(struct sink *s, bool hurry, struct fault *f);
	int (*flush)(struct sink *s, struct fault *f);
	int (*remove)(struct sink *s, uint64_t row, unsigned part, struct fault *f);
	int (*undo)(struct sink *s, uint64_t rows, uint64_t *deleted, struct fault *f);
	int (*count)(struct sink *s, uint64_t rows, uint64_t *found, struct fault *f);
	int (*end_group)(void *connection, bool keep, struct fault *f);
	void (*close)(struct sink *s);
	bool undo_by_rows;
};

/* The head of every sink's own struct. */
struct sink {
	const struct sink_ops *ops;
	struct sink_leg leg;
	struct sink_pool *pool;
	void *connection;
	struct sink_stats stats;
	size_t pending;
	uint64_t oldest; /* first row put and not answered, 0: none */
	bool broken;
	bool grouped; /* what it flushes holds when the group ends */
};

#define SINK(type, ops, sentence) extern const struct sink_ops ops;
#include "watcher/sink/sinks.def"
#undef SINK

#endif

/*
 * sink_elasticsearch - Elasticsearch and OpenSearch: rows by bulk, op create, under our own ids
 *
 * Called through sink.c.  The parts are listed in sink_elasticsearch_own.h.  201 and 409 both mean "there": that is why a request may
 * be sent again whenever its fate is unknown.  An index is made from the job's mappings and settings when it is not there, and never
 * removed.  Owns the connection's nodes and spare bodies.
 */
#include "watcher/base/base.h"
#include "watcher/base/crash.h"
#include "watcher/base/json_out.h"
#include "watcher/model/resources.h"
#include "watcher/sink/sink_elasticsearch_own.h"

#define FILTER "filter_path=took,errors,items.*._id,items.*.status,items.*.error"
#define SERVER_TIMEOUT "timeout=8s" /* of a shard that is away: so the server says why before we stop waiting */

static int connect_es(const struct sink_leg *leg, void **connection, struct fault *f)
{
	const struct sink_access *a = leg->access;
	struct http_options o = {
		.ca = span_of(a->ca), .cert = span_of(a->cert), .key = span_of(a->key),
		.username = a->username, .password = a->password, .api_key = a->api_key,
	};
	const struct resource_class *medium = resources_of(RESOURCES_MEDIUM);
	struct es *es = xcalloc(1, sizeof(*es));

	(void)f;
	CHECK(a->url_count > 0);
	es->name = xstrdup(leg->config->name);
	es->http = http_new(&o);
	es_nodes_init(&es->nodes, a->urls, a->url_count);
	pace_init(&es->pace, (leg->bulk_bytes ? leg->bulk_bytes : medium->bulk_bytes) - ES_BODY_SPARE,
		  leg->requests ? leg->requests : medium->requests);
	*connection = es;
	return 0;
}

static bool usable_es(const void *connection)
{
	(void)connection;
	return true;
}

static void disconnect_es(void *connection)
{
	struct es *es = connection;

	while (es->spare) {
		struct bulk *b = es->spare;

		es->spare = b->next;
		bulk_free(&b);
	}
	http_free(&es->http);
	es_nodes_release(&es->nodes);
	free(es->asked);
	free(es->name);
	free(es);
}

static char *bulk_path(const struct sink_leg *leg, bool piped)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_addc(&sb, '/');
	es_add_segment(&sb, leg->index);
	strbuf_adds(&sb, "/_bulk?" SERVER_TIMEOUT "&" FILTER);
	if (piped)
		strbuf_adds(&sb, ",items.*._index");
	if (leg->pipeline && leg->mapping) {
		strbuf_adds(&sb, "&pipeline=");
		es_add_segment(&sb, leg->pipeline);
	}
	return strbuf_detach(&sb);
}

static void take_up(struct es *es, const struct sink_leg *leg)
{
	es->waits = leg->waits;
	es->context = leg->context;
}

static int resolve_es(void *connection, const struct sink_leg *leg, char **index, struct fault *f)
{
	take_up(connection, leg);
	return es_index_resolve(connection, leg, index, f);
}

static int open_es(void *connection, const struct sink_leg *leg, struct sink **out, struct fault *f)
{
	struct sink_es *s;

	take_up(connection, leg);
	if (leg->mapping && es_index_open(connection, leg, f) < 0)
		return -1;
	s = xcalloc(1, sizeof(*s));
	s->es = connection;
	s->piped = leg->mapping && (leg->pipeline || s->es->piped);
	s->path = bulk_path(leg, s->piped);
	s->patience_ms = leg->patience_ms ? leg->patience_ms : ES_PATIENCE_MS;
	/* a probe of a sink that was sick */
	if (leg->patience_ms)
		pace_careful(&s->es->pace);
	s->trouble = s->moved = (struct fault)FAULT_INIT;
	strbuf_init(&s->text);
	strbuf_init(&s->strays);
	*out = &s->head;
	return 0;
}

static int put_es(struct sink *s, uint64_t row, unsigned part, const struct event *ev, struct fault *f)
{
	return es_put((struct sink_es *)s, row, part, ev, f);
}

/* A pipeline may take fields of an event for the document's place: those are looked for. */
static bool takes_text_es(const struct sink *s)
{
	return !((const struct sink_es *)s)->piped;
}

static struct strbuf *text_es(struct sink *s, uint64_t row)
{
	return es_text((struct sink_es *)s, row);
}

static int text_put_es(struct sink *s, struct fault *f)
{
	return es_text_put((struct sink_es *)s, f);
}

static int tend_es(struct sink *s, bool hurry, struct fault *f)
{
	return es_tend((struct sink_es *)s, hurry, f);
}

static int flush_es(struct sink *s, struct fault *f)
{
	return es_flush((struct sink_es *)s, f);
}

static int remove_es(struct sink *s, uint64_t row, unsigned part, struct fault *f)
{
	return es_put((struct sink_es *)s, row, part, NULL, f);
}

/* By ids: rows 1..rows, and what the caller removed by itself before (the parts of split rows). */
static int undo_es(struct sink *s, uint64_t rows, uint64_t *deleted, struct fault *f)
{
	struct sink_es *se = (struct sink_es *)s;
	bool exists;

	if (es_index_exists(se->es, &s->leg, &exists, f) < 0)
		return -1;
	for (uint64_t row = 1; exists && row <= rows; row++)
		if (es_put(se, row, 0, NULL, f) < 0)
			return -1;
	if (exists && es_flush(se, f) < 0)
		return -1;
	*deleted = se->removed;
	return 0;
}

static int count_es(struct sink *s, uint64_t rows, uint64_t *found, struct fault *f)
{
	return es_count((struct sink_es *)s, rows, found, f);
}

static void close_es(struct sink *s)
{
	struct sink_es *se = (struct sink_es *)s;

	es_cancel(se);
	strbuf_release(&se->text);
	strbuf_release(&se->strays);
	free(se->items);
	free(se->keep);
	free(se->path);
	free(se);
}

const struct sink_ops sink_elasticsearch_ops = {
	.connect = connect_es,
	.usable = usable_es,
	.disconnect = disconnect_es,
	.resolve = resolve_es,
	.open = open_es,
	.put = put_es,
	.takes_text = takes_text_es,
	.text = text_es,
	.text_put = text_put_es,
	.tend = tend_es,
	.flush = flush_es,
	.remove = remove_es,
	.undo = undo_es,
	.count = count_es,
	.close = close_es,
	.undo_by_rows = true,
};

/*
 * sink_elasticsearch_count - how many of a delivery's documents are there, by their recomputed ids
 *
 * Called through sink.c for the check of the journal.  Asks by _mget, which sees what no refresh has shown yet; a row that is not there
 * under its own id may have been split: its parts are asked for, one after another, until one is missing.  Owns nothing between calls.
 */
#include "watcher/base/base.h"
#include "watcher/base/json_in.h"
#include "watcher/base/json_out.h"
#include "watcher/sink/document_id.h"
#include "watcher/sink/sink_elasticsearch_own.h"

#define IDS_MAX 1000
#define PATH_TAIL "/_mget?_source=false&filter_path=docs._id,docs.found,docs.error.type"

struct asked_row {
	uint64_t row;
	unsigned part;
};

struct counting {
	struct sink_es *s;
	char *path;
	struct asked_row list[IDS_MAX]; /* of the next request */
	size_t n;
	uint64_t found;
};

static void write_ids(const struct counting *c, struct strbuf *body)
{
	strbuf_adds(body, "{\"ids\":[");
	for (size_t i = 0; i < c->n; i++) {
		char id[DOCUMENT_ID_TEXT];
		size_t n = document_id(c->s->head.leg.delivery, c->list[i].row, c->list[i].part, id);

		json_add_comma(body);
		json_add_string(body, (struct span){id, n});
	}
	strbuf_adds(body, "]}");
}

/* false: the server does not say; the index is closed, say, or its shard is away. */
static bool item_found(struct json_in *in, bool *found)
{
	struct span key;
	bool said = false;

	if (!json_in_object(in))
		return false;
	while (json_in_key(in, &key)) {
		if (span_is(key, "found"))
			said = json_in_bool(in, found);
		else
			(void)json_in_skip(in);
	}
	return said;
}

/* found[i] for each id that was asked for, in that order; -1: it is not the answer to it. */
static int read_answer(const struct counting *c, struct span text, bool found[IDS_MAX], struct fault *f)
{
	struct span docs = json_in_member(text, "docs");
	struct json_in in;
	bool all = true;
	size_t n = 0;

	json_in_init(&in, docs);
	if (docs.p && json_in_array(&in))
		for (; n < c->n && json_in_item(&in); n++)
			all = item_found(&in, &found[n]) && all;
	if (docs.p && n == c->n && !all)
		return fault_set(f, FAULT_TEMPORARY, "sink %s: the server cannot say of every document of index %s whether it is there",
				 c->s->es->name, c->s->head.leg.index);
	if (docs.p && n == c->n && !json_in_item(&in) && json_in_end(&in))
		return 0;
	return fault_set(f, FAULT_TEMPORARY, "sink %s: the answer to _mget is not about the %zu ids of the question",
			 c->s->es->name, c->n);
}

static int ask(struct counting *c, bool found[IDS_MAX], struct fault *f)
{
	struct strbuf body = STRBUF_INIT;
	struct http_call call;
	int r;

	write_ids(c, &body);
	r = es_ask(c->s->es, "POST", c->path, strbuf_span(&body), c->s->patience_ms, &call, f);
	if (r == 0 && call.status != 200)
		r = es_fault_status(c->s->es, &call, SCOPE_INDEX, f);
	if (r == 0)
		r = read_answer(c, strbuf_span(&call.answer), found, f);
	http_call_release(&call);
	strbuf_release(&body);
	return r;
}

/* What is not there as a whole row, and what is there as a part, leaves its next part in the list. */
static int ask_all(struct counting *c, struct fault *f)
{
	bool found[IDS_MAX];
	size_t kept = 0;

	if (ask(c, found, f) < 0)
		return -1;
	for (size_t i = 0; i < c->n; i++) {
		struct asked_row a = c->list[i];

		c->found += found[i];
		if (found[i] == (a.part > 0))
			c->list[kept++] = (struct asked_row){a.row, a.part + 1};
	}
	c->n = kept;
	return 0;
}

int es_count(struct sink_es *s, uint64_t rows, uint64_t *found, struct fault *f)
{
	struct counting *c = xcalloc(1, sizeof(*c));
	struct strbuf path = STRBUF_INIT;
	bool exists = false;
	int r = es_index_exists(s->es, &s->head.leg, &exists, f);

	strbuf_addc(&path, '/');
	es_add_segment(&path, s->head.leg.index);
	strbuf_adds(&path, PATH_TAIL);
	c->s = s;
	c->path = path.p;
	for (uint64_t row = 1; r == 0 && exists && (row <= rows || c->n);) {
		while (row <= rows && c->n < IDS_MAX)
			c->list[c->n++] = (struct asked_row){row++, 0};
		r = ask_all(c, f);
		if (r == 0 && s->head.leg.tick)
			r = s->head.leg.tick(s->head.leg.context, f);
	}
	*found = c->found;
	strbuf_release(&path);
	free(c);
	return r;
}

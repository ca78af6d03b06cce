/*
 * sink_elasticsearch_answer - what the server says of each document of a bulk
 *
 * Called for each bulk that came back with HTTP 200, which says nothing yet.  Items answered must be items sent, each in its place and
 * under its id: a middle-man that cuts, mixes or makes up answers must not make a row look stored.  Source: Elasticsearch
 * reference, "Bulk API".
 */
#include "watcher/base/base.h"
#include "watcher/base/json_in.h"
#include "watcher/sink/sink_elasticsearch_own.h"

static int PRINTF_LIKE(2, 3) wrong(char why[128], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, 128, fmt, ap);
	va_end(ap);
	return -1;
}

/* An id of this delivery in another's place is a mixed answer; any other id is one that a pipeline gave the document. */
static bool is_ours(struct span got, struct span id)
{
	/* the last one: a delivery may hold others */
	const char *dash = memrchr(id.p, '-', id.n);
	size_t n = dash ? (size_t)(dash + 1 - id.p) : id.n;

	return got.n >= n && memcmp(got.p, id.p, n) == 0;
}

/* {"_index": "...", "status": 201, "_id": "...", "error": {...}} */
static bool read_item(struct json_in *in, struct span id, const char *index, struct answer_item *item)
{
	uint64_t status = 0;
	struct span key;

	*item = (struct answer_item){.error = SPAN_NONE};
	if (!json_in_object(in))
		return false;
	while (json_in_key(in, &key)) {
		if (span_is(key, "status"))
			(void)json_in_u64(in, &status);
		else if (span_is(key, "_id"))
			(void)json_in_string(in, &item->id);
		else if (span_is(key, "_index"))
			(void)json_in_string(in, &item->index);
		else if (span_is(key, "error"))
			item->error = json_in_skip(in);
		else
			json_in_skip(in);
	}
	item->status = (unsigned)status;
	if (!item->id.p || status < 200 || status >= 600)
		return false;
	if (span_equal(item->id, id)) {
		item->moved = index && item->index.p && !span_is(item->index, index);
		return true;
	}
	item->moved = index && item->index.p && !is_ours(item->id, id);
	return item->moved;
}

/* What nearly every item is, word for word. */
static bool created(struct json_in *in, struct span id, struct answer_item *item)
{
	const struct span parts[] = {SPAN_LITERAL("{\"create\":{\"_id\":\""), id, SPAN_LITERAL("\",\"status\":201}}")};

	if (!json_in_just(in, parts, ARRAY_LEN(parts)))
		return false;
	*item = (struct answer_item){.status = 201, .error = SPAN_NONE};
	return true;
}

static bool read_any(struct json_in *in, bool remove, struct span id, const char *index, struct answer_item *item)
{
	struct span op;

	return json_in_object(in) && json_in_key(in, &op) && span_is(op, remove ? "delete" : "create") &&
	       read_item(in, id, index, item) && !json_in_key(in, &op);
}

static int read_items(struct json_in *in, const struct bulk *b, const struct answer_to *to, struct answer_item *items,
		      char why[128])
{
	struct document_ids ids = {.row = 0};
	size_t n = 0;

	if (!json_in_array(in))
		return wrong(why, "it has no items");
	while (json_in_item(in)) {
		const struct bulk_document *d = &b->documents[n];
		struct span id;

		if (n == b->len)
			return wrong(why, "it has more than the %zu items that were sent", b->len);
		/* made again: the body that went out is cold by now */
		id = document_ids_at(&ids, to->delivery, d->row, d->part);
		if ((d->remove || to->index || !created(in, id, &items[n])) &&
		    !read_any(in, d->remove, id, to->index, &items[n]))
			return wrong(why, "item %zu of %zu is not the answer to what was sent", n + 1, b->len);
		n++;
	}
	if (n != b->len)
		return wrong(why, "it has %zu items, %zu were sent", n, b->len);
	return 0;
}

int answer_read(struct span text, const struct bulk *b, const struct answer_to *to, struct answer_item *items,
		char why[128])
{
	struct json_in in;
	struct span key;
	bool found = false;

	json_in_init(&in, text);
	if (!json_in_object(&in))
		return wrong(why, "it is no JSON object");
	while (json_in_key(&in, &key)) {
		if (!found && span_is(key, "items")) {
			if (read_items(&in, b, to, items, why) < 0)
				return -1;
			found = true;
		} else {
			json_in_skip(&in);
		}
	}
	if (!json_in_end(&in))
		return wrong(why, "its JSON is broken at byte %zu of %zu", (size_t)(in.p - text.p), text.n);
	return found ? 0 : wrong(why, "it has no items");
}

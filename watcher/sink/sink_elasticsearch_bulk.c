/*
 * sink_elasticsearch_bulk - documents on their way: the body of one request, built in place
 *
 * Called for every document; nothing is allocated but the buffers' growth.  A document is its action line and, unless it is to be
 * removed, one line of JSON.  The index stands in the request's path.
 */
#include "watcher/base/base.h"
#include "watcher/sink/sink_elasticsearch_own.h"

#define CREATE "{\"create\":{\"_id\":\""
#define DOCUMENT_MOST ((1u << 30) - 1)
#define REMOVE "{\"delete\":{\"_id\":\""

struct bulk *bulk_new(void)
{
	struct bulk *b = xcalloc(1, sizeof(*b));

	strbuf_init(&b->body);
	strbuf_init(&b->call.answer);
	return b;
}

void bulk_free(struct bulk **bp)
{
	struct bulk *b = *bp;

	if (!b)
		return;
	http_call_release(&b->call);
	strbuf_release(&b->body);
	free(b->documents);
	free(b->url);
	free(b);
	*bp = NULL;
}

void bulk_reset(struct bulk *b)
{
	strbuf_reset(&b->body);
	b->len = 0;
	b->ids.row = 0;
	b->tries = b->outs = 0;
	b->expect = false;
	b->not_before = 0;
	b->state = BULK_FILLING;
}

void bulk_begin(struct bulk *b, const char *delivery, uint64_t row, unsigned part, bool remove)
{
	struct span id = document_ids_at(&b->ids, delivery, row, part);

	if (b->len == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 64;
		b->documents = xrealloc(b->documents, b->cap * sizeof(*b->documents));
	}
	b->documents[b->len] = (struct bulk_document){.row = row, .part = part, .remove = remove};
	b->begun = b->body.n;
	strbuf_addspan(&b->body, remove ? SPAN_LITERAL(REMOVE) : SPAN_LITERAL(CREATE));
	strbuf_addspan(&b->body, id);
	strbuf_addspan(&b->body, SPAN_LITERAL("\"}}\n"));
}

size_t bulk_end(struct bulk *b)
{
	struct bulk_document *d = &b->documents[b->len++];

	if (!d->remove)
		strbuf_addc(&b->body, '\n');
	CHECK(b->body.n - b->begun <= DOCUMENT_MOST);
	d->bytes = (uint32_t)(b->body.n - b->begun) & DOCUMENT_MOST;
	return d->bytes;
}

void bulk_keep(struct bulk *b, const bool *keep)
{
	size_t from = 0, to = 0, n = 0;

	for (size_t i = 0; i < b->len; i++) {
		struct bulk_document d = b->documents[i];

		if (keep[i]) {
			memmove(b->body.p + to, b->body.p + from, d.bytes);
			to += d.bytes;
			b->documents[n++] = d;
		}
		from += d.bytes;
	}
	strbuf_cut(&b->body, to);
	b->len = n;
}

void bulk_split(struct bulk *b, struct bulk *half)
{
	size_t bytes = 0, first = 0;

	CHECK(b->len > 1 && half->len == 0);
	while (first < b->len - 1 && bytes < b->body.n / 2)
		bytes += b->documents[first++].bytes;
	if (first == 0)
		bytes += b->documents[first++].bytes;
	for (size_t i = first; i < b->len; i++) {
		if (half->len == half->cap) {
			half->cap = half->cap ? half->cap * 2 : 64;
			half->documents = xrealloc(half->documents, half->cap * sizeof(*half->documents));
		}
		half->documents[half->len++] = b->documents[i];
	}
	strbuf_add(&half->body, b->body.p + bytes, b->body.n - bytes);
	strbuf_cut(&b->body, bytes);
	b->len = first;
}

/*
 * sink_elasticsearch_verdict - what becomes of one document, by its item's status
 *
 * Called by the flight for each item of an answer.  Judged by status; the server's type and reason are shown, and decide only where a
 * status means two things: a block of the index (403, 429), a pipeline that is gone (400), a pipeline's own `fail` (500).
 */
#include "watcher/base/base.h"
#include "watcher/base/json_in.h"
#include "watcher/sink/sink_elasticsearch_own.h"

void es_answer(struct sink_es *s, const struct bulk_document *d, enum sink_verdict verdict,
	       struct span column, struct span text)
{
	struct sink_answer a = {d->row, d->part, verdict, column, text};

	s->head.leg.answer(s->head.leg.context, &a);
}

/* "... field [max_cpu] of type ..." */
static struct span field_of(struct span text)
{
	static const char mark[] = "field [";
	const char *p = memmem(text.p, text.n, mark, sizeof(mark) - 1), *end;

	if (!p)
		return SPAN_NONE;
	p += sizeof(mark) - 1;
	end = memchr(p, ']', (size_t)(text.p + text.n - p));
	return end ? (struct span){p, (size_t)(end - p)} : SPAN_NONE;
}

static void refuse(struct sink_es *s, const struct bulk_document *d, struct span error)
{
	strbuf_reset(&s->text);
	es_add_reason(&s->text, error);
	if (!s->text.n)
		strbuf_adds(&s->text, "the server refuses the document and does not say why");
	es_answer(s, d, SINK_REJECTED, field_of(strbuf_span(&s->text)), strbuf_span(&s->text));
}

static struct span type_of(struct span error)
{
	struct json_in in;
	struct span raw = SPAN_NONE;

	json_in_init(&in, json_in_member(error, "type"));
	(void)json_in_string(&in, &raw);
	return raw;
}

/* Why this document was not taken; it is tried again, or the leg is given up. */
static void note_trouble(struct sink_es *s, const struct answer_item *item)
{
	bool key = (item->status == 401 || item->status == 403) &&
		   !span_is(type_of(item->error), "cluster_block_exception");

	strbuf_reset(&s->text);
	es_add_reason(&s->text, item->error);
	fault_set(&s->trouble, key ? FAULT_KEY : FAULT_TEMPORARY, "sink %s: index %s: documents are answered %u: %s",
		  s->es->name, s->head.leg.index, item->status, s->text.n ? s->text.p : "no reason given");
	s->trouble.scope = SCOPE_INDEX;
	s->trouble.pause_ms = 0;
}

/* The pipeline is gone, or the index, or it is closed: that is no fault of the document. */
static bool is_setup(const struct answer_item *item)
{
	struct span e = item->error;

	if (item->status == 404 || span_is(type_of(e), "index_closed_exception"))
		return true;
	return span_is(type_of(e), "illegal_argument_exception") &&
	       memmem(e.p, e.n, "pipeline with id [", 18) != NULL;
}

enum item_way es_judge(struct sink_es *s, const struct bulk_document *d, const struct answer_item *item)
{
	/* 409: it was, by a request whose answer did not come */
	if (item->moved && (item->status < 300 || item->status == 409)) {
		es_moved_note(s, d, item);
		return ITEM_AGAIN;
	}
	if (d->remove && (item->status == 200 || item->status == 404)) {
		s->removed += item->status == 200;
		return ITEM_ANSWERED;
	}
	if (item->status == 409 && !d->remove) {
		es_answer(s, d, d->unsure ? SINK_INDEXED : SINK_ALREADY, SPAN_NONE, SPAN_NONE);
		return ITEM_ANSWERED;
	}
	if (item->status == 201 && !d->remove) {
		es_answer(s, d, SINK_INDEXED, SPAN_NONE, SPAN_NONE);
		return ITEM_ANSWERED;
	}
	/* what is created is answered 201; 200 is the noop of a pipeline's `drop`: it is nowhere, and the books must say so */
	if (item->status < 300 && !d->remove) {
		es_answer(s, d, SINK_REJECTED, SPAN_NONE, SPAN_LITERAL("the index's ingest pipeline dropped the document"));
		return ITEM_ANSWERED;
	}
	if (item->status == 401 || item->status == 403 || is_setup(item)) {
		note_trouble(s, item);
		return ITEM_STOP;
	}
	if (d->remove || es_is_busy((long)item->status)) {
		/* a pipeline's `fail` comes as 500 and is about this document */
		if (!d->remove && span_is(type_of(item->error), "fail_processor_exception")) {
			refuse(s, d, item->error);
			return ITEM_ANSWERED;
		}
		note_trouble(s, item);
		return ITEM_AGAIN;
	}
	refuse(s, d, item->error);
	return ITEM_ANSWERED;
}

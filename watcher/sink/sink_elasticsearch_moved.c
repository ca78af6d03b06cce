/*
 * sink_elasticsearch_moved - documents that an ingest pipeline put elsewhere
 *
 * Called by the verdict for each of them and by the flight: for each event, some of which are refused for what they would do, and when
 * nothing is under way any more.  A pipeline that sets _index or _id takes
 * documents out of the reach of undo, which knows the index that was pinned and the ids that were made, and two rows that it gives one id
 * are one document.  So the leg ends with a fault that names the move, and what this leg created elsewhere is removed there; what was
 * there before (409) is not ours, unless it has the id that we made.
 */
#include "watcher/base/base.h"
#include "watcher/base/json_in.h"
#include "watcher/sink/sink_elasticsearch_own.h"

void es_moved_note(struct sink_es *s, const struct bulk_document *d, const struct answer_item *item)
{
	struct strbuf who = STRBUF_INIT;
	char id[DOCUMENT_ID_TEXT];

	(void)document_id(s->head.leg.delivery, d->row, d->part, id);
	if (item->status == 201 || span_is(item->id, id))
		strbuf_addf(&s->strays, "{\"delete\":{\"_index\":\"%.*s\",\"_id\":\"%.*s\"}}\n", SPAN_FMT(item->index),
			    SPAN_FMT(item->id));
	if (s->moved.kind != FAULT_NONE)
		return;
	s->moved.scope = SCOPE_FILE;
	if (s->head.leg.pipeline)
		strbuf_addf(&who, "ingest pipeline \"%s\", or one of the index's own,", s->head.leg.pipeline);
	else
		strbuf_adds(&who, "the index's default_pipeline or final_pipeline");
	fault_set(&s->moved, FAULT_CONFIG,
		  "sink %s: %s moves documents: %s of index %s is %.*s of index %.*s; a pipeline must "
		  "leave _index and _id alone, since rows are taken back by them",
		  s->es->name, who.p, id, s->head.leg.index, SPAN_FMT(item->id), SPAN_FMT(item->index));
	strbuf_release(&who);
}

static bool take_back(struct sink_es *s)
{
	struct fault f = FAULT_INIT;
	struct http_call call;
	bool all;
	int r = es_ask(s->es, "POST", "/_bulk?filter_path=errors", strbuf_span(&s->strays), s->patience_ms, &call, &f);

	all = r == 0 && call.status == 200 &&
	      span_is(json_in_member(strbuf_span(&call.answer), "errors"), "false");
	http_call_release(&call);
	return all;
}

int es_moved_end(struct sink_es *s, struct fault *f)
{
	*f = s->moved;
	if (s->strays.n && !take_back(s))
		fault_set(f, FAULT_CONFIG, "%s; what was stored there could not be removed", s->moved.text);
	return -1;
}

/* With a pipeline these are the document's place, not fields of it: it would go where its id does not reach it. */
static const char *metadata_of(const struct event *ev)
{
	static const char *const names[] = {"_id", "_index", "_routing", "_type", "_version", "_version_type", "_if_seq_no",
					    "_if_primary_term", "_dynamic_templates", "_op_type", "_require_alias"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (event_get(ev, span_of(names[i])))
			return names[i];
	return NULL;
}

bool es_refuse_metadata(struct sink_es *s, uint64_t row, unsigned part, const struct event *ev)
{
	const struct bulk_document d = {.row = row, .part = part};
	const char *name = s->piped ? metadata_of(ev) : NULL;

	if (name)
		es_answer(s, &d, SINK_REJECTED, span_of(name),
			  SPAN_LITERAL("with an ingest pipeline a field of this name would move the document; rename it"));
	return name != NULL;
}

/*
 * row - one record to one document; see the header
 *
 * Called for each record by the gate, the load and --convert.  Nothing is allocated a row: the arena is reset.
 */
#include "watcher/base/base.h"
#include "watcher/worker/row.h"
#include "watcher/base/crash.h"
#include "transforms/typed.h"
#include "watcher/sink/fit.h"

#define MESSAGE SPAN_LITERAL("message")

struct row {
	struct compiled *compiled;
	const struct job *job;
	struct typed *typed; /* csv without filter text */
	bool own_message;    /* the file has a column of that name: it is data, and the raw record has no place */
	struct arena arena;
};

bool row_wants_fields(const struct compiled *c, unsigned format)
{
	(void)c;
	return format == FORMAT_CSV;
}

static bool names_message(const struct parser_header *h)
{
	for (size_t i = 0; h->names && i < h->count; i++)
		if (span_equal(h->names[i], MESSAGE))
			return true;
	return false;
}

struct row *row_new(struct compiled *c, unsigned format, const struct parser_header *h)
{
	struct row *r = xcalloc(1, sizeof(*r));

	r->compiled = c;
	r->job = c->version->job;
	arena_init(&r->arena, 64 * 1024);
	if (format == FORMAT_CSV) {
		r->typed = typed_new(&r->job->mapping, h->names, h->names ? h->count : 0);
		r->own_message = names_message(h);
	}
	return r;
}

void row_free(struct row **rp)
{
	struct row *r = *rp;

	if (!r)
		return;
	typed_free(&r->typed);
	arena_release(&r->arena);
	free(r);
	*rp = NULL;
}

/* The record's fields, or the record itself. */
static int fill(struct row *r, const struct record *rec, struct event *ev, struct coercions *c,
		struct row_error *error)
{
	error->line = rec->line;
	if (r->typed && typed_apply(r->typed, rec->fields, rec->field_count, ev, c, error) < 0)
		return -1;
	if (!r->own_message)
		event_append(ev, MESSAGE, value_string(rec->raw));
	return 0;
}

/* What the index's mappings would refuse is refused here, so that the gate's verdict knows of it. */
static enum row_result judge(const struct row *r, const struct record *rec, struct event *ev,
			     struct row_error *error)
{
	char text[FIT_TEXT];
	struct span column;

	if (!r->own_message && !r->job->keep_message && ev->fields.len > 1)
		event_remove(ev, MESSAGE);
	if (fit_event(&r->job->mapping, ev, &column, text))
		return ROW_DOCUMENT;
	row_error_set(error, rec->line, column, "%s", text);
	return ROW_REJECTED;
}

enum row_result row_run(struct row *r, const struct record *rec, struct event *ev,
			struct coercions *c, struct row_error *error)
{
	switch (rec->state) {
	case RECORD_BLANK:
		return ROW_BLANK;
	case RECORD_BAD:
		*error = rec->error;
		return ROW_REJECTED;
	case RECORD_ROW:
		break;
	}
	arena_reset(&r->arena);
	event_init(ev, &r->arena);
	if (fill(r, rec, ev, c, error) < 0)
		return ROW_REJECTED;
	crash_point("transform");
	return judge(r, rec, ev, error);
}

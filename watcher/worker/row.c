/*
 * row - one record to one document; see the header
 *
 * Called for each record by the gate, the load and --convert.  Nothing is allocated a row: the arena is reset.
 */
#include "watcher/base/base.h"
#include "watcher/worker/row.h"
#include "transforms/typed.h"

struct row {
	const struct version *version;
	unsigned format;
	struct typed *typed; /* csv */
	struct arena arena;
};

int row_check_filter(const struct job *j, struct fault *f)
{
	struct span text = span_of(j->filter);

	while (text.n && strchr(" \t\r\n", text.p[0])) {
		text.p++;
		text.n--;
	}
	if (text.n)
		return fault_set(f, FAULT_CONFIG,
				 "%s: filter text: not in this version; leave it out and give the fields "
				 "their types in $.index.mappings",
				 j->filter_origin);
	return 0;
}

bool row_wants_fields(const struct version *v, unsigned format)
{
	(void)v;
	return format == FORMAT_CSV;
}

int row_new(const struct version *v, unsigned format, const struct parser_header *h,
	    struct row **out, struct fault *f)
{
	struct row *r;

	if (row_check_filter(v->job, f) < 0)
		return -1;
	r = xcalloc(1, sizeof(*r));
	r->version = v;
	r->format = format;
	arena_init(&r->arena, 64 * 1024);
	if (format == FORMAT_CSV)
		r->typed = typed_new(&v->job->mapping, h->names, h->names ? h->count : 0);
	*out = r;
	return 0;
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

enum row_result row_run(struct row *r, const struct record *rec, struct event *ev,
			struct coercions *c, struct row_error *error)
{
	if (rec->state == RECORD_BLANK)
		return ROW_BLANK;
	if (rec->state == RECORD_BAD) {
		*error = rec->error;
		return ROW_REJECTED;
	}
	arena_reset(&r->arena);
	event_init(ev, &r->arena);
	error->line = rec->line;
	if (r->typed && typed_apply(r->typed, rec->fields, rec->field_count, ev, c, error) < 0)
		return ROW_REJECTED;
	/* a line of text has no other field than the line itself */
	if (!r->typed || r->version->job->keep_message)
		event_set(ev, SPAN_LITERAL("message"), value_string(rec->raw));
	return ROW_DOCUMENT;
}

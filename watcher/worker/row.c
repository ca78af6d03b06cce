/*
 * row - one record to its documents; see the header
 *
 * Called for each record by the gate, the load and --convert.  Nothing is allocated a row: the arena is reset.
 */
#include "watcher/base/base.h"
#include "watcher/worker/row.h"
#include "watcher/base/clock.h"
#include "watcher/base/crash.h"
#include "transforms/typed.h"
#include "watcher/sink/fit.h"
#include "watcher/worker/straight.h"

struct row {
	struct compiled *compiled;
	const struct job *job;
	const struct parser_header *header; /* the parser's */
	bool may_be_straight;
	struct straight *straight; /* NULL: not known yet, or none */
	struct typed *typed; /* csv whose fields are set here, by the mappings or, before a filter, as strings */
	bool own_message;    /* the file has a column of that name: it is data, and the raw record has no place */
	struct arena arena;
	struct event event;
	struct event *only; /* &event, the list of one */
	int64_t claimed_ms;
	struct {
		struct span file, delivery;
	} origin;
	int64_t start_ms; /* of this row */
};

#define INGEST SPAN_LITERAL("ingest")
#define START SPAN_LITERAL("start_time")
#define FINISH SPAN_LITERAL("finish_time")

bool row_wants_fields(const struct compiled *c, unsigned format)
{
	return format == FORMAT_CSV && !(c->plan && plan_has_csv(c->plan));
}

size_t row_usual_columns(const struct compiled *c)
{
	return c->plan ? plan_columns(c->plan) : 0;
}

bool row_remembers(const struct compiled *c)
{
	return c->plan && plan_remembers(c->plan);
}

const char *row_given_up(const struct row *r)
{
	return r->compiled->plan ? plan_given_up(r->compiled->plan) : NULL;
}

static bool names_message(const struct parser_header *h)
{
	for (size_t i = 0; h->names && i < h->count; i++)
		if (span_equal(h->names[i], EVENT_MESSAGE))
			return true;
	return false;
}

struct row *row_new(struct compiled *c, unsigned format, const struct parser_header *h, int64_t claimed_ms)
{
	static const struct mapping no_types;
	struct row *r = xcalloc(1, sizeof(*r));
	struct plan_shape shape;

	r->compiled = c;
	r->job = c->version->job;
	r->header = h;
	arena_init(&r->arena, 64 * 1024);
	r->only = &r->event;
	r->claimed_ms = claimed_ms;
	if (row_wants_fields(c, format)) {
		r->typed = typed_new(c->plan ? &no_types : &r->job->mapping, h->names,
				     h->names ? h->count : 0);
		r->own_message = names_message(h);
	}
	r->may_be_straight = format == FORMAT_CSV && !r->job->keep_message && !r->job->provenance &&
			     !r->job->start_finish_times && (!c->plan || plan_shape(c->plan, &shape));
	if (c->plan)
		plan_begin(c->plan);
	return r;
}

void row_free(struct row **rp)
{
	struct row *r = *rp;

	if (!r)
		return;
	typed_free(&r->typed);
	straight_free(&r->straight);
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
		event_append(ev, EVENT_MESSAGE, value_string(rec->raw));
	return 0;
}

/* The field that we would write and that is there already, or none. */
static struct span own_field(const struct row *r, const struct event *ev)
{
	if (r->job->provenance && event_get(ev, INGEST))
		return INGEST;
	if (!r->job->start_finish_times)
		return SPAN_NONE;
	return event_get(ev, START) ? START : event_get(ev, FINISH) ? FINISH : SPAN_NONE;
}

/* The row itself is no field of the document, unless the job or nothing else keeps it; what a filter or the file has of that name is. */
static void leave_message_out(const struct row *r, struct event *ev)
{
	if (!r->own_message && !ev->message_set && !r->job->keep_message && ev->fields.len > 1)
		event_remove(ev, EVENT_MESSAGE);
}

/* What the index's mappings would refuse is refused here, so that the gate's verdict knows of it. */
static enum row_result judge(const struct row *r, const struct record *rec, struct event *ev,
			     struct row_error *error)
{
	char text[FIT_TEXT];
	struct span column;

	leave_message_out(r, ev);
	column = own_field(r, ev);
	if (column.p) {
		row_error_set(error, rec->line, column, "the job's \"%s\" writes this field; rename the row's own",
			      span_equal(column, INGEST) ? "provenance" : "start_finish_times");
		return ROW_REJECTED;
	}
	if (fit_event(&r->job->mapping, ev, &column, text))
		return ROW_DOCUMENTS;
	row_error_set(error, rec->line, column, "%s", text);
	return ROW_REJECTED;
}

/* What the filter text makes of the event. */
static enum row_result transform(struct row *r, const struct record *rec, struct coercions *c,
				 struct row_output *out)
{
	const struct plan_failure *why;
	struct plan_result p;

	plan_offer(r->compiled->plan, rec);
	plan_run(r->compiled->plan, &r->event, c, r->claimed_ms, &p);
	/* what refused the row in the end is often only what a failure led to */
	why = p.failure && !r->job->on_failure_tag_index ? p.failure : p.refusal;
	if (why) {
		row_error_set(&out->error, rec->line, span_of(why->field), "%s", why->text);
		return ROW_REJECTED;
	}
	out->events = p.events;
	out->count = p.count;
	return p.count ? ROW_DOCUMENTS : ROW_FILTERED;
}

static enum row_result make(struct row *r, const struct record *rec, struct coercions *c,
			    struct row_output *out)
{
	enum row_result result = ROW_DOCUMENTS;

	if (fill(r, rec, &r->event, c, &out->error) < 0)
		return ROW_REJECTED;
	out->events = &r->only;
	out->count = 1;
	if (r->compiled->plan)
		result = transform(r, rec, c, out);
	crash_point("transform");
	for (size_t i = 0; i < out->count && result == ROW_DOCUMENTS; i++)
		result = judge(r, rec, out->events[i], &out->error);
	return result;
}

enum row_result row_run(struct row *r, const struct record *rec, struct coercions *c,
			struct row_output *out)
{
	*out = (struct row_output){0};
	switch (rec->state) {
	case RECORD_BLANK:
		return ROW_BLANK;
	case RECORD_BAD:
		out->error = rec->error;
		if (rec->raw_cut) /* who mends the rejects must know that this one is not whole */
			row_error_set(&out->error, rec->line, span_of(rec->error.column),
				      "%s; only its first %zu bytes are listed here", rec->error.text, rec->raw.n);
		return ROW_REJECTED;
	case RECORD_ROW:
		break;
	}
	if (r->job->start_finish_times)
		r->start_ms = clock_now_ms();
	arena_reset(&r->arena);
	event_init(&r->event, &r->arena);
	return make(r, rec, c, out);
}

#define MARK_BYTES 15 /* its digits, quotes and a comma */

static const uint64_t first_marks[] = {715000000001, 286000000001};

/* The row of marks: "715000000001","715000000002" ...; in quotes, so that no column is the row itself. */
static struct span make_marks(struct arena *a, struct span *columns, size_t count, uint64_t first)
{
	char *text = arena_alloc(a, count * MARK_BYTES + 1);

	for (size_t i = 0; i < count; i++) {
		char *p = text + i * MARK_BYTES, mark[32];

		snprintf(mark, sizeof(mark), "\"%llu\",", (unsigned long long)(first + i));
		memcpy(p, mark, MARK_BYTES);
		columns[i] = (struct span){p + 1, MARK_BYTES - 3};
	}
	return (struct span){text, count * MARK_BYTES - 1};
}

static struct straight *probe_with(struct row *r, uint64_t first_mark)
{
	struct straight_marks marks;
	struct plan_shape shape;
	struct plan_result p;
	struct span *columns, text;

	if (!plan_shape(r->compiled->plan, &shape))
		return NULL;
	arena_reset(&r->arena);
	event_init(&r->event, &r->arena);
	columns = arena_alloc(&r->arena, shape.columns * sizeof(*columns));
	text = make_marks(&r->arena, columns, shape.columns, first_mark);
	event_append(&r->event, EVENT_MESSAGE, value_string(text));
	plan_run(r->compiled->plan, &r->event, NULL, r->claimed_ms, &p);
	if (p.failure || p.refusal || p.count != 1)
		return NULL;
	leave_message_out(r, p.events[0]);
	marks = (struct straight_marks){text, columns, shape.columns, shape.conversions, shape.header};
	return straight_of_marks(&r->job->mapping, p.events[0], &marks);
}

/* What the plan makes of a row of marks says what it makes of every usual row; what two rows of marks have in common is its own text. */
static struct straight *probe(struct row *r)
{
	struct straight *s = probe_with(r, first_marks[0]), *other = s ? probe_with(r, first_marks[1]) : NULL;

	if (s && !(other && straight_same(s, other)))
		straight_free(&s);
	straight_free(&other);
	return s;
}

/* Without a plan the columns are those of the header, or as many as the first row has. */
static bool make_straight(struct row *r, size_t count)
{
	r->straight = r->compiled->plan ? probe(r) : straight_new(&r->job->mapping, r->header->names, count);
	r->may_be_straight = r->straight != NULL;
	return r->may_be_straight;
}

bool row_is_straight(struct row *r, const struct record *rec)
{
	if (!r->may_be_straight || rec->state != RECORD_ROW || !rec->fields ||
	    (!r->straight && !make_straight(r, rec->field_count)) || !straight_fits(r->straight, rec))
		return false;
	crash_point("transform");
	return true;
}

void row_add_straight(const struct row *r, const struct record *rec, struct strbuf *out)
{
	straight_add(r->straight, rec, out);
}

const struct span *row_straight_names(struct row *r, const struct record *rec, size_t *count)
{
	if (!r->may_be_straight || rec->state != RECORD_ROW || !rec->fields ||
	    (!r->straight && !make_straight(r, rec->field_count)))
		return NULL;
	return straight_names(r->straight, count);
}

const struct value *row_straight_values(struct row *r, const struct record *rec, size_t count)
{
	struct value *values;

	arena_reset(&r->arena);
	values = arena_alloc(&r->arena, count * sizeof(*values));
	straight_values(r->straight, rec, &r->arena, values);
	return values;
}

void row_set_origin(struct row *r, const char *file, const char *delivery)
{
	r->origin.file = span_of(file);
	r->origin.delivery = span_of(delivery);
}

static struct value time_value(int64_t ms)
{
	return (struct value){.type = VALUE_TIME, .u = {.time_ms = ms}};
}

static struct value line_value(struct row *r, uint64_t line)
{
	char *text = arena_alloc(&r->arena, 24);
	int n = snprintf(text, 24, "%llu", (unsigned long long)line);

	return (struct value){.type = VALUE_INT, .u = {.text = {text, (size_t)n}}};
}

void row_add_origin(struct row *r, struct event *ev, const struct record *rec)
{
	if (r->job->provenance) {
		struct value_map *m = arena_alloc(&r->arena, sizeof(*m));

		value_map_init(m);
		value_map_append(m, &r->arena, SPAN_LITERAL("file"), value_string(r->origin.file));
		value_map_append(m, &r->arena, SPAN_LITERAL("delivery"), value_string(r->origin.delivery));
		value_map_append(m, &r->arena, SPAN_LITERAL("line"), line_value(r, rec->line));
		value_map_append(m, &r->arena, SPAN_LITERAL("at"), time_value(r->claimed_ms));
		event_append(ev, INGEST, (struct value){.type = VALUE_MAP, .u = {.map = m}});
	}
	if (r->job->start_finish_times) {
		event_append(ev, START, time_value(r->start_ms));
		event_append(ev, FINISH, time_value(clock_now_ms()));
	}
}

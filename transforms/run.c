/*
 * run - what filters tell while a row is on its way; see run.h and filter.h
 *
 * Called by filters and by plan.c.  Texts are bounded; nothing is allocated but in the row's arena.
 */
#include "watcher/base/base.h"
#include "transforms/run.h"

#define VALUE_SHOWN 60
#define FAILURES 1000

struct filter_run *filter_run_new(struct plan *p)
{
	struct filter_run *r = xcalloc(1, sizeof(*r));

	r->plan = p;
	return r;
}

void filter_run_free(struct filter_run **r)
{
	free(*r);
	*r = NULL;
}

void *run_grow(struct arena *a, void *items, size_t count, size_t *cap, size_t size)
{
	void *more;

	if (count < *cap)
		return items;
	*cap = *cap ? *cap * 2 : 8;
	more = arena_alloc(a, *cap * size);
	if (count)
		memcpy(more, items, count * size);
	return more;
}

int64_t filter_now(const struct filter_run *run)
{
	return run->now_ms;
}

const struct record *filter_record(const struct filter_run *run, struct span text)
{
	const struct record *rec = run->plan->record;

	return rec && rec->raw.p == text.p && rec->raw.n == text.n ? rec : NULL;
}

bool filter_spent(struct filter_run *run)
{
	if (run->arena->used > PLAN_MEMORY)
		return true;
	return budget_spent(&run->plan->budget);
}

void filter_charge(struct filter_run *run, struct regex *re, struct span pattern, size_t at)
{
	regex_charge(re, pattern, &run->plan->budget, at);
}

struct span run_name(const struct filter_run *r)
{
	const struct step *s = r->step;

	if (!s)
		return SPAN_LITERAL("input");
	if (s->common.id.set)
		return arena_printf(r->arena, "%s %.*s", s->type->name, SPAN_FMT(s->common.id.text));
	return s->kind == STEP_FILTER ? span_of(s->type->name) : SPAN_LITERAL("if");
}

/* --- failures --- */

static void put_field(char out[PLAN_FIELD], struct span field)
{
	size_t n = field.n < PLAN_FIELD - 1 ? field.n : PLAN_FIELD - 1;

	if (n)
		memcpy(out, field.p, n);
	out[n] = '\0';
}

static const struct plan_failure *make_failure(struct filter_run *r, struct span field,
					       const struct value *value, const char *fmt, va_list ap)
{
	struct plan_failure *f = arena_zalloc(r->arena, sizeof(*f));
	struct span name = run_name(r), shown = value ? value_text(value, r->arena) : SPAN_NONE;
	size_t n;

	put_field(f->field, field);
	n = (size_t)snprintf(f->text, sizeof(f->text), "%.*s%s%s: ", (int)(name.n < 80 ? name.n : 80), name.p,
			     field.n ? ": field " : "", f->field);
	if (value)
		n += (size_t)snprintf(f->text + n, sizeof(f->text) - n, "%s \"%.*s%s\": ",
				      value->type == VALUE_STRING ? "value" : value_type_name(value->type),
				      (int)(shown.n < VALUE_SHOWN ? shown.n : VALUE_SHOWN), shown.p,
				      shown.n > VALUE_SHOWN ? "..." : "");
	vsnprintf(f->text + n, sizeof(f->text) - n, fmt, ap);
	return f;
}

static void note(struct filter_run *r, const struct event *ev, struct span tag,
		 const struct plan_failure *failure)
{
	if (r->failure_count == FAILURES)
		return;
	r->failures = run_grow(r->arena, r->failures, r->failure_count, &r->failure_cap,
			       sizeof(*r->failures));
	r->failures[r->failure_count++] = (struct run_failure){ev, tag, failure};
}

static void fail(struct filter_run *r, struct event *ev, const char *tag, struct span field,
		 const struct value *value, const char *fmt, va_list ap)
{
	/* first, since value may be part of what the tag moves */
	const struct plan_failure *failure = make_failure(r, field, value, fmt, ap);
	struct span own = arena_span(r->arena, span_of(tag));

	event_tag(ev, own);
	note(r, ev, own, failure);
}

enum filter_result filter_fail(struct filter_run *run, struct event *ev, const char *tag, struct span field,
			       const struct value *value, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(run, ev, tag, field, value, fmt, ap);
	va_end(ap);
	return FILTER_FAILED;
}

void filter_warn_tag(struct filter_run *run, struct event *ev, const char *tag, struct span field,
		     const struct value *value, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(run, ev, tag, field, value, fmt, ap);
	va_end(ap);
}

void filter_lossy(struct filter_run *run, struct span field, const char *from, const char *to,
		  struct span example)
{
	if (run->coercions)
		coercions_note(run->coercions, field, from, to, example);
}

void run_refuse(struct filter_run *r, struct span field, const char *fmt, ...)
{
	const struct plan_failure *f;
	va_list ap;

	if (r->refused)
		return;
	va_start(ap, fmt);
	f = make_failure(r, field, NULL, fmt, ap);
	va_end(ap);
	r->refusal = *f;
	r->refused = true;
}

void run_forget(struct filter_run *r, const struct event *ev, const struct span *tag)
{
	for (size_t i = 0; i < r->failure_count; i++)
		if (r->failures[i].event == ev && (!tag || span_equal(r->failures[i].tag, *tag)))
			r->failures[i].event = NULL;
}

void run_inherit(struct filter_run *r, const struct event *ev, const struct event *made)
{
	size_t count = r->failure_count;

	for (size_t i = 0; i < count; i++)
		if (r->failures[i].event == ev)
			note(r, made, r->failures[i].tag, r->failures[i].failure);
}

/* --- more events --- */

int filter_emit(struct filter_run *run, struct event *made)
{
	if (run->made >= PLAN_EVENTS || run->arena->used > PLAN_MEMORY) {
		run_refuse(run, SPAN_NONE, run->made >= PLAN_EVENTS
						   ? "more than %d documents of one row"
						   : "the row's documents take more than %d bytes",
			   run->made >= PLAN_EVENTS ? PLAN_EVENTS : PLAN_MEMORY);
		return -1;
	}
	run->made++;
	made->now_ms = run->now_ms;
	run->emitted = run_grow(run->arena, run->emitted, run->emitted_count, &run->emitted_cap,
				sizeof(struct event *));
	run->emitted[run->emitted_count++] = made;
	run_inherit(run, run->event, made);
	return 0;
}

/*
 * plan - a compiled filter run for a row; see the header
 *
 * Called by the worker for each record.  An event goes through the program to its end; what a filter gives out waits on a stack with
 * the place where it goes on, so that the documents come out in the order in which Logstash has them in a batch.
 */
#include "watcher/base/base.h"
#include "transforms/run.h"

bool plan_has_csv(const struct plan *p)
{
	return p->has_csv;
}

bool plan_remembers(const struct plan *p)
{
	return p->remembers;
}

size_t plan_columns(const struct plan *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct step *s = &p->steps[i];

		if (s->kind == STEP_FILTER && s->type->columns && s->type->columns(s->self))
			return s->type->columns(s->self);
	}
	return 0;
}

static bool plain_items(const struct option_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->items[i].template && !template_is_plain(l->items[i].template))
			return false;
	return true;
}

static bool plain_decorations(const struct common *c)
{
	for (size_t i = 0; i < c->add_field.count; i++)
		if (c->add_field.pairs[i].key.template || !plain_items(&c->add_field.pairs[i].values))
			return false;
	return plain_items(&c->remove_field) && plain_items(&c->add_tag) && !c->remove_tag.count;
}

bool plan_shape(const struct plan *p, struct plan_shape *out)
{
	*out = (struct plan_shape){0};
	for (size_t i = 0; i < p->count; i++) {
		const struct step *s = &p->steps[i];

		if (s->kind != STEP_FILTER || !s->type->shape || (i == 0) != (s->type == &filter_csv) ||
		    !s->type->shape(s->self, out) || !plain_decorations(&s->common))
			return false;
	}
	return p->count > 0;
}

void plan_watch(struct plan *p, const struct plan_watch *watch)
{
	p->watch = *watch;
}

void plan_begin(struct plan *p)
{
	budget_begin_file(&p->budget);
	for (size_t i = 0; i < p->count; i++)
		if (p->steps[i].kind == STEP_FILTER && p->steps[i].type->begin)
			p->steps[i].type->begin(p->steps[i].self);
}

const char *plan_given_up(struct plan *p)
{
	const struct budget *b = &p->budget;
	size_t line, column;

	if (b->strikes < BUDGET_STRIKES)
		return NULL;
	if (!b->pattern[0]) {
		snprintf(p->why, sizeof(p->why), "several rows took more than %g seconds each in the filter; "
			 "rows may cost that, a file may not", (double)b->row_ms / 1000);
		return p->why;
	}
	source_place(p->text, b->at, &line, &column);
	snprintf(p->why, sizeof(p->why), "the regular expression \"%s\" (filter, line %zu, column %zu) ended at its "
		 "limit of steps %d times; rows may cost that, a file may not: make its repetitions possessive "
		 "(a++) or anchor it, so that a text that does not match is told soon", b->pattern, line, column,
		 BUDGET_STRIKES);
	return p->why;
}

static void begin(struct filter_run *r, struct event *ev, struct coercions *c, int64_t now_ms)
{
	struct plan *p = r->plan;

	memset(r, 0, offsetof(struct filter_run, refusal)); /* that is long, and read only where it was set */
	r->plan = p;
	r->coercions = c;
	r->arena = ev->arena;
	r->now_ms = now_ms;
	budget_begin_row(&p->budget);
	r->made = 1;
}

static void push(struct filter_run *r, struct event *ev, size_t at)
{
	r->stack = run_grow(r->arena, r->stack, r->stack_count, &r->stack_cap, sizeof(*r->stack));
	r->stack[r->stack_count++] = (struct run_frame){ev, at};
}

static bool within_limits(struct filter_run *r)
{
	if (r->refused)
		return false;
	if (!filter_spent(r))
		return true;
	if (r->arena->used > PLAN_MEMORY)
		run_refuse(r, SPAN_NONE, "the row takes more than %d bytes", PLAN_MEMORY);
	else
		run_refuse(r, SPAN_NONE, "the row takes more than %g seconds",
			   (double)r->plan->budget.row_ms / 1000);
	return false;
}

static const char *outcome_name(enum filter_result result)
{
	switch (result) {
	case FILTER_DONE:
		return "done";
	case FILTER_LEFT:
		return "left as it was";
	case FILTER_FAILED:
		return "failed";
	case FILTER_CANCEL:
		return "ended here";
	}
	CHECK(!"a filter's result");
	return NULL;
}

static void tell(const struct filter_run *r, const struct event *ev, const char *outcome)
{
	const struct step *s = r->step;
	struct span id = s->common.id.set ? arena_span(r->arena, s->common.id.text) : SPAN_NONE;

	if (r->plan->watch.filter)
		r->plan->watch.filter(r->plan->watch.context, s->type->name, id.p, s->line, ev, outcome);
}

/* False: the event ended here. */
static bool run_filter(struct filter_run *r, struct event *ev, size_t at)
{
	const struct step *s = r->step;

	r->event = ev;
	r->emitted_count = 0;
	r->result = s->type->run(s->self, r, ev);
	if (r->result == FILTER_DONE)
		run_decorate(r, &s->common, ev);
	if (r->result == FILTER_CANCEL) {
		ev->cancelled = true;
		run_forget(r, ev, NULL);
	}
	tell(r, ev, outcome_name(r->result));
	for (size_t i = 0; i < r->emitted_count; i++) {
		run_decorate(r, &s->common, r->emitted[i]);
		tell(r, r->emitted[i], "given out");
	}
	for (size_t i = r->emitted_count; i > 0; i--)
		push(r, r->emitted[i - 1], at + 1);
	return !ev->cancelled;
}

/* The place where the event goes on. */
static size_t run_test(struct filter_run *r, struct event *ev, size_t at)
{
	const struct step *s = r->step;
	char why[CONDITION_WHY];
	enum condition_result met = condition_test(s->condition, ev, why);

	if (met == CONDITION_BROKEN) {
		run_refuse(r, SPAN_NONE, "the condition in line %zu: %s", s->line, why);
		return at;
	}
	if (r->plan->watch.condition)
		r->plan->watch.condition(r->plan->watch.context, s->line, met == CONDITION_MET);
	return met == CONDITION_MET ? at + 1 : s->to;
}

static bool depth_within(const struct value *v, unsigned left)
{
	if (v->type == VALUE_ARRAY)
		for (size_t i = 0; i < v->u.array->len; i++)
			if (!left || !depth_within(&v->u.array->items[i], left - 1))
				return false;
	if (v->type == VALUE_MAP)
		for (size_t i = 0; i < v->u.map->len; i++)
			if (!left || !depth_within(&v->u.map->entries[i].value, left - 1))
				return false;
	return true;
}

static void finish(struct filter_run *r, struct event *ev)
{
	struct value all = {.type = VALUE_MAP, .u = {.map = &ev->fields}};

	if (!depth_within(&all, PLAN_DEPTH)) {
		run_refuse(r, SPAN_NONE, "the event is nested deeper than %d", PLAN_DEPTH);
		return;
	}
	r->out = run_grow(r->arena, r->out, r->out_count, &r->out_cap, sizeof(struct event *));
	r->out[r->out_count++] = ev;
}

static void run_event(struct filter_run *r, struct event *ev, size_t at)
{
	while (at < r->plan->count) {
		r->step = &r->plan->steps[at];
		switch (r->step->kind) {
		case STEP_FILTER:
			if (!run_filter(r, ev, at))
				return;
			at++;
			break;
		case STEP_TEST:
			at = run_test(r, ev, at);
			break;
		case STEP_JUMP:
			at = r->step->to;
			break;
		}
		if (!within_limits(r))
			return;
	}
	finish(r, ev);
}

static const struct plan_failure *first_failure(const struct filter_run *r)
{
	for (size_t i = 0; i < r->failure_count; i++)
		if (r->failures[i].event)
			return r->failures[i].failure;
	return NULL;
}

/* What came in as tags and cannot be tags goes to _tags, as in Logstash's event (Event.java, IllegalTagsAction.RENAME). */
static void check_tags(struct filter_run *r, struct event *ev)
{
	const struct value *tags = event_get(ev, SPAN_LITERAL("tags"));
	struct value was, list;

	if (!tags || value_is_tags(tags))
		return;
	was = *tags;
	list = value_array(ev->arena);
	value_array_add(list.u.array, ev->arena, was);
	event_set(ev, SPAN_LITERAL("_tags"), list);
	event_set(ev, SPAN_LITERAL("tags"), value_null());
	filter_warn_tag(r, ev, "_tagsparsefailure", SPAN_LITERAL("tags"), &was,
			"tags takes a text or a list of texts only; it stands in _tags");
}

/* A CR in a field is data to the parser and an error to the csv filter, which has to see it. */
void plan_offer(struct plan *p, const struct record *rec)
{
	p->record = rec->fields && (rec->clean || !memchr(rec->raw.p, '\r', rec->raw.n)) ? rec : NULL;
}

void plan_run(struct plan *p, struct event *ev, struct coercions *c, int64_t now_ms, struct plan_result *out)
{
	struct filter_run *r = p->run;

	begin(r, ev, c, now_ms);
	ev->now_ms = now_ms;
	check_tags(r, ev);
	push(r, ev, 0);
	while (r->stack_count > 0 && !r->refused) {
		struct run_frame f = r->stack[--r->stack_count];

		run_event(r, f.event, f.at);
	}
	*out = (struct plan_result){
		.events = r->out,
		.count = r->refused ? 0 : r->out_count,
		.failure = first_failure(r),
		.refusal = r->refused ? &r->refusal : NULL,
	};
	p->record = NULL;
}

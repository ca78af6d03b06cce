/*
 * run - one row on its way through a plan: what filters tell, what came out
 *
 * Made once a plan and begun anew for each row; all lists are of the row's arena.
 */
#ifndef TRANSFORMS_RUN_H
#define TRANSFORMS_RUN_H

#include "transforms/compile.h"

/* A failure that an event carries. */
struct run_failure {
	const struct event *event; /* NULL: dealt with */
	struct span tag;
	const struct plan_failure *failure;
};

struct run_frame {
	struct event *event;
	size_t at;
};

struct filter_run {
	struct plan *plan;
	struct coercions *coercions;
	struct arena *arena;
	int64_t now_ms;
	const struct step *step;
	struct event *event; /* that the filter has */
	enum filter_result result; /* of the filter, its decorations included */
	struct run_failure *failures;
	size_t failure_count, failure_cap;
	struct event **emitted;
	size_t emitted_count, emitted_cap;
	struct run_frame *stack;
	size_t stack_count, stack_cap;
	struct event **out;
	size_t out_count, out_cap;
	size_t made; /* events of this row so far */
	bool refused;
	struct plan_failure refusal;
};

struct filter_run *filter_run_new(struct plan *p);
void filter_run_free(struct filter_run **r);

/* The row cannot become a document: said once, the first counts. */
void run_refuse(struct filter_run *r, struct span field, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Entries of ev go (it was dropped), or those of one tag (remove_tag). */
void run_forget(struct filter_run *r, const struct event *ev, const struct span *tag);
/* What ev failed at, made failed at too. */
void run_inherit(struct filter_run *r, const struct event *ev, const struct event *made);
/* add_field, remove_field, add_tag, remove_tag; the result becomes FILTER_FAILED where one cannot be done. */
void run_decorate(struct filter_run *r, const struct common *c, struct event *ev);
/* What the filter is called in messages: its name, and its id where it has one. */
struct span run_name(const struct filter_run *r);

/* A list in the arena grows; items of `size` bytes. */
void *run_grow(struct arena *a, void *items, size_t count, size_t *cap, size_t size);

#endif

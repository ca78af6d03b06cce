/*
 * trace - what each filter did to an event, as a diff on standard error
 *
 *	trace_init(&t); plan_watch(plan, &t.watch)
 *	trace_row(&t, number, &event)        before each row
 *	trace_release(&t)
 *
 * Keeps a copy of each event as it was after the last filter; all of it is given back at the next row.
 */
#ifndef WORKER_TRACE_H
#define WORKER_TRACE_H

#include "transforms/plan.h"

#define TRACE_EVENTS 64 /* of one row are followed, further ones are named only */

struct trace {
	struct plan_watch watch;
	struct arena arena;
	struct {
		const struct event *event;
		struct value_map fields, metadata;
	} seen[TRACE_EVENTS];
	size_t count;
	struct strbuf text;
	FILE *out; /* standard error, or where else it goes */
};

void trace_init(struct trace *t);
void trace_release(struct trace *t);
void trace_row(struct trace *t, uint64_t row, const struct event *ev);

#endif

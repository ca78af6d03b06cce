/*
 * failure - the tags of a filter's tag_on_failure, made once
 *
 *	failure_init(&f, c, &self->tag_on_failure, "_jsonparsefailure");     in init; `[]` in the text means no tag at all
 *	return failure_of(&f, run, ev, field, value, "it is no JSON: %s", why);
 *	failure_warn(&f, ...)                                                tags, and the filter goes on
 *
 * Without a tag the row goes on as if nothing had been wrong, as in Logstash; failure_of then returns FILTER_LEFT.
 * Ownership: all is the plan's.
 */
#ifndef TRANSFORMS_FAILURE_H
#define TRANSFORMS_FAILURE_H

#include "transforms/filter.h"

struct failure {
	const char **tags;
	size_t count;
};

void failure_init(struct failure *f, struct compile *c, const struct option_list *tags,
		  const char *otherwise);
enum filter_result failure_of(const struct failure *f, struct filter_run *run, struct event *ev,
			      struct span field, const struct value *value, const char *fmt, ...)
	PRINTF_LIKE(6, 7);
void failure_warn(const struct failure *f, struct filter_run *run, struct event *ev,
		  struct span field, const struct value *value, const char *fmt, ...)
	PRINTF_LIKE(6, 7);

#endif

/*
 * suite_diff - what differs between the event that is expected and the one that came, field by field
 *
 *	same = suite_diff(&want, &got, ignore, count, &text);      text: lines `-` expected, `+` came
 *
 * Maps are compared by their keys, arrays by their places; integers and floats by value; a time equals its text in RFC 3339.
 */
#ifndef WORKER_SUITE_DIFF_H
#define WORKER_SUITE_DIFF_H

#include "transforms/ref.h"

/* Ignored fields are removed from both. */
bool suite_diff(struct event *want, struct event *got, const struct ref *const *ignore, size_t count,
		struct strbuf *text);

#endif

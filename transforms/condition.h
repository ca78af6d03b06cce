/*
 * condition - the condition of a branch, compiled to a tree
 *
 *	cond = condition_compile(c, expression);            NULL: errors were written
 *	switch (condition_test(cond, ev, why))
 *	CONDITION_MET, CONDITION_UNMET
 *	CONDITION_BROKEN: it cannot be evaluated for this event, why says so; Logstash drops such an event
 *
 * A value is true unless it is missing, null, empty or `false`; 0 is true.  == compares by type and content.  Order exists between
 * two numbers, two strings, two times; anything else breaks.  `in`: a text in a text, an element in an array, against a list
 * written out as texts.  =~ matches strings only.  `and` and `or` stop at the first that decides.
 * Source: Logstash's EventCondition, meaning only.
 */
#ifndef TRANSFORMS_CONDITION_H
#define TRANSFORMS_CONDITION_H

#include "watcher/model/event.h"
#include "transforms/syntax.h"

enum condition_result { CONDITION_UNMET, CONDITION_MET, CONDITION_BROKEN };

#define CONDITION_WHY 384

struct condition;
struct compile;

const struct condition *condition_compile(struct compile *c, const struct syntax_expression *e);
enum condition_result condition_test(const struct condition *c, const struct event *ev,
				     char why[CONDITION_WHY]);
/* It depends on no field; *met: what it always is. */
bool condition_is_constant(const struct condition *c, bool *met);

#endif

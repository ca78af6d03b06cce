/*
 * explain - a filter's text in words, in the order in which it takes effect
 *
 *	plan_explain(&source, &out)        -1: the text does not parse; out is as it was
 *
 * Each line: the text's line number, set in by its depth, what is done.  A filter's settings stand in the order of its table, which is
 * that of their effect, whatever the text's; what is left out has its default.  A condition stands as it was written.
 */
#ifndef TRANSFORMS_EXPLAIN_H
#define TRANSFORMS_EXPLAIN_H

#include "transforms/plan.h"

int plan_explain(const struct plan_source *src, struct strbuf *out) MUST_CHECK;

#endif

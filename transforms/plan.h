/*
 * plan - filter text, compiled once
 *
 *	plan_compile(text, origin, &p, errors)      -1: errors has `ORIGIN:LINE:COLUMN: ...`, the line and a caret, for each
 *	plan_run(p, &event, coercions, &failure)    false: a filter failed; its tag is in the event, failure says why
 *	plan_free(&p)
 *
 * In this version: csv (source, separator, quote_char, columns, autogenerate_column_names), mutate (rename, convert, uppercase,
 * lowercase, strip), and of the common options remove_field, add_tag, id, enable_metric, periodic_flush.  Whatever else the language
 * has is refused by name.  Nothing is allocated a row but in the event's arena.
 * Source: shared meaning of Logstash 8.14's csv 3.1.1 and mutate 3.6.0 filters.
 */
#ifndef TRANSFORMS_PLAN_H
#define TRANSFORMS_PLAN_H

#include "watcher/base/strbuf.h"
#include "watcher/model/coercions.h"
#include "watcher/model/event.h"

struct plan;

/* The first failure of a row. */
struct plan_failure {
	char filter[32];
	char field[128];
	char text[512];
};

int plan_compile(struct span text, const char *origin, struct plan **out, struct strbuf *errors)
	MUST_CHECK;
void plan_free(struct plan **p);
/* Does the text contain a csv filter?  Then the input sets no field but message. */
bool plan_has_csv(const struct plan *p);
bool plan_run(struct plan *p, struct event *ev, struct coercions *c, struct plan_failure *first);

#endif

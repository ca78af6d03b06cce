/*
 * plan - filter text, compiled once and run row by row
 *
 *	struct plan_source src = {.text = ..., .origin = "jobs/vmtable.conf", .vars = ..., .lenient = false};
 *	plan_compile(&src, &p, &errors, &warnings)      -1: errors has each, with line, column and caret
 *	plan_begin(p)                                   at the start of each file
 *	plan_run(p, &event, coercions, now_ms, &result)
 *	plan_free(&p)
 *
 * What comes out of a row is a list of documents: none when it was dropped, several when it was split or cloned.  A failed filter
 * leaves its tag in the event and is told in result.failure, unless a later remove_tag took that very tag away or the event was
 * dropped: then the failure was dealt with.  A refusal: the row cannot become a document at all (a condition that cannot be
 * evaluated, a limit of the row).
 * Nothing is allocated a row but in the event's arena.  Results live until that arena is reset.
 * Limits of a row: PLAN_EVENTS documents, PLAN_MEMORY bytes, PLAN_DEPTH levels, and its time (budget.h).
 */
#ifndef TRANSFORMS_PLAN_H
#define TRANSFORMS_PLAN_H

#include "watcher/model/coercions.h"
#include "watcher/model/event.h"
#include "watcher/model/record.h"
#include "transforms/syntax.h"

#define PLAN_EVENTS 10000
#define PLAN_MEMORY (32 * 1024 * 1024)
#define PLAN_DEPTH 100

struct plan;

struct plan_source {
	struct span text;
	const char *origin;
	const struct filter_vars *vars;
	bool lenient; /* "compat": "logstash-8.6" */
};

/*
 * Of a plan of one csv filter and mutates without conditions or `%{}` every usual row gives one document of the same fields.  Usual is
 * a row of `columns` columns in which each value that is converted is already what the conversion writes: an integer in its shortest
 * form, a float as Ruby's Float#to_s has it but for the zeros at its end.  A null stays null.  What such a plan makes of one row of
 * marks tells where each column goes.
 */
struct plan_shape {
	size_t columns;
	size_t conversions; /* that the text has; each shows as one number of the document, or one was not needed */
	struct span header; /* n > 0: a row whose first column is this may be the header, and is not usual */
};

#define PLAN_FIELD 128
#define PLAN_TEXT 512

struct plan_failure {
	char field[PLAN_FIELD]; /* "" where no field is at fault */
	char text[PLAN_TEXT];   /* FILTER: ...; raw bytes of values in it */
};

struct plan_result {
	struct event *const *events;
	size_t count;
	const struct plan_failure *failure; /* the first of a filter that stands, or NULL */
	const struct plan_failure *refusal; /* why it cannot become a document at all, or NULL; there are no events then */
};

/* What the run tells after each filter and condition, for --trace. */
struct plan_watch {
	void (*filter)(void *context, const char *name, const char *id, size_t line, const struct event *ev,
		       const char *outcome);
	void (*condition)(void *context, size_t line, bool met);
	void *context;
};

int plan_compile(const struct plan_source *src, struct plan **out, struct strbuf *errors,
		 struct strbuf *warnings) MUST_CHECK;
void plan_free(struct plan **p);
/* Does the text contain a csv filter?  Then the input sets no field but message. */
bool plan_has_csv(const struct plan *p);
/* false: it has no such shape. */
bool plan_shape(const struct plan *p, struct plan_shape *out);
/* Has a filter state from row to row?  Then a file is read from its first row even when its load is resumed. */
bool plan_remembers(const struct plan *p);
/* Columns of a row of the usual form that its first such csv filter takes apart; 0: there is none. */
size_t plan_columns(const struct plan *p);
void plan_begin(struct plan *p);
/* Why the file is given up, as one sentence: rows since plan_begin cost too much.  NULL: it is not. */
const char *plan_given_up(struct plan *p);
void plan_watch(struct plan *p, const struct plan_watch *watch);
/* The next row's record: its fields, where they were found, need not be looked for again in its message. */
void plan_offer(struct plan *p, const struct record *rec);
void plan_run(struct plan *p, struct event *ev, struct coercions *c, int64_t now_ms,
	      struct plan_result *out);

#endif

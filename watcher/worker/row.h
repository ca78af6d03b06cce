/*
 * row - one record to one document
 *
 *	row_new(version, format, header, &r, &f)         once the header is known; compiles what the job says
 *	switch (row_run(r, &record, &event, &coercions, &error))
 *	ROW_DOCUMENT: event is the document until the next call; ROW_REJECTED: error; ROW_BLANK, ROW_FILTERED
 *	row_free(&r)
 *
 * The gate and the load run the same row, so they agree by construction.  Ownership: the version is borrowed; an event's memory is
 * the row's arena, reset at each call.
 */
#ifndef WORKER_ROW_H
#define WORKER_ROW_H

#include "watcher/model/coercions.h"
#include "watcher/model/event.h"
#include "watcher/model/record.h"
#include "watcher/model/version.h"
#include "watcher/parse/parser.h"

enum row_result { ROW_DOCUMENT, ROW_REJECTED, ROW_FILTERED, ROW_BLANK };

struct row;

int row_new(const struct version *v, unsigned format, const struct parser_header *h,
	    struct row **out, struct fault *f) MUST_CHECK;
void row_free(struct row **r);
/* coercions NULL: not counted (the load counts nothing twice). */
enum row_result row_run(struct row *r, const struct record *rec, struct event *ev,
			struct coercions *c, struct row_error *error);

/* Can this version run the job's filter text?  The words of the refusal are those of --check. */
int row_check_filter(const struct job *j, struct fault *f) MUST_CHECK;
/* Must the parser split fields? */
bool row_wants_fields(const struct version *v, unsigned format);

#endif

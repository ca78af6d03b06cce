/*
 * row - one record to its documents
 *
 *	row_new(compiled, format, header, claimed_ms)    once the header is known
 *	switch (row_run(r, &record, &coercions, &out))
 *	ROW_DOCUMENTS: out.events are the documents until the next call, one, or several when a filter split or cloned the row
 *	ROW_REJECTED: out.error; ROW_BLANK, ROW_FILTERED (a filter dropped the row, every document of it)
 *	row_free(&r)
 *
 *	if (row_is_straight(r, &record))                 one document, and nothing else to be said of it
 *		row_add_straight(r, &record, &text)      its text, without an event (straight.h); row_run would give the same
 *		row_straight_values(r, &record, count)   its values, under row_straight_names, which are not NULL then
 *
 * The gate and the load run the same row, so they agree by construction.  What a record becomes (profiles.md, Typing):
 *   no filter text, csv      fields by the index's mappings, a value that does not fit is a reject
 *   no filter text, txt      {"message": line}
 *   text with csv {}         message alone goes in, the text does the rest
 *   text without csv {}      csv: the fields as strings and message; txt: message
 * A row with a filter's failure is a reject by that filter's message, unless the job's on_failure_tag is `index`.
 * Then `message` goes unless keep_message, a filter has set it or nothing else is left, and what the mappings would refuse is a reject.
 * A document that has a field which provenance or start_finish_times would write is a reject: nothing of a tenant's is overwritten.
 * Ownership: compiled and header are borrowed; an event's memory is the row's arena, reset at each call.
 */
#ifndef WORKER_ROW_H
#define WORKER_ROW_H

#include "watcher/base/strbuf.h"
#include "watcher/model/coercions.h"
#include "watcher/model/event.h"
#include "watcher/model/record.h"
#include "watcher/parse/parser.h"
#include "watcher/worker/compiled.h"

enum row_result { ROW_DOCUMENTS, ROW_REJECTED, ROW_FILTERED, ROW_BLANK };

struct row_output {
	struct event *const *events;
	size_t count;
	struct row_error error;
};

struct row;

/* claimed_ms: the time that filters see as now, the same in every pass over the file. */
struct row *row_new(struct compiled *c, unsigned format, const struct parser_header *h, int64_t claimed_ms);
void row_free(struct row **r);
/* coercions NULL: not counted (the load counts nothing twice). */
enum row_result row_run(struct row *r, const struct record *rec, struct coercions *c,
			struct row_output *out);
bool row_is_straight(struct row *r, const struct record *rec);
/* Only a record that is straight. */
void row_add_straight(const struct row *r, const struct record *rec, struct strbuf *out);
/* The fields of all straight documents, count of them, until row_free; NULL: they are no such, or have fields of the job's own. */
const struct span *row_straight_names(struct row *r, const struct record *rec, size_t *count);
/* Only a record that is straight, and has names; good until the next call. */
const struct value *row_straight_values(struct row *r, const struct record *rec, size_t count);
/* Why the rows so far make it no use to go on, or NULL. */
const char *row_given_up(const struct row *r);
/* Must a resumed file be read from its first row, since a filter has state from row to row? */
bool row_remembers(const struct compiled *c);

/* What "provenance" says of each row; the strings are borrowed. */
void row_set_origin(struct row *r, const char *file, const char *delivery);
/* Adds what "provenance" and "start_finish_times" ask for to an event of row_run. */
void row_add_origin(struct row *r, struct event *ev, const struct record *rec);

/* Must the parser split fields? */
bool row_wants_fields(const struct compiled *c, unsigned format);
/* Columns of a usual row, for parser_options.usual; 0: a row is not split. */
size_t row_usual_columns(const struct compiled *c);

#endif

/*
 * source - the text of a filter, and what is wrong with it
 *
 *	struct source s = {.text = text, .origin = "jobs/vmtable.conf", .errors = &errors, .warnings = &warnings};
 *	source_error(&s, at, "...", ...)        ORIGIN:LINE:COLUMN: message, the line, a caret below
 *	source_warning(&s, at, "...", ...)      the same with `warning: `; warnings NULL: not said
 *	s.error_count > 0: refused
 *
 * `at` is a byte of the text; columns count characters from 1.  Control bytes of the line are shown as blanks, long lines are
 * cut around the caret.  After SOURCE_ERRORS errors or warnings of one text the rest is counted, not listed.
 */
#ifndef TRANSFORMS_SOURCE_H
#define TRANSFORMS_SOURCE_H

#include "watcher/base/strbuf.h"

#define SOURCE_ERRORS 50
#define SOURCE_MAX (1024 * 1024)

/* What is said of one text, within errors or warnings. */
struct source_list {
	struct {
		size_t at, from, end; /* its place in the text, its bytes in the list */
	} items[SOURCE_ERRORS];
	size_t count;
};

struct source {
	struct span text;
	const char *origin;
	struct strbuf *errors;
	struct strbuf *warnings; /* or NULL */
	size_t error_count;
	size_t warning_count;
	struct source_list listed_errors;
	struct source_list listed_warnings;
};

void source_error(struct source *s, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void source_warning(struct source *s, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Is an error at this place told already? */
bool source_has_error(const struct source *s, size_t at);
/* Line and column, from 1, of a byte of the text. */
void source_place(struct span text, size_t at, size_t *line, size_t *column);
/* Puts errors and warnings into the order of the text: parser, compiler and lint find them one after the other. */
void source_sort(struct source *s);
void source_verror(struct source *s, size_t at, const char *fmt, va_list ap);
void source_vwarning(struct source *s, size_t at, const char *fmt, va_list ap);

#endif

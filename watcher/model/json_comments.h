/*
 * json_comments - JSON with // and block comments, made plain JSON
 *
 *	if (json_comments_blank(text, &plain, &line) < 0)      a block comment that begins on line is never closed
 *
 * Each character of a comment becomes one blank and line ends stay, so that a parser's line and column (in characters) are
 * those of the file.  A byte order mark at the start is left out.  Comments inside strings are strings.
 */
#ifndef MODEL_JSON_COMMENTS_H
#define MODEL_JSON_COMMENTS_H

#include "watcher/base/strbuf.h"

int json_comments_blank(struct span text, struct strbuf *plain, size_t *line) MUST_CHECK;

#endif

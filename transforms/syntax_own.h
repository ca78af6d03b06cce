/*
 * syntax_own - what the parts of the parser share: tokens, values, the list of nodes
 *
 * Every function skips blanks and comments before what it takes.  false: an error was written.
 */
#ifndef TRANSFORMS_SYNTAX_OWN_H
#define TRANSFORMS_SYNTAX_OWN_H

#include "transforms/syntax.h"

/* tokens (syntax_token.c) */
int syntax_peek(const struct syntax *s); /* the byte here, -1 at the end */
void syntax_skip(struct syntax *s);      /* blanks and comments */
bool syntax_take(struct syntax *s, const char *token);
bool syntax_expect(struct syntax *s, const char *token, const char *where);
struct span syntax_name(struct syntax *s); /* [A-Za-z0-9_-]*, no blanks skipped */
bool syntax_quoted(struct syntax *s, struct span *out);
bool syntax_number(struct syntax *s, struct span *out);
bool syntax_list(struct syntax *s, struct syntax_value *out);
void syntax_error(struct syntax *s, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Counts a node and a level; false: over the limit, and said. */
bool syntax_enter(struct syntax *s);
void syntax_leave(struct syntax *s);
/* Goes on behind the `}` of the block that was entered with `open` braces open. */
void syntax_resume(struct syntax *s, size_t block);

bool syntax_value(struct syntax *s, struct syntax_value *out);
/* A list of filters and branches up to the closing brace (taken), or to the end of the text. */
struct syntax_node *syntax_nodes(struct syntax *s, bool in_braces);
struct syntax_expression *syntax_condition(struct syntax *s);
bool syntax_regex(struct syntax *s, struct syntax_value *out); /* `/.../` */
/* The sections of a whole pipeline. */
struct syntax_node *syntax_pipeline(struct syntax *s);
bool syntax_is_pipeline(struct syntax *s);

#endif

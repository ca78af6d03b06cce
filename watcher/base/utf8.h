/*
 * utf8 - validity and repair
 *
 * Strict RFC 3629: no surrogates, no overlong forms, nothing over U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "watcher/base/strbuf.h"

/* Length of the valid prefix; == s.n when all is valid. Fast on ASCII (8 bytes a step or better). */
size_t utf8_valid_prefix(struct span s);
static inline bool utf8_valid(struct span s)
{
	return utf8_valid_prefix(s) == s.n;
}
/*
 * Length of the character at the start of s if it must not reach a terminal or a log line as it is: control bytes (C0,
 * DEL, C1), line separators, marks that turn the direction of text.  0: none of these.  s is valid UTF-8 and not empty.
 */
size_t utf8_hidden(struct span s, unsigned *code);
/* The bytes with each invalid one replaced by U+FFFD. */
void utf8_add_repaired(struct strbuf *sb, struct span s);

#endif

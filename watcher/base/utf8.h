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
/* The bytes with each invalid one replaced by U+FFFD. */
void utf8_add_repaired(struct strbuf *sb, struct span s);

#endif

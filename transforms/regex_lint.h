/*
 * regex_lint - patterns whose time grows with the power of the text's length
 *
 *	if (regex_is_nested(pattern, &offset)) ...      at offset a group repeats without end what repeats without end itself
 *
 * `(a+)+`, `(.*)*`, `(\w+\s?)+`: every way of sharing the text out among the two is tried when the rest does not match.  `(\d+,)+` is
 * none: the comma says where one ends.  A rule of thumb: it looks at the form alone and may miss some.
 */
#ifndef TRANSFORMS_REGEX_LINT_H
#define TRANSFORMS_REGEX_LINT_H

#include "watcher/base/span.h"

bool regex_is_nested(struct span pattern, size_t *offset);

#endif

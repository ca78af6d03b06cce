/*
 * nearest - "did you mean NAME?"
 */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "watcher/base/span.h"

/* The candidate at the smallest edit distance (case-folded, transposition counts one), if that is <= max(1, n/3); else NULL. */
const char *nearest_name(struct span name, const char *const *candidates, size_t count);

#endif

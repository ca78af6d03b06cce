/*
 * ulid - arrival and run ids: 48 bits of milliseconds, 80 random bits, 26 characters of Crockford's base 32
 *
 * Ascending within a process even inside one millisecond.  Source: github.com/ulid/spec.
 */
#ifndef BASE_ULID_H
#define BASE_ULID_H

#include "watcher/base/span.h"

#define ULID_TEXT 27 /* with NUL */

void ulid_make(int64_t now_ms, char out[ULID_TEXT]);
bool ulid_valid(struct span s);

#endif

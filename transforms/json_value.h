/*
 * json_value - JSON text to a value; numbers stay the text they are
 *
 *	if (json_value_read(text, arena, &v, &why, &at)) ...     why: static; at: the byte at fault
 *
 * RFC 8259, strictly: an escape that is none, half a surrogate pair, bytes that are no UTF-8, a number as `01` or `NaN`, something
 * behind the value are errors.  Of a key that is there twice the last value counts.  Nesting to JSON_VALUE_DEPTH.
 * Ownership: strings without escapes, and numbers, are the text's; the rest is the arena's.
 */
#ifndef TRANSFORMS_JSON_VALUE_H
#define TRANSFORMS_JSON_VALUE_H

#include "transforms/values.h"

#define JSON_VALUE_DEPTH 100

bool json_value_read(struct span text, struct arena *a, struct value *out, const char **why,
		     size_t *at);

#endif

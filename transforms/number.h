/*
 * number - texts to numbers, as Ruby's conversions read them
 *
 *	number_integer(text, arena, &out)        strict: decimal with exponent, or 0x hexadecimal; a fraction is cut off
 *	number_float(text, arena, &out)          strict: decimal with exponent, or 0x hexadecimal
 *	number_integer_prefix(text, arena, &out) lenient: the digits it begins with, 0 when there are none
 *	number_float_prefix(text, arena, &out)
 *
 * out.text is JSON's grammar, of any length; it is the text itself where that is a number already: nothing passes through a
 * double but hexadecimal fractions.  out.lossy: something of the text is not in the number.
 * false: no number, not finite, or over NUMBER_DIGITS digits written out.
 * Source: Ruby 3.1's BigDecimal(), Float(), Integer(), String#to_i and #to_f (meaning, tried case by case).
 */
#ifndef TRANSFORMS_NUMBER_H
#define TRANSFORMS_NUMBER_H

#include "watcher/base/arena.h"

#define NUMBER_DIGITS 1000

struct number {
	struct span text;
	bool lossy;
};

bool number_integer(struct span s, struct arena *a, struct number *out);
bool number_float(struct span s, struct arena *a, struct number *out);
void number_integer_prefix(struct span s, struct arena *a, struct number *out);
void number_float_prefix(struct span s, struct arena *a, struct number *out);
/* Is it written already as number_integer, or number_float_text, would write it?  true: surely; false: not known. */
bool number_is_plain_integer(struct span s);
bool number_is_float_text(struct span s);
/* A number in JSON's grammar as Float#to_s writes it: 10.0, 2.5 of 2.50, 1.0e+20; every significant digit stays. */
struct span number_float_text(struct span json, struct arena *a);

#endif

/*
 * decimal - digits to the nearest double, without strtod
 *
 *	if (!decimal_double(text, &d))
 *		d = strtod(...)            a number that is not of the usual form
 *
 * Of the usual form is -?digits or -?digits.digits of at most DECIMAL_DIGITS digits in all: what sensors and programs write.  The
 * double is the one that strtod gives, which is the nearest one, the even one of two: the quotient is taken of whole numbers, so that
 * nothing is rounded twice.  A third of strtod's time (measured, 15 to 17 digits).
 * Called by sink/fit.c.  Nothing is allocated, nothing fails: false says nothing about the text.
 */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include "watcher/base/span.h"

#define DECIMAL_DIGITS 19 /* always within 64 bits */

bool decimal_double(struct span text, double *out);

#endif

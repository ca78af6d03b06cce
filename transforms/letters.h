/*
 * letters - upper and lower case, and white space, as Ruby's strings have them
 *
 *	letters_upper(s, arena)  letters_lower(s, arena)  letters_capitalize(s, arena)
 *	letters_strip(s)         white space and NUL off both ends
 *
 * By Unicode's full mappings without context or language (sharp s becomes SS).  A text that does not change is given back as it is.
 */
#ifndef TRANSFORMS_LETTERS_H
#define TRANSFORMS_LETTERS_H

#include "watcher/base/arena.h"

struct span letters_upper(struct span s, struct arena *a);
struct span letters_lower(struct span s, struct arena *a);
struct span letters_capitalize(struct span s, struct arena *a);
struct span letters_strip(struct span s);

#endif

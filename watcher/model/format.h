/*
 * format - what a file is, by its name: the format of its records and the layers around it
 *
 *	struct name_format n = format_of_name("day1.csv.gz.age");
 *	n.format == FORMAT_CSV, n.layers == (FORMAT_GZ | FORMAT_AGE), n.bare == strlen("day1.csv")
 *
 * A name has one compression at most, and encryption only outside of it; what is before them is not looked at as a layer:
 * "a.csv.age.gz" is a .gz of a file whose format is not known.
 * The words are those of the profile's `formats`.
 */
#ifndef MODEL_FORMAT_H
#define MODEL_FORMAT_H

#include "watcher/base/strbuf.h"

enum format_bit {
	FORMAT_CSV = 1,
	FORMAT_TXT = 2,
	FORMAT_GZ = 4,
	FORMAT_ZST = 8,
	FORMAT_XZ = 16,
	FORMAT_AGE = 32,
};

#define FORMAT_RECORDS (FORMAT_CSV | FORMAT_TXT)
#define FORMAT_COMPRESSED (FORMAT_GZ | FORMAT_ZST | FORMAT_XZ)
#define FORMAT_LAYERS (FORMAT_COMPRESSED | FORMAT_AGE)

struct name_format {
	unsigned format; /* FORMAT_CSV or FORMAT_TXT; 0: the name does not say */
	unsigned layers;
	size_t bare; /* length of the name without the layers' extensions */
};

struct name_format format_of_name(const char *name);
const char *format_name(enum format_bit b);
/* A word of `formats` to its bits ("compressed": all compressions); 0: none of this version's. */
unsigned format_bits_of(struct span word);
/* "csv, txt and gz" */
void format_list(struct strbuf *sb, unsigned bits);

#endif

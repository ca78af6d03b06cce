/*
 * layers - which layers a file has, and the stack that takes them off
 *
 *	struct layers l;
 *	layers_open(&s, &options, &l, &f)      s is the file (and its digest) before, the bytes of the records behind
 *	stream_skip(s, offset, &f)             to go on at a decoded offset, before the first read
 *
 * Encryption outside, one compression inside, and each found by content; a layer that the name has must be there, and a layer that
 * is there must be one of the allowed.  What stands inside is sniff's to judge: a second compression is not taken off.
 * Ownership: s is the whole stack, as before; on a fault too.
 * Errors: FAULT_DATA.
 */
#ifndef DECODE_LAYERS_H
#define DECODE_LAYERS_H

#include "watcher/decode/decompressor.h"
#include "watcher/decode/stream.h"

struct layers_options {
	unsigned allowed; /* format_bit, of the profile */
	unsigned named;	  /* the layers in the file's name */
	struct decompressor_limits limits;
};

struct layers {
	unsigned found; /* format_bit */
};

int layers_open(struct stream **s, const struct layers_options *o, struct layers *out,
		struct fault *f) MUST_CHECK;

#endif

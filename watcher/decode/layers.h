/*
 * layers - which layers a file has, and the stack that takes them off
 *
 *	struct layers l;
 *	layers_open(&s, &options, &l, &f)      s is the file (and its digest) before, the bytes of the records behind
 *	layers_check(&options, &l, &f)         is there what the name and the profile say must be there?
 *	stream_skip(s, offset, &f)             to go on at a decoded offset, before the first read
 *
 * Encryption outside, one compression inside, and each found by content; a layer that the name has must be there, and a layer that
 * is there must be one of the allowed.  What stands inside is sniff's to judge, between the two calls: a second layer of either kind
 * is not taken off.
 * The file key of an encrypted file comes from options.keys: find() gets the header and gives it, 0, or a fault.
 * Ownership: s is the whole stack, as before; on a fault too.
 * Errors: FAULT_DATA; find()'s.
 */
#ifndef DECODE_LAYERS_H
#define DECODE_LAYERS_H

#include "watcher/decode/decompressor.h"
#include "watcher/decode/age_header.h"
#include "watcher/decode/stream.h"

struct layers_keys {
	int (*find)(void *context, const struct age_header *h, unsigned char file_key[AGE_FILE_KEY],
		    struct fault *f);
	void *context;
};

struct layers_options {
	unsigned allowed; /* format_bit, of the profile */
	unsigned named;	  /* the layers in the file's name */
	bool encrypted;   /* it must be */
	struct layers_keys keys;
	struct decompressor_limits limits;
};

struct layers {
	unsigned found; /* format_bit */
};

int layers_open(struct stream **s, const struct layers_options *o, struct layers *out,
		struct fault *f) MUST_CHECK;
int layers_check(const struct layers_options *o, const struct layers *l, struct fault *f) MUST_CHECK;

#endif

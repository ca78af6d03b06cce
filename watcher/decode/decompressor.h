/*
 * decompressor - one run through a compressed file, from its first byte to its last
 *
 *	d = decompressor_new(codec, &limits, context, read)
 *	decompressor_read(d, buf, n, &got, &f)      *got 0: the end, and nothing was missing or left over
 *	decompressor_free(&d)
 *
 * Members may follow each other; after the last only the padding that the format allows.  The place of a fault is the count of
 * compressed bytes before it.
 * Ownership: context and codec are borrowed.  Memory: two windows and the codec's own.
 * Errors: FAULT_DATA for bytes that are damaged, cut off or followed by others, and for output beyond the limits; the source's.
 */
#ifndef DECODE_DECOMPRESSOR_H
#define DECODE_DECOMPRESSOR_H

#include "watcher/decode/codec.h"
#include "watcher/decode/probe.h"

struct decompressor;

/* What a small file may become.  The ratio counts once the output is over ratio_from bytes. */
struct decompressor_limits {
	uint64_t max_output;
	uint64_t max_ratio;
	uint64_t ratio_from;
};

struct decompressor *decompressor_new(const struct codec *codec,
				      const struct decompressor_limits *limits, void *context,
				      decode_read_fn read);
void decompressor_free(struct decompressor **d);
/* The first argument is void, so that it is a decode_read_fn. */
int decompressor_read(void *decompressor, void *buf, size_t n, size_t *got, struct fault *f)
	MUST_CHECK;

#endif

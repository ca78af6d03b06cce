/*
 * codec - what a decompressor is to stream_codec; only the codecs and stream_codec.c include this
 *
 *	state = codec->start(&f)
 *	codec->run(state, &in, &out, &f)     takes from in, gives to out; both move on
 *		CODEC_MORE   it wants more input, or more room
 *		CODEC_END    a member (frame, stream) is complete and its check was right; the next run begins the next one
 *		CODEC_FAULT  FAULT_DATA: what is wrong with the bytes, without the place; FAULT_SYSTEM: no memory
 *	codec->free(state)
 *
 * A codec bounds its own window: what a file asks for beyond that is FAULT_DATA with the setting that would do.
 */
#ifndef DECODE_CODEC_H
#define DECODE_CODEC_H

#include "watcher/base/fault.h"

enum codec_result { CODEC_MORE, CODEC_END, CODEC_FAULT };

struct codec_in {
	const unsigned char *p;
	size_t n;
};

struct codec_out {
	unsigned char *p;
	size_t n;
};

struct codec {
	const char *name;
	/* Can a member begin with this byte?  Asked behind the first one, to tell a next member from something left over. */
	bool (*begins)(unsigned char first);
	size_t padding; /* zero bytes may follow a member in multiples of this; 0: none may */
	void *(*start)(struct fault *f);
	enum codec_result (*run)(void *state, struct codec_in *in, struct codec_out *out,
				 struct fault *f);
	void (*free)(void *state);
};

extern const struct codec codec_gzip;
extern const struct codec codec_zstd;
extern const struct codec codec_xz;

#endif

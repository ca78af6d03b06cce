/*
 * codec_gzip - members of RFC 1952 by zlib
 *
 * Called by stream_codec.  Owns a z_stream; its window is 32 KiB whatever the file says.  zlib checks CRC and length at a member's
 * end and says what is wrong.
 */
#include "watcher/base/base.h"
#include "watcher/decode/codec.h"
#include <zlib.h>

#define GZIP_ONLY (15 + 16) /* the largest window, and no raw deflate or zlib header */

static bool begins_gzip(unsigned char first)
{
	return first == 0x1f;
}

static void *start_gzip(struct fault *f)
{
	z_stream *z = xcalloc(1, sizeof(*z));

	if (inflateInit2(z, GZIP_ONLY) == Z_OK)
		return z;
	free(z);
	fault_set(f, FAULT_SYSTEM, "no memory to decompress gzip");
	return NULL;
}

static enum codec_result run_gzip(void *state, struct codec_in *in, struct codec_out *out,
				  struct fault *f)
{
	z_stream *z = state;
	int r;

	z->next_in = (unsigned char *)(uintptr_t)in->p;
	z->avail_in = (uInt)in->n;
	z->next_out = out->p;
	z->avail_out = (uInt)out->n;
	r = inflate(z, Z_NO_FLUSH);
	*in = (struct codec_in){z->next_in, z->avail_in};
	*out = (struct codec_out){z->next_out, z->avail_out};
	switch (r) {
	case Z_OK:
	case Z_BUF_ERROR: /* nothing to do without more input or room */
		return CODEC_MORE;
	case Z_STREAM_END:
		CHECK(inflateReset(z) == Z_OK);
		return CODEC_END;
	case Z_MEM_ERROR:
		fault_set(f, FAULT_SYSTEM, "no memory to decompress gzip");
		return CODEC_FAULT;
	}
	fault_set(f, FAULT_DATA, "%s", z->msg ? z->msg : "the data is damaged");
	return CODEC_FAULT;
}

static void free_gzip(void *state)
{
	inflateEnd(state);
	free(state);
}

const struct codec codec_gzip = {
	.name = "gzip", .begins = begins_gzip, .padding = 1,
	.start = start_gzip, .run = run_gzip, .free = free_gzip,
};

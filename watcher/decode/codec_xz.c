/*
 * codec_xz - streams of the xz file format by liblzma
 *
 * Called by stream_codec.  Owns an lzma_stream with 128 MiB of memory at most; what needs more is refused before it is taken.
 * Between streams there may be zero bytes in fours (xz file format 1.1, 2.2), which stream_codec takes.
 */
#include "watcher/base/base.h"
#include "watcher/decode/codec.h"
#include <lzma.h>

#define MEMORY_MAX (UINT64_C(128) << 20)

static const lzma_stream fresh = LZMA_STREAM_INIT;

static bool begins_xz(unsigned char first)
{
	return first == 0xfd;
}

static lzma_ret begin(lzma_stream *z)
{
	return lzma_stream_decoder(z, MEMORY_MAX, LZMA_TELL_UNSUPPORTED_CHECK);
}

static void *start_xz(struct fault *f)
{
	lzma_stream *z = xmalloc(sizeof(*z));

	*z = fresh;
	if (begin(z) == LZMA_OK)
		return z;
	free(z);
	fault_set(f, FAULT_SYSTEM, "no memory to decompress xz");
	return NULL;
}

static enum codec_result judge(lzma_stream *z, lzma_ret r, struct fault *f)
{
	switch (r) {
	case LZMA_OK:
	case LZMA_BUF_ERROR: /* nothing to do without more input or room */
		return CODEC_MORE;
	case LZMA_STREAM_END:
		if (begin(z) == LZMA_OK)
			return CODEC_END;
		fault_set(f, FAULT_SYSTEM, "no memory to decompress xz");
		return CODEC_FAULT;
	case LZMA_MEM_ERROR:
		fault_set(f, FAULT_SYSTEM, "no memory to decompress xz");
		return CODEC_FAULT;
	case LZMA_MEMLIMIT_ERROR:
		fault_set(f, FAULT_DATA,
			  "it needs %llu MiB to be decompressed, more than %llu; compress it with xz -9 or less",
			  (unsigned long long)(lzma_memusage(z) >> 20),
			  (unsigned long long)(MEMORY_MAX >> 20));
		return CODEC_FAULT;
	case LZMA_FORMAT_ERROR:
		fault_set(f, FAULT_DATA, "it does not begin as xz does");
		return CODEC_FAULT;
	case LZMA_OPTIONS_ERROR:
		fault_set(f, FAULT_DATA, "it uses a filter that this version of liblzma does not know");
		return CODEC_FAULT;
	case LZMA_UNSUPPORTED_CHECK:
		fault_set(f, FAULT_DATA, "its integrity check is of a kind that liblzma cannot verify");
		return CODEC_FAULT;
	default: /* LZMA_DATA_ERROR, and codes that a decoder does not give */
		fault_set(f, FAULT_DATA, "the data is damaged");
		return CODEC_FAULT;
	}
}

static enum codec_result run_xz(void *state, struct codec_in *in, struct codec_out *out,
				struct fault *f)
{
	lzma_stream *z = state;
	lzma_ret r;

	z->next_in = in->p;
	z->avail_in = in->n;
	z->next_out = out->p;
	z->avail_out = out->n;
	r = lzma_code(z, LZMA_RUN);
	*in = (struct codec_in){z->next_in, z->avail_in};
	*out = (struct codec_out){z->next_out, z->avail_out};
	return judge(z, r, f);
}

static void free_xz(void *state)
{
	lzma_end(state);
	free(state);
}

const struct codec codec_xz = {
	.name = "xz", .begins = begins_xz, .padding = 4,
	.start = start_xz, .run = run_xz, .free = free_xz,
};

/*
 * codec_zstd - frames of RFC 8878 by libzstd, skippable ones included
 *
 * Called by stream_codec.  Owns a decompression context whose window may be 128 MiB at most.
 */
#include "watcher/base/base.h"
#include "watcher/decode/codec.h"
#include <zstd.h>
#include <zstd_errors.h>

#define WINDOW_LOG_MAX 27

/* A frame, or a skippable one (RFC 8878, 3.1: 0x184D2A50 to 5F, little-endian). */
static bool begins_zstd(unsigned char first)
{
	return first == 0x28 || (first & 0xf0) == 0x50;
}

static void *start_zstd(struct fault *f)
{
	ZSTD_DCtx *z = ZSTD_createDCtx();

	if (z && !ZSTD_isError(ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
		return z;
	ZSTD_freeDCtx(z);
	fault_set(f, FAULT_SYSTEM, "no memory to decompress zstd");
	return NULL;
}

static void explain(size_t r, struct fault *f)
{
	switch (ZSTD_getErrorCode(r)) {
	case ZSTD_error_memory_allocation:
		fault_set(f, FAULT_SYSTEM, "no memory to decompress zstd");
		return;
	case ZSTD_error_frameParameter_windowTooLarge:
		fault_set(f, FAULT_DATA,
			  "it needs a window over 128 MiB; compress it with --long=%d or less",
			  WINDOW_LOG_MAX);
		return;
	case ZSTD_error_dictionary_wrong:
	case ZSTD_error_dictionary_corrupted:
		fault_set(f, FAULT_DATA, "it needs a dictionary; compress it without one");
		return;
	default: /* the library adds codes from version to version */
		fault_set(f, FAULT_DATA, "%s", ZSTD_getErrorName(r));
	}
}

static enum codec_result run_zstd(void *state, struct codec_in *in, struct codec_out *out,
				  struct fault *f)
{
	ZSTD_inBuffer zin = {in->p, in->n, 0};
	ZSTD_outBuffer zout = {out->p, out->n, 0};
	size_t r = ZSTD_decompressStream(state, &zout, &zin);

	*in = (struct codec_in){in->p + zin.pos, in->n - zin.pos};
	*out = (struct codec_out){out->p + zout.pos, out->n - zout.pos};
	if (ZSTD_isError(r)) {
		explain(r, f);
		return CODEC_FAULT;
	}
	return r == 0 ? CODEC_END : CODEC_MORE;
}

static void free_zstd(void *state)
{
	ZSTD_freeDCtx(state);
}

const struct codec codec_zstd = {
	.name = "zstd", .begins = begins_zstd, .padding = 0,
	.start = start_zstd, .run = run_zstd, .free = free_zstd,
};

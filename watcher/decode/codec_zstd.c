/*
 * codec_zstd - frames of RFC 8878 by libzstd, skippable ones included
 *
 * Called by stream_codec.  Owns a decompression context whose window may be 128 MiB at most.  The size that a frame's header gives is
 * checked here: the library does not when a frame comes in pieces and its last block is empty.
 */
#include "watcher/base/base.h"
#include "watcher/decode/codec.h"
#include <zstd.h>
#include <zstd_errors.h>

#define WINDOW_LOG_MAX 27
#define HEAD 18 /* ZSTD_FRAMEHEADERSIZE_MAX, which zstd.h has for static linking only */

struct zstd {
	ZSTD_DCtx *z;
	unsigned char head[HEAD]; /* the frame's first bytes */
	size_t have;
	unsigned long long produced; /* of the frame */
};

/* A frame, or a skippable one (RFC 8878, 3.1: 0x184D2A50 to 5F, little-endian). */
static bool begins_zstd(unsigned char first)
{
	return first == 0x28 || (first & 0xf0) == 0x50;
}

static void *start_zstd(struct fault *f)
{
	struct zstd *s = xcalloc(1, sizeof(*s));

	s->z = ZSTD_createDCtx();
	if (s->z && !ZSTD_isError(ZSTD_DCtx_setParameter(s->z, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
		return s;
	ZSTD_freeDCtx(s->z);
	free(s);
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

static void take_head(struct zstd *s, const unsigned char *p, size_t n)
{
	size_t some = n < HEAD - s->have ? n : HEAD - s->have;

	memcpy(s->head + s->have, p, some);
	s->have += some;
}

static enum codec_result end_frame(struct zstd *s, struct fault *f)
{
	unsigned long long said = ZSTD_getFrameContentSize(s->head, s->have), produced = s->produced;

	s->have = 0;
	s->produced = 0;
	if (said == ZSTD_CONTENTSIZE_UNKNOWN || said == produced)
		return CODEC_END;
	fault_set(f, FAULT_DATA, "a frame has %llu bytes, and its header says %llu", produced, said);
	return CODEC_FAULT;
}

static enum codec_result run_zstd(void *state, struct codec_in *in, struct codec_out *out,
				  struct fault *f)
{
	struct zstd *s = state;
	/* a frame's first byte alone: seen whole, the library may take another way, which judges odd frames otherwise */
	ZSTD_inBuffer zin = {in->p, s->have || !in->n ? in->n : 1, 0};
	ZSTD_outBuffer zout = {out->p, out->n, 0};
	size_t r = ZSTD_decompressStream(s->z, &zout, &zin);

	take_head(s, in->p, zin.pos);
	s->produced += zout.pos;
	*in = (struct codec_in){in->p + zin.pos, in->n - zin.pos};
	*out = (struct codec_out){out->p + zout.pos, out->n - zout.pos};
	if (ZSTD_isError(r)) {
		explain(r, f);
		return CODEC_FAULT;
	}
	return r == 0 ? end_frame(s, f) : CODEC_MORE;
}

static void free_zstd(void *state)
{
	struct zstd *s = state;

	ZSTD_freeDCtx(s->z);
	free(s);
}

const struct codec codec_zstd = {
	.name = "zstd", .begins = begins_zstd, .padding = 0,
	.start = start_zstd, .run = run_zstd, .free = free_zstd,
};

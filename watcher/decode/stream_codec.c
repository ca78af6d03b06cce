/*
 * stream_codec - a layer that decompresses; see the header
 *
 * Made by the worker over the file, its digest, or a decrypting layer.  Owns the decompressor of the pass, and while there are
 * looks a second one, the probe's.
 */
#include "watcher/base/base.h"
#include "watcher/decode/stream_codec.h"

struct stream_codec {
	struct stream head;
	const struct codec *codec;
	struct decompressor_limits limits;
	struct decompressor *decompressor;
	struct probe probe;
};

static void *start_probe(void *owner, void *context, decode_read_fn read)
{
	struct stream_codec *sc = owner;

	return decompressor_new(sc->codec, &sc->limits, context, read);
}

static void free_probe(void *decoder)
{
	struct decompressor *d = decoder;

	decompressor_free(&d);
}

static const struct probe_ops probe_ops = {start_probe, decompressor_read, free_probe};

static int read_below(void *context, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct stream_codec *sc = context;

	return stream_read(sc->head.below, buf, n, got, f);
}

static int read_codec(struct stream *s, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct stream_codec *sc = (struct stream_codec *)s;

	probe_release(&sc->probe);
	return decompressor_read(sc->decompressor, buf, n < STREAM_WINDOW ? n : STREAM_WINDOW, got, f);
}

static int look_codec(struct stream *s, uint64_t at, void *buf, size_t n, size_t *got,
		      struct fault *f)
{
	return probe_look(&((struct stream_codec *)s)->probe, at, buf, n, got, f);
}

static void release_codec(struct stream *s)
{
	struct stream_codec *sc = (struct stream_codec *)s;

	probe_release(&sc->probe);
	decompressor_free(&sc->decompressor);
	free(sc);
}

static const struct stream_ops codec_ops = {"codec", read_codec, look_codec, NULL, release_codec};

struct stream *stream_codec_new(const struct codec *codec, const struct decompressor_limits *limits,
				struct stream *below)
{
	struct stream_codec *sc = xcalloc(1, sizeof(*sc));

	CHECK(below);
	sc->head.ops = &codec_ops;
	sc->head.below = below;
	sc->codec = codec;
	sc->limits = *limits;
	sc->decompressor = decompressor_new(codec, limits, sc, read_below);
	probe_init(&sc->probe, &probe_ops, sc, below);
	return &sc->head;
}

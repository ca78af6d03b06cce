/*
 * stream_codec - a layer that decompresses
 *
 *	s = stream_codec_new(&codec_gzip, &limits, s);      takes what it stands on
 *	stream_skip(s, offset, &f)                         to go on at a decoded offset: what is before it is decompressed again
 *
 * Offsets of stream_look count decompressed bytes.  A look beyond what was looked at before runs a second decompressor up to there;
 * one that goes back begins anew: looks that go forward are cheap, and the next stream_read gives their memory back.
 * Errors: decompressor.h.
 */
#ifndef DECODE_STREAM_CODEC_H
#define DECODE_STREAM_CODEC_H

#include "watcher/decode/decompressor.h"
#include "watcher/decode/stream.h"

struct stream *stream_codec_new(const struct codec *codec, const struct decompressor_limits *limits,
				struct stream *below);

#endif

/*
 * stream_age - a layer that decrypts age v1
 *
 *	s = stream_age_new(below)                       takes what it stands on
 *	stream_age_header(s, &header, &f)               reads the header; it is the layer's
 *	... the daemon finds a file key for one of header->x25519 ...
 *	stream_age_open(s, file_key, &f)                checks the header's MAC; the payload begins
 *	stream_skip(s, offset, &f)                      to go on at a decrypted offset, before the first read: no chunk is opened for it
 *
 * No byte comes out before the tag of its chunk was right; the end comes only behind the chunk that is marked as the last one.
 * Looks may be anywhere, each costs a chunk.
 * Ownership: the layer keeps the payload's key, wiped when it goes.  Memory: four chunks.
 * Errors: FAULT_DATA with the chunk and its place for bytes that were changed, cut off or added.
 */
#ifndef DECODE_STREAM_AGE_H
#define DECODE_STREAM_AGE_H

#include "watcher/decode/age_header.h"
#include "watcher/decode/stream.h"

struct stream *stream_age_new(struct stream *below);
int stream_age_header(struct stream *s, const struct age_header **header, struct fault *f) MUST_CHECK;
int stream_age_open(struct stream *s, const unsigned char file_key[AGE_FILE_KEY], struct fault *f)
	MUST_CHECK;

#endif

/*
 * stream - the bytes of a file through a stack of layers
 *
 *	struct stream *s = stream_file_new(fd, 0);
 *	s = stream_digest_new(s);                      takes what it stands on
 *	while (stream_read(s, buf, n, &got, &f) == 0 && got > 0)
 *		...
 *	stream_digest_end(s, sha256, &bytes);          after the end was read
 *	stream_free(&s);                               the whole stack
 *
 * stream_look reads at a decoded offset without moving the stream: a second look at the header, or
 * at the rest of the file.  The first argument of both is a void pointer so that they fit the reader
 * of a later stage (parse/parser.h).
 *
 * Ownership: a layer owns the one below; a file's descriptor is borrowed and must stay open.
 * Units: bytes; offsets count decoded bytes from 0.
 * Errors: FAULT_SYSTEM from the kernel; decoding layers add FAULT_DATA.  After a fault the stream is
 * only good for stream_free.
 */
#ifndef DECODE_STREAM_H
#define DECODE_STREAM_H

#include "watcher/base/digest.h"
#include "watcher/base/fault.h"

#define STREAM_WINDOW (64 * 1024)

struct stream;

struct stream_ops {
	const char *name;
	int (*read)(struct stream *s, void *buf, size_t n, size_t *got, struct fault *f);
	int (*look)(struct stream *s, uint64_t at, void *buf, size_t n, size_t *got,
		    struct fault *f);
	/* passes over n bytes without giving them; NULL: they are read and dropped */
	int (*skip)(struct stream *s, uint64_t n, struct fault *f);
	void (*release)(struct stream *s);
};

/* The head of every layer's own struct. */
struct stream {
	const struct stream_ops *ops;
	struct stream *below; /* NULL under a file */
};

/* Up to n bytes; *got 0 is the end, fewer than n is not. */
int stream_read(void *stream, void *buf, size_t n, size_t *got, struct fault *f) MUST_CHECK;
int stream_look(void *stream, uint64_t at, void *buf, size_t n, size_t *got,
		struct fault *f) MUST_CHECK;
void stream_free(struct stream **s);

/* Reads with pread from offset on, at most STREAM_WINDOW a call, never through a mapping. */
struct stream *stream_file_new(int fd, uint64_t offset);

/* SHA-256 and count of what is read through it (looks do not count). */
struct stream *stream_digest_new(struct stream *below);
void stream_digest_end(struct stream *digest, unsigned char sha256[DIGEST_SIZE], uint64_t *bytes);
/* Reads what is left: so that a digest covers the whole file, and a layer has seen its end. */
int stream_drain(struct stream *s, struct fault *f) MUST_CHECK;
/* Passes over n bytes; an earlier end is a FAULT_DATA, at once or by the next read. */
int stream_skip(struct stream *s, uint64_t n, struct fault *f) MUST_CHECK;

#endif

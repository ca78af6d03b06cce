/*
 * stream_digest - a layer that changes nothing and computes the SHA-256 of what passes
 *
 * Stands directly on the file, so that the digest is that of the bytes as they arrived.  Looks do
 * not count: the digest is of one pass from the first byte to the last.  Owns the digest and the
 * layer below; fails only as that one does.
 */
#include "watcher/base/base.h"
#include "watcher/decode/stream.h"

struct stream_digest {
	struct stream head;
	struct digest digest;
	uint64_t bytes;
};

static int read_digest(struct stream *s, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct stream_digest *sd = (struct stream_digest *)s;

	if (stream_read(s->below, buf, n, got, f) < 0)
		return -1;
	if (*got > 0)
		digest_add(&sd->digest, buf, *got);
	sd->bytes += *got;
	return 0;
}

static int look_digest(struct stream *s, uint64_t at, void *buf, size_t n, size_t *got,
		       struct fault *f)
{
	return stream_look(s->below, at, buf, n, got, f);
}

static void release_digest(struct stream *s)
{
	struct stream_digest *sd = (struct stream_digest *)s;

	digest_release(&sd->digest);
	free(sd);
}

static const struct stream_ops digest_ops = {"digest", read_digest, look_digest, NULL, release_digest};

struct stream *stream_digest_new(struct stream *below)
{
	struct stream_digest *sd = xcalloc(1, sizeof(*sd));

	CHECK(below);
	sd->head.ops = &digest_ops;
	sd->head.below = below;
	digest_init(&sd->digest);
	return &sd->head;
}

void stream_digest_end(struct stream *digest, unsigned char sha256[DIGEST_SIZE], uint64_t *bytes)
{
	struct stream_digest *sd = (struct stream_digest *)digest;

	CHECK(digest && digest->ops == &digest_ops);
	digest_end(&sd->digest, sha256);
	*bytes = sd->bytes;
}

/*
 * stream - what all layers share
 *
 * Called by the worker, which builds the stack, and through it by the parser.  Each call goes to
 * the top layer's operation; a layer calls the one below.  Owns nothing itself.
 */
#include "watcher/base/base.h"
#include "watcher/decode/stream.h"

int stream_read(void *stream, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct stream *s = stream;

	CHECK(s && n > 0);
	return s->ops->read(s, buf, n, got, f);
}

int stream_look(void *stream, uint64_t at, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct stream *s = stream;

	CHECK(s && n > 0);
	return s->ops->look(s, at, buf, n, got, f);
}

void stream_free(struct stream **s)
{
	struct stream *layer = *s;

	while (layer) {
		struct stream *below = layer->below;

		layer->ops->release(layer);
		layer = below;
	}
	*s = NULL;
}

int stream_drain(struct stream *s, struct fault *f)
{
	char *buf = xmalloc(STREAM_WINDOW);
	size_t got;
	int r;

	do {
		r = stream_read(s, buf, STREAM_WINDOW, &got, f);
	} while (r == 0 && got > 0);
	free(buf);
	return r;
}

static int read_and_drop(struct stream *s, uint64_t n, struct fault *f)
{
	char *buf = xmalloc(STREAM_WINDOW);
	size_t got;
	int r = 0;

	while (r == 0 && n > 0) {
		r = stream_read(s, buf, n < STREAM_WINDOW ? (size_t)n : STREAM_WINDOW, &got, f);
		if (r == 0 && got == 0)
			r = fault_set(f, FAULT_DATA, "the file ends before the place to go on from");
		else if (r == 0)
			n -= got;
	}
	free(buf);
	return r;
}

int stream_skip(struct stream *s, uint64_t n, struct fault *f)
{
	return s->ops->skip ? s->ops->skip(s, n, f) : read_and_drop(s, n, f);
}

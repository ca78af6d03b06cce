/*
 * memory_stream - bytes in memory as the bottom of a stack, for fuzz targets
 *
 *	s = memory_stream_new(bytes, step)      read at most step bytes a call, so that borders fall everywhere
 *
 * Ownership: bytes are borrowed.
 */
#ifndef FUZZ_MEMORY_STREAM_H
#define FUZZ_MEMORY_STREAM_H

#include "watcher/base/strbuf.h"
#include "watcher/decode/stream.h"

struct memory_stream {
	struct stream head;
	struct span bytes;
	size_t at;
	size_t step;
};

static int look_memory(struct stream *s, uint64_t at, void *buf, size_t n, size_t *got, struct fault *f UNUSED)
{
	struct memory_stream *m = (struct memory_stream *)s;
	size_t left = at < m->bytes.n ? m->bytes.n - (size_t)at : 0;

	*got = n < left ? n : left;
	if (*got > m->step)
		*got = m->step;
	if (*got)
		memcpy(buf, m->bytes.p + at, *got);
	return 0;
}

static int read_memory(struct stream *s, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct memory_stream *m = (struct memory_stream *)s;

	if (look_memory(s, m->at, buf, n, got, f) < 0)
		return -1;
	m->at += *got;
	return 0;
}

static void release_memory(struct stream *s)
{
	free(s);
}

static const struct stream_ops memory_ops = {"memory", read_memory, look_memory, NULL, release_memory};

static struct stream *memory_stream_new(struct span bytes, size_t step)
{
	struct memory_stream *m = xcalloc(1, sizeof(*m));

	m->head.ops = &memory_ops;
	m->bytes = bytes;
	m->step = step ? step : 1;
	return &m->head;
}

/* All that comes out of s, by reads or by looks; the stack goes with it.  -1: it ended with a fault, out has what came before. */
static int stream_take(struct stream *s, bool looks, size_t max, struct strbuf *out, struct fault *f)
{
	char buf[4099];
	size_t got = 1;
	int r = 0;

	while (r == 0 && got > 0 && out->n < max) {
		r = looks ? stream_look(s, out->n, buf, sizeof(buf), &got, f) : stream_read(s, buf, sizeof(buf), &got, f);
		if (r == 0)
			strbuf_add(out, buf, got);
	}
	stream_free(&s);
	return r;
}

#endif

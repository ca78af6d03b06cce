/*
 * window - the part of the file that the parser holds in memory
 *
 *	window_init(&w, &source, offset, step, need)   need: most bytes ever held at once
 *	while (window_end(&w) < wanted && !w.eof)
 *		window_more(&w, &f)                    reads at most step bytes
 *	p = window_at(&w, offset)                      good until the next window_more
 *	window_drop(&w, offset)                        bytes before offset may go
 *	window_release(&w)
 *
 * All positions are offsets from the start of the file.  Memory grows on demand up to about
 * 1.25 x need + 2 x step and is kept.
 * Errors: those of the source.
 */
#ifndef PARSE_WINDOW_H
#define PARSE_WINDOW_H

#include "watcher/parse/parser.h"

struct window {
	const struct parser_source *source;
	char *buf; /* own */
	size_t cap;
	size_t cap_max;
	size_t step;
	size_t start; /* buf[start..end) is held */
	size_t end;
	uint64_t offset; /* of buf[start] */
	bool eof;
};

void window_init(struct window *w, const struct parser_source *source, uint64_t offset, size_t step,
		 size_t need);
void window_release(struct window *w);
int window_more(struct window *w, struct fault *f) MUST_CHECK;

static inline uint64_t window_end(const struct window *w)
{
	return w->offset + (w->end - w->start);
}

static inline const char *window_at(const struct window *w, uint64_t offset)
{
	return w->buf + w->start + (offset - w->offset);
}

static inline void window_drop(struct window *w, uint64_t offset)
{
	CHECK(offset >= w->offset && offset <= window_end(w));
	w->start += (size_t)(offset - w->offset);
	w->offset = offset;
}

#endif

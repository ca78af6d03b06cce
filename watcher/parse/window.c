/*
 * window - bytes from the source into one growing, sliding buffer
 *
 * Used by cut.c only.  Owns the buffer.  The slack behind `need` is what keeps moving cheap: after
 * a move at least need / 4 bytes are read before the next one, so a byte is moved a few times at
 * most.
 */
#include "watcher/base/base.h"
#include "watcher/parse/window.h"

void window_init(struct window *w, const struct parser_source *source, uint64_t offset, size_t step,
		 size_t need)
{
	size_t slack = need / 4 > 2 * step ? need / 4 : 2 * step;

	CHECK(step > 0 && need < SIZE_MAX / 4 && step < SIZE_MAX / 4);
	*w = (struct window){.source = source, .step = step, .offset = offset};
	w->cap_max = need + slack;
	w->cap = 2 * step < w->cap_max ? 2 * step : w->cap_max;
	w->buf = xmalloc(w->cap + RECORD_SLACK);
}

void window_release(struct window *w)
{
	free(w->buf);
	w->buf = NULL;
}

static void make_room(struct window *w)
{
	size_t held = w->end - w->start;

	if (w->start > 0) {
		memmove(w->buf, w->buf + w->start, held);
		w->start = 0;
		w->end = held;
	}
	if (w->cap - w->end >= w->step)
		return;
	w->cap = w->cap * 2 < w->cap_max ? w->cap * 2 : w->cap_max;
	w->buf = xrealloc(w->buf, w->cap + RECORD_SLACK);
	CHECK(w->cap - w->end >= w->step);
}

int window_more(struct window *w, struct fault *f)
{
	size_t got;

	CHECK(!w->eof);
	if (w->cap - w->end < w->step)
		make_room(w);
	if (w->source->read(w->source->context, w->buf + w->end, w->step, &got, f) < 0)
		return -1;
	CHECK(got <= w->step);
	w->end += got;
	w->eof = got == 0;
	return 0;
}

/*
 * probe - looks into a layer that can only be read forward; see the header
 *
 * Used by the layers that decompress and unwrap.  Owns the second decoder and a window.
 */
#include "watcher/base/base.h"
#include "watcher/decode/probe.h"

void probe_init(struct probe *p, const struct probe_ops *ops, void *owner, struct stream *below)
{
	*p = (struct probe){.ops = ops, .owner = owner, .below = below};
}

void probe_release(struct probe *p)
{
	if (p->decoder)
		p->ops->free(p->decoder);
	free(p->window);
	probe_init(p, p->ops, p->owner, p->below);
}

static int look_below(void *context, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct probe *p = context;

	if (stream_look(p->below, p->taken, buf, n, got, f) < 0)
		return -1;
	p->taken += *got;
	return 0;
}

static void start(struct probe *p)
{
	p->decoder = p->ops->start(p->owner, p, look_below);
	p->window = xmalloc(STREAM_WINDOW);
}

/* Moves the window on until `at` is in it; *end: it lies behind the last byte. */
static int reach(struct probe *p, uint64_t at, bool *end, struct fault *f)
{
	size_t got = 1;

	while (at >= p->at + p->n && got > 0) {
		if (p->ops->read(p->decoder, p->window, STREAM_WINDOW, &got, f) < 0)
			return -1;
		p->at += p->n;
		p->n = got;
	}
	*end = got == 0;
	return 0;
}

int probe_look(struct probe *p, uint64_t at, void *buf, size_t n, size_t *got, struct fault *f)
{
	size_t from;
	bool end;

	if (p->decoder && at < p->at)
		probe_release(p);
	if (!p->decoder)
		start(p);
	*got = 0;
	if (reach(p, at, &end, f) < 0)
		return -1;
	if (end)
		return 0;
	from = (size_t)(at - p->at);
	*got = p->n - from < n ? p->n - from : n;
	memcpy(buf, p->window + from, *got);
	return 0;
}

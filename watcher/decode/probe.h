/*
 * probe - looks into a layer that can only be read forward
 *
 *	struct probe p;
 *	probe_init(&p, &ops, owner, below)
 *	probe_look(&p, at, buf, n, &got, &f)      looks that go forward are cheap, one that goes back begins anew
 *	probe_release(&p)                         gives the memory back; the next look starts again
 *
 * A probe runs a second decoder over the layer below, by looks of its own, and keeps the last window that it gave.
 * Errors: the decoder's and those of the layer below.
 */
#ifndef DECODE_PROBE_H
#define DECODE_PROBE_H

#include "watcher/decode/stream.h"

/* Reads the next bytes; *got 0: the end. */
typedef int (*decode_read_fn)(void *context, void *buf, size_t n, size_t *got, struct fault *f);

struct probe_ops {
	void *(*start)(void *owner, void *context, decode_read_fn read);
	decode_read_fn read; /* context: what start made */
	void (*free)(void *decoder);
};

struct probe {
	const struct probe_ops *ops;
	void *owner;
	struct stream *below;
	void *decoder; /* NULL: not begun */
	uint64_t taken; /* bytes of below */
	uint64_t at;	/* of window[0], decoded */
	size_t n;
	char *window;
};

void probe_init(struct probe *p, const struct probe_ops *ops, void *owner, struct stream *below);
void probe_release(struct probe *p);
int probe_look(struct probe *p, uint64_t at, void *buf, size_t n, size_t *got, struct fault *f)
	MUST_CHECK;

#endif

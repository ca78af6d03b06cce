/*
 * nearest - "did you mean NAME?": the smallest edit distance, transpositions counted once; see the header
 *
 * Names are short (a longer one has no near relative); three rows of the distance table are enough.
 */
#include "watcher/base/nearest.h"

#define NEAREST_MAX 64

static unsigned char fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned distance(struct span a, struct span b)
{
	unsigned rows[3][NEAREST_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];

	for (unsigned j = 0; j <= b.n; j++)
		last[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *spare = before;

		now[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			bool same = fold(a.p[i - 1]) == fold(b.p[j - 1]);

			now[j] = least(last[j - 1] + !same, least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && fold(a.p[i - 1]) == fold(b.p[j - 2]) &&
			    fold(a.p[i - 2]) == fold(b.p[j - 1]))
				now[j] = least(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[b.n];
}

const char *nearest_name(struct span name, const char *const *candidates, size_t count)
{
	const char *best = NULL;
	unsigned limit = (unsigned)(name.n / 3 ? name.n / 3 : 1);

	if (name.n > NEAREST_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct span c = span_of(candidates[i]);
		unsigned d;

		if (c.n > NEAREST_MAX)
			continue;
		d = distance(name, c);
		/* a name of one letter is near every other: it is offered for its other case alone */
		if (d > limit || (d && c.n < 2) || (best && d == limit))
			continue;
		best = candidates[i];
		limit = d;
	}
	return best;
}

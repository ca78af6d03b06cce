/*
 * plain_scalar - the scan with eight bytes a word, on any machine
 *
 * Called through plain_kernel.  Owns nothing, cannot fail.  A word's bytes are compared at once: of x the top bit of each byte is set
 * that is zero, exactly, since no sum here carries from one byte into the next.
 */
#include "watcher/base/base.h"
#include "watcher/parse/plain_own.h"
#include "watcher/parse/plain_scan.h"

#define ONES 0x0101010101010101u
#define TOPS 0x8080808080808080u
#define GATHER 0x0102040810204080u

static inline uint64_t zeros(uint64_t x)
{
	return ~(((x & ~TOPS) + ~TOPS) | x) & TOPS;
}

static inline uint64_t equal(uint64_t w, char c)
{
	return zeros(w ^ (ONES * (unsigned char)c));
}

/* The top bits of eight bytes, side by side, the first byte's lowest. */
static inline uint64_t gather(uint64_t tops)
{
	return ((tops >> 7) * GATHER) >> 56;
}

static inline struct marks marks_of(const char *p)
{
	struct marks m = {0, 0};

	for (unsigned i = 0; i < BLOCK; i += 8) {
		const unsigned char *b = (const unsigned char *)p + i;
		uint64_t w = 0, line, low;

		for (unsigned k = 0; k < 8; k++)
			w |= (uint64_t)b[k] << (8 * k);
		line = equal(w, '\n');
		low = zeros(w & (ONES * 0xe0));
		m.stops |= gather(equal(w, '"') | equal(w, ',') | line) << i;
		m.care |= gather(((low | (w & TOPS)) & ~line) | equal(w, '\\')) << i;
	}
	return m;
}

bool plain_scalar(const char *p, size_t n, struct field *fields, size_t cap, struct plain_row *row)
{
	return scan_row(p, n, fields, cap, row, marks_of);
}

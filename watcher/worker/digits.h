/*
 * digits - which of a value's bytes are digits, all at once
 *
 *	digits_missing(v, minus)       one bit a byte of v that is no digit, from byte `minus` on; v has fewer than DIGITS_BYTES bytes
 *
 * Used by straight.c for each number of a row.  16 bytes an instruction where the machine has SSE2, else eight a word; digits_of_words
 * is there on all machines so that a test can compare them.
 * Memory: reads DIGITS_BYTES bytes from v.p on, whatever they are (model/record.h, RECORD_SLACK).
 */
#ifndef WORKER_DIGITS_H
#define WORKER_DIGITS_H

#include "watcher/base/span.h"
#include <endian.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define DIGITS_BYTES 32

/* The top bit of each byte that is no digit; no sum carries into the next byte. */
static inline uint64_t digits_tops(uint64_t word)
{
	uint64_t w = word ^ 0x3030303030303030u;

	return (((w & 0x7f7f7f7f7f7f7f7fu) + 0x7676767676767676u) | w) & 0x8080808080808080u;
}

static inline uint32_t digits_of_words(const char *p)
{
	uint32_t others = 0;

	for (unsigned i = 0; i < DIGITS_BYTES; i += 8) {
		uint64_t w;

		memcpy(&w, p + i, sizeof(w));
		/* the top bits side by side, the first byte's lowest */
		others |= (uint32_t)(((digits_tops(le64toh(w)) >> 7) * 0x0102040810204080u) >> 56) << i;
	}
	return ~others;
}

#ifdef __SSE2__
static inline uint32_t digits_of_half(const char *p)
{
	__m128i v = _mm_sub_epi8(_mm_loadu_si128((const __m128i_u *)p), _mm_set1_epi8('0'));

	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(9)), v));
}

static inline uint32_t digits_of(const char *p)
{
	return digits_of_half(p) | digits_of_half(p + 16) << 16;
}
#else
static inline uint32_t digits_of(const char *p)
{
	return digits_of_words(p);
}
#endif

static inline uint32_t digits_missing(struct span v, size_t minus)
{
	return ~digits_of(v.p) & ((UINT32_C(1) << v.n) - 1) & ~(uint32_t)minus;
}

#endif

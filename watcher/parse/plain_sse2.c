/*
 * plain_sse2 - the scan with 16 bytes an instruction, which every x86-64 has
 *
 * Called through plain_kernel.  Owns nothing, cannot fail.
 */
#include "watcher/base/base.h"
#ifdef __x86_64__
#include "watcher/parse/plain_own.h"
#include "watcher/parse/plain_scan.h"
#include <emmintrin.h>

static inline uint64_t stops_of(__m128i v)
{
	__m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
	__m128i comma = _mm_cmpeq_epi8(v, _mm_set1_epi8(','));
	__m128i line = _mm_cmpeq_epi8(v, _mm_set1_epi8('\n'));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, comma), line));
}

/* As signed bytes all beyond ASCII are below zero. */
static inline uint64_t care_of(__m128i v)
{
	__m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
	__m128i line = _mm_cmpeq_epi8(v, _mm_set1_epi8('\n'));
	__m128i back = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(line, low), back));
}

static inline struct marks marks_of(const char *p)
{
	struct marks m = {0, 0};

	for (unsigned i = 0; i < BLOCK; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i_u *)(p + i));

		m.stops |= stops_of(v) << i;
		m.care |= care_of(v) << i;
	}
	return m;
}

bool plain_sse2(const char *p, size_t n, struct field *fields, size_t cap, struct plain_row *row)
{
	return scan_row(p, n, fields, cap, row, marks_of);
}
#endif

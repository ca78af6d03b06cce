/*
 * plain_avx2 - the scan with 32 bytes an instruction
 *
 * Compiled for AVX2 (Makefile), called through plain_kernel where the processor has it.  Owns nothing, cannot fail.
 */
#include "watcher/base/base.h"
#ifdef __x86_64__
#include "watcher/parse/plain_own.h"
#include "watcher/parse/plain_scan.h"
#include <immintrin.h>

/* A stop is a byte that the table has at its low nibble; bytes beyond ASCII give zero there. */
static inline uint32_t stops_of(__m256i v)
{
	const __m256i table = _mm256_setr_epi8(1, 0, '"', 0, 0, 0, 0, 0, 0, 0, '\n', 0, ',', 0, 0, 0,
					       1, 0, '"', 0, 0, 0, 0, 0, 0, 0, '\n', 0, ',', 0, 0, 0);

	return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, v), v));
}

/* As signed bytes all beyond ASCII are below zero. */
static inline uint32_t care_of(__m256i v)
{
	__m256i low = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), v);
	__m256i line = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\n'));
	__m256i back = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\'));

	return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(_mm256_andnot_si256(line, low), back));
}

static inline struct marks marks_of(const char *p)
{
	__m256i a = _mm256_loadu_si256((const __m256i_u *)p);
	__m256i b = _mm256_loadu_si256((const __m256i_u *)(p + 32));

	return (struct marks){stops_of(a) | (uint64_t)stops_of(b) << 32, care_of(a) | (uint64_t)care_of(b) << 32};
}

bool plain_avx2(const char *p, size_t n, struct field *fields, size_t cap, struct plain_row *row)
{
	return scan_row(p, n, fields, cap, row, marks_of);
}
#endif

/*
 * plain_scan - the scan of plain.h, for the blocks of one instruction set
 *
 * Included once in each plain_*.c, which gives `static inline struct marks marks_of(const char p[64])`: one bit a byte.
 */
#ifndef PARSE_PLAIN_SCAN_H
#define PARSE_PLAIN_SCAN_H

#include "watcher/base/base.h"
#include "watcher/parse/plain.h"

#define BLOCK 64

struct marks {
	uint64_t stops; /* quotes, commas, LF */
	uint64_t care;  /* control bytes but LF, backslash, all beyond ASCII */
};

enum quoting {
	UNQUOTED,
	OPEN,
	HALF, /* behind the first of two quotes that stand for one */
	CLOSED,
};

/* A record on its way. */
struct scan {
	const char *p;
	struct field *fields;
	size_t cap, count;
	size_t begin; /* of the field, behind its opening quote */
	size_t end;   /* of a CLOSED field */
	enum quoting quoting;
	bool doubled; /* the field has two quotes that stand for one */
};

static inline bool scan_field(struct scan *s, size_t at)
{
	size_t end = s->quoting == CLOSED ? s->end : at;

	if (s->count == s->cap)
		return false;
	s->fields[s->count++] =
		(struct field){{s->p + s->begin, end - s->begin}, s->quoting == CLOSED, s->doubled};
	s->begin = at + 1;
	s->quoting = UNQUOTED;
	s->doubled = false;
	return true;
}

/* A quote opens a field at its first byte and closes it before its last; any other is the automaton's. */
static inline bool scan_quote(struct scan *s, size_t at)
{
	if (s->quoting == UNQUOTED && at == s->begin) {
		s->begin = at + 1;
		s->quoting = OPEN;
		return true;
	}
	if (s->quoting == HALF) {
		s->quoting = OPEN;
		return true;
	}
	if (s->quoting != OPEN)
		return false;
	if (s->p[at + 1] == '"') {
		s->quoting = HALF;
		s->doubled = true;
		return true;
	}
	s->end = at;
	s->quoting = CLOSED;
	return s->p[at + 1] == ',' || s->p[at + 1] == '\n' || (s->p[at + 1] == '\r' && s->p[at + 2] == '\n');
}

/* The LF at `at` ends the record; care is the first byte of it that needs care, or SIZE_MAX. */
static inline bool scan_end(struct scan *s, size_t at, size_t care, struct plain_row *row)
{
	size_t length = at > 0 && s->p[at - 1] == '\r' ? at - 1 : at;

	if (s->quoting == OPEN || s->quoting == HALF || length == 0 || !scan_field(s, length))
		return false;
	row->length = length;
	row->next = at + 1;
	row->count = s->count;
	row->clean = care >= length;
	return true;
}

enum block { BLOCK_ON, BLOCK_END, BLOCK_NOT };

static inline enum block scan_block(struct scan *s, size_t from, size_t n, uint64_t stops, size_t *at)
{
	for (; stops; stops &= stops - 1) {
		*at = from + (size_t)__builtin_ctzll(stops);
		if (*at >= n)
			return BLOCK_NOT;
		if (__builtin_expect(s->p[*at] == ',', 1)) {
			if (s->quoting != OPEN && !scan_field(s, *at))
				return BLOCK_NOT;
		} else if (s->p[*at] == '\n') {
			return BLOCK_END;
		} else if (!scan_quote(s, *at)) {
			return BLOCK_NOT;
		}
	}
	return BLOCK_ON;
}

static inline bool scan_row(const char *p, size_t n, struct field *fields, size_t cap, struct plain_row *row,
			    struct marks (*marks_of)(const char *p))
{
	struct scan s = {.p = p, .fields = fields, .cap = cap};
	size_t care = SIZE_MAX, at = 0;

	for (size_t from = 0; from < n; from += BLOCK) {
		struct marks m = marks_of(p + from);

		if (m.care && care == SIZE_MAX)
			care = from + (size_t)__builtin_ctzll(m.care);
		switch (scan_block(&s, from, n, m.stops, &at)) {
		case BLOCK_ON:
			continue;
		case BLOCK_END:
			return scan_end(&s, at, care, row);
		case BLOCK_NOT:
			return false;
		}
	}
	return false;
}

#endif

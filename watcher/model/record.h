/*
 * record - one record as the parser cut it from the file
 *
 * Row numbers count every record cut, rejected and blank ones included, from 1; a header is number 0 and never comes out
 * of the parser as a record.  Lines are physical lines of the (decoded) file from 1; offsets are decoded bytes.
 * Ownership: all spans are the parser's, valid until its next call.
 */
#ifndef MODEL_RECORD_H
#define MODEL_RECORD_H

#include "watcher/base/arena.h"

struct field {
	struct span text; /* without the quotes around it */
	bool quoted;
	bool doubled; /* text still has its doubled quotes: field_text */
};

/* Bytes that may be read behind a field of a RECORD_ROW, whatever they are. */
#define RECORD_SLACK 64

enum record_state {
	RECORD_ROW,
	RECORD_BLANK, /* an empty line */
	RECORD_BAD,   /* rejected by the parser: error says why */
};

#define ROW_ERROR_TEXT 512
#define ROW_ERROR_COLUMN 128

/* Why a row is rejected; line is the physical line on which the record begins. */
struct row_error {
	uint64_t line;
	char column[ROW_ERROR_COLUMN]; /* the field's name, or number, or "" */
	char text[ROW_ERROR_TEXT];     /* one sentence, control bytes escaped, valid UTF-8 */
};

/* Formats text (cut to the room, at a character), escapes control bytes, repairs UTF-8. */
void row_error_set(struct row_error *e, uint64_t line, struct span column, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* The text with each doubled quote made one; of the arena when it has some. */
struct span field_text(const struct field *f, struct arena *a);

struct record {
	enum record_state state;
	uint64_t row;
	uint64_t line;
	uint64_t offset;      /* of its first byte */
	uint64_t next_offset; /* of the byte after its line end */
	uint64_t next_line;   /* line number at next_offset */
	struct span raw;      /* without its line end; for an overlong row its first bytes */
	bool raw_cut;         /* raw is not the whole row */
	const struct field *fields;
	size_t field_count;
	bool clean; /* printable ASCII without backslash */
	struct row_error error; /* RECORD_BAD */
};

#endif

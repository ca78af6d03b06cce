/*
 * parser - cut a file into records, and records into fields
 *
 *	struct parser_source src = {stream, stream_read, stream_look};
 *	parser_new(&options, &src, NULL or &start, &p, &f)      reads the header, if there is one
 *	const struct parser_header *h = parser_header(p);
 *	while ((r = parser_next(p, &rec, &f)) == 1)
 *		...
 *	parser_free(&p);
 *
 * csv: RFC 4180 with comma and double quote.  Records end at LF or CRLF outside quotes; at CR only
 * when the whole file holds no LF.  txt: the same line ends, no quotes, one record a line.  A UTF-8
 * byte order mark at offset 0 is no data.  A quote inside an unquoted field is data.
 *
 * A record comes out as RECORD_ROW, RECORD_BLANK or RECORD_BAD (model/record.h); bad rows never stop
 * the parser.  Bad are
 *   - the line on which a record begins whose quote is not closed within max_row_bytes or the file:
 *     raw is that line, reading goes on at the next one;
 *   - a row longer than max_row_bytes: raw is its first PARSER_RAW_CUT bytes, raw_cut is set;
 *   - invalid UTF-8;
 *   - with split_fields: text after a closing quote, more than max_columns fields, more or fewer
 *     fields than the header (without header: than the first RECORD_ROW).
 *
 * The header is the first record that is not blank (blank lines before it are records).  It is
 * number 0 and never comes out.  Names: an empty one is columnN; one that is already taken gets _2,
 * _3, ... until it is free.  txt has no header.
 *
 * Ownership: everything in a record is the parser's, valid until the next call; the header lives as
 * long as the parser.  The source is borrowed.  Memory: 1.25 x max_row_bytes plus two windows, the
 * longest row with doubled quotes, and max_columns fields; time is linear in the file.
 * Errors: faults of the source; FAULT_DATA when the header cannot be used.
 */
#ifndef PARSE_PARSER_H
#define PARSE_PARSER_H

#include "watcher/base/fault.h"
#include "watcher/model/record.h"
#include "watcher/parse/plain.h"

#define PARSER_WINDOW (64 * 1024)
#define PARSER_RAW_CUT 4096

enum parser_format { PARSER_CSV, PARSER_TXT };

struct parser_options {
	enum parser_format format;
	bool header;
	bool split_fields; /* false: only cut records (the filter text has a csv filter) */
	size_t usual;	   /* without split_fields: a record of the usual form with so many fields has them all the same; 0: none has */
	size_t max_columns;
	size_t max_row_bytes;
	plain_scan *scan; /* looks first at each record; NULL: none does, and the records are the same */
	size_t window; /* bytes a read, 0: PARSER_WINDOW; tests cut it small */
};

/*
 * Where the bytes come from.  read: the next ones, *got 0 = end.  look: at an offset from the
 * file's start, moves nothing.
 */
struct parser_source {
	void *context;
	int (*read)(void *context, void *buf, size_t n, size_t *got, struct fault *f);
	int (*look)(void *context, uint64_t at, void *buf, size_t n, size_t *got, struct fault *f);
};

/* A checkpoint: record `row` begins at `offset` on `line`; the source's read begins there too. */
struct parser_start {
	uint64_t row;
	uint64_t line;
	uint64_t offset;
};

struct parser_header {
	bool present;		  /* false: none asked for, or the file has no record */
	struct span raw;	  /* its bytes without the line end */
	const struct span *names; /* NULL without split_fields */
	size_t count;
};

struct parser;

int parser_new(const struct parser_options *o, const struct parser_source *source,
	       const struct parser_start *start, struct parser **out, struct fault *f) MUST_CHECK;
void parser_free(struct parser **p);
/* 1: *out is a record; 0: the end; -1: fault. */
int parser_next(struct parser *p, struct record *out, struct fault *f) MUST_CHECK;
const struct parser_header *parser_header(const struct parser *p);

#endif

/*
 * books - every row from the oldest that is not settled to the last that was read, in order
 *
 *	books_init(&b)
 *	b.keep = true                               when the file cannot be read again cheaply: the rows' bytes are kept too
 *	books_document(&b, &record, documents)      before its documents are put
 *	books_skip(&b, &record, BOOKS_BLANK)        or BOOKS_FILTERED
 *	books_reject(&b, &record, &error)           its bytes are copied
 *	books_answer(&b, row, already)              one of its documents is there
 *	books_refuse(&b, row, &error, raw)          one of its documents is refused
 *	while (books_pop(&b, &row)) ...             the oldest row, when it and all before it are settled; row.reject is the caller's
 *	books_release(&b)
 *
 * A checkpoint speaks of a whole prefix of rows, though answers come in any order and rejects are found ahead of them: so the rejects
 * file and the counters follow the prefix, and this is what lies between it and the reader.  A row of several documents is settled
 * when all of them are answered.
 * Memory: a ring that grows to the sink's largest window and stays; runs of skipped rows are one entry; with keep also the bytes of
 * its documents' rows, twice.  books_heavy says when the sink should be flushed, however little it holds: a window of rejects must not
 * grow without end.
 */
#ifndef WORKER_BOOKS_H
#define WORKER_BOOKS_H

#include "watcher/base/strbuf.h"
#include "watcher/model/record.h"

enum books_what { BOOKS_DOCUMENT, BOOKS_BLANK, BOOKS_FILTERED, BOOKS_REJECTED };

struct books_reject {
	struct row_error error;
	size_t n;
	char raw[];
};

/* A cache line: there are tens of thousands of them under way. */
struct books_row {
	uint64_t row; /* of a run: the first */
	uint64_t next_offset;
	uint64_t next_line;
	struct books_reject *reject; /* BOOKS_REJECTED, and a document that was refused */
	union {
		uint64_t count;     /* BOOKS_BLANK, BOOKS_FILTERED: rows of the run */
		uint32_t documents; /* BOOKS_DOCUMENT */
	};
	uint32_t left;		/* documents that are not answered */
	/* BOOKS_DOCUMENT */
	uint32_t length;       /* of its raw bytes */
	uint32_t bytes, lines; /* from where it begins to the next one */
	uint32_t kept;	       /* where its bytes are, counted from the first ever kept, modulo 2^32 */
	uint8_t what;
	bool already; /* all its documents were there */
};

struct books {
	struct books_row *rows; /* ring */
	size_t head, count, cap;
	size_t held; /* bytes of rejects */
	bool keep;
	struct strbuf bytes;
	uint64_t bytes_from; /* count of those dropped before bytes */
};

void books_init(struct books *b);

void books_document(struct books *b, const struct record *rec, uint32_t documents);
void books_skip(struct books *b, const struct record *rec, enum books_what what);
void books_reject(struct books *b, const struct record *rec, const struct row_error *e);
void books_answer(struct books *b, uint64_t row, bool already);
void books_refuse(struct books *b, uint64_t row, const struct row_error *e, struct span raw);
/* The row of a document that is not answered; it must be there. */
const struct books_row *books_find(const struct books *b, uint64_t row);
/* Its bytes; only with keep. */
struct span books_bytes(const struct books *b, const struct books_row *r);
/* Of a document. */
uint64_t books_offset(const struct books_row *r);
uint64_t books_line(const struct books_row *r);
uint64_t books_count(const struct books_row *r); /* of rows */
bool books_pop(struct books *b, struct books_row *out);
bool books_heavy(const struct books *b);
void books_release(struct books *b);

#endif

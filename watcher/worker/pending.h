/*
 * pending - where the rows that the sink has not answered stand in the file
 *
 *	p.keep = true                          when the file cannot be read again cheaply: the rows' bytes are kept too
 *	pending_push(&p, &record)              before its document is put
 *	pending_find(&p, row)                  NULL: it was answered long ago
 *	pending_trim(&p, oldest)               rows before it are answered; 0: all are
 *	pending_release(&p)
 *
 * A row that the sink refuses is listed with its bytes, and they are found again by this.  Rows come in ascending order.
 * Memory: a ring that grows to the sink's largest batch and stays, and with keep as many bytes as those rows have, twice.
 */
#ifndef WORKER_PENDING_H
#define WORKER_PENDING_H

#include "watcher/base/strbuf.h"
#include "watcher/model/record.h"

struct pending_row {
	uint64_t row;
	uint64_t line;
	uint64_t offset;
	size_t length;
	uint64_t kept; /* where its bytes are, counted from the first ever kept */
};

struct pending {
	struct pending_row *rows; /* ring; cap is a power of two */
	size_t head;
	size_t count;
	size_t cap;
	bool keep;
	struct strbuf bytes;
	uint64_t bytes_from; /* count of those dropped before bytes */
};

#define PENDING_INIT {.bytes = STRBUF_INIT}

void pending_push(struct pending *p, const struct record *rec);
const struct pending_row *pending_find(const struct pending *p, uint64_t row);
/* The bytes of a row that pending_find found; only with keep. */
struct span pending_bytes(const struct pending *p, const struct pending_row *row);
void pending_trim(struct pending *p, uint64_t oldest);
void pending_release(struct pending *p);

#endif

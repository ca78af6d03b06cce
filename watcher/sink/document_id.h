/*
 * document_id - the id of a document: delivery, "-", row number in base 36, and ".k" for the k-th
 * of a split row
 *
 *	n = document_id(delivery, row, part, text)
 *
 *	struct document_ids ids = {0};
 *	id = document_ids_at(&ids, delivery, row, part)      the same, cheap when rows come one after another
 *
 * The same file, job and tenant give the same ids on every attempt, so a second attempt finds what
 * the first one wrote.
 */
#ifndef SINK_DOCUMENT_ID_H
#define SINK_DOCUMENT_ID_H

#include "watcher/base/span.h"

#define DOCUMENT_ID_TEXT 48 /* with NUL */

/* part 0: the row was not split.  Returns the length. */
size_t document_id(const char *delivery, uint64_t row, unsigned part, char out[DOCUMENT_ID_TEXT]);

/* The last id that was asked for, of one delivery. */
struct document_ids {
	char text[DOCUMENT_ID_TEXT];
	size_t n;
	uint64_t row; /* 0: none */
	unsigned part;
};

/* Good until the next call. */
struct span document_ids_at(struct document_ids *ids, const char *delivery, uint64_t row, unsigned part);

#endif

/*
 * document_id - the id of a document: delivery, "-", row number in base 36, and ".k" for the k-th
 * of a split row
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

#endif

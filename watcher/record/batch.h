/*
 * batch - some rows of the outbox on their way to the store
 *
 *	batch_read(&b, fd, upto, &f)          SYSTEM: ill-formed
 *	while ((r = batch_write(&b, store, &f)) < 0) pause, store_open     goes on where it stopped
 *	b.refused, b.refused_count            the rows that will never be taken, with reasons
 *	batch_release(&b)
 *
 * Rows are written in their order.  A row that MongoDB refuses (judge.h) is put aside and the next one goes on; one with an error
 * of an unknown code is tried UNSURE_TRIES times first.
 */
#ifndef RECORD_BATCH_H
#define RECORD_BATCH_H

#include "watcher/model/recording.h"
#include "watcher/record/store.h"

#define UNSURE_TRIES 5

struct batch {
	int64_t upto;
	struct document docs[RECORDING_ROWS]; /* bson NULL: put aside when it was read */
	int64_t seqs[RECORDING_ROWS];
	size_t count;
	size_t at;	 /* rows behind us */
	unsigned unsure; /* tries of the row at `at` that ended with an unknown code */
	struct recording_refusal refused[RECORDING_ROWS];
	size_t refused_count;
};

int batch_read(struct batch *b, int fd, int64_t upto, struct fault *f) MUST_CHECK;
int batch_write(struct batch *b, struct store *s, struct fault *f) MUST_CHECK;
void batch_release(struct batch *b);

#endif

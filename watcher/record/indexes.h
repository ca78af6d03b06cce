/*
 * indexes - the indexes of files, runs and jobs, made when the recorder begins
 *
 * indexes_make says what the server refuses (no right to, another index of that name) through `said` and goes on: records are
 * worth more than the speed of finding them.  false: the server is away or busy, try again later.
 */
#ifndef RECORD_INDEXES_H
#define RECORD_INDEXES_H

#include "watcher/record/store.h"

bool indexes_make(mongoc_client_t *client, const char *database, store_said_fn *said, void *ctx,
		  bson_error_t *e);

#endif

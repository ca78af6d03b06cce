/*
 * store - the database that the records go to
 *
 *	store_new(uri, "ingest", &s, &f)          CONFIG: the connection string is wrong; nothing is sent
 *	store_open(s, &f)                         is it there?  makes the indexes
 *	n = store_write(s, docs, count, &w, &f)   documents in order: how many are behind us, see below
 *	store_close(s)                            the connection is given up; store_open makes a new one
 *	store_free(&s)
 *
 * Every call ends within the time-outs: server selection 2 s, connect 2 s, an answer 5 s, unless the connection string says
 * otherwise (20 s at most).  Documents are replaced by _id or inserted (upsert), by majority whatever the string says, so that
 * writing one again changes nothing.
 * Failure: KEY wrong credentials or missing rights; TEMPORARY all else.  The text holds no secret.
 * Ownership: uri is copied into libmongoc.
 */
#ifndef RECORD_STORE_H
#define RECORD_STORE_H

#include "watcher/record/document.h"

struct store;

/* For mongoc_log_set_handler: nothing is written; what it warns of in a connection string makes that string wrong. */
void store_log(mongoc_log_level_t level, const char *domain, const char *text, void *ctx);

/* How a write of several documents went. */
struct store_written {
	size_t done;	     /* so many at the begin are written and confirmed */
	bool one_failed;     /* the next one has an error of its own: */
	int32_t code;
	char reason[300];
};

typedef void store_said_fn(void *ctx, const char *text);

int store_new(const char *uri, const char *database, store_said_fn *said, void *ctx, struct store **out,
	      struct fault *f) MUST_CHECK;
/* Of its connection string: those that libmongoc opens at each connection. */
size_t store_files(const struct store *s, const char *files[2]);
int store_open(struct store *s, struct fault *f) MUST_CHECK;
/* All of one kind.  0: all done, or one_failed; -1: w->done of them are. */
int store_write(struct store *s, const struct document *docs, size_t count, struct store_written *w,
		struct fault *f) MUST_CHECK;
void store_close(struct store *s);
void store_free(struct store **s);

#endif

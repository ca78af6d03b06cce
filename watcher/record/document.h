/*
 * document - a record of the journal as a document of MongoDB
 *
 *	document_make(object, &d, &f)      object: {"kind", "key", "expires", "body"} as text; FAULT_DATA: it is no record
 *	d.kind, d.key, d.bson              files, runs, jobs or usage; its _id; the document, _id first
 *	document_release(&d)
 *
 * Field by field what the record says (docs/records.md): strings as UTF-8, whole numbers as 64-bit integers, numbers with a
 * point as doubles, true, false and null, objects and arrays as they are; the members of an object "times" that are RFC 3339
 * texts become dates.  "expires", where it is given, becomes a last field of that name: the index of it lets MongoDB forget the document.
 */
#ifndef RECORD_DOCUMENT_H
#define RECORD_DOCUMENT_H

#include "watcher/base/fault.h"
#include "watcher/base/span.h"
#include <mongoc/mongoc.h>

/* A document may hold 16 MiB; room for the command around it. */
#define DOCUMENT_MAX (16u * 1024 * 1024 - 16 * 1024)

#define DOCUMENT_KINDS(X) \
	X(FILE, "file", "files") \
	X(RUN, "run", "runs") \
	X(JOB, "job", "jobs") \
	X(USAGE, "usage", "usage")

enum document_kind {
#define X(id, kind, collection) DOCUMENT_##id,
	DOCUMENT_KINDS(X)
#undef X
	DOCUMENT_KIND_COUNT
};

struct document {
	enum document_kind kind;
	char *key;
	bson_t *bson;
};

int document_make(struct span object, struct document *out, struct fault *f) MUST_CHECK;
void document_release(struct document *d);
const char *document_collection(enum document_kind kind);

#endif

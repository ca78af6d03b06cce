/*
 * rejects - the list of rejected rows that lies beside a file in done/ or failed/
 *
 *	rejects_new(fd, REJECTS_CSV, header_raw, 0, &r, &f)   a checkpoint's length, or 0
 *	rejects_put(r, &record.error, record.raw, &f)
 *	rejects_sync(r, &length, &f)                          flush, fsync: for the checkpoint
 *	rejects_free(&r)
 *
 * REJECTS_CSV (NAME.rejects.csv): first line `_line,_column,_error,` + the file's header as it stood
 * (or nothing); then for each row these three, quoted, and the row's original bytes, ended by LF.
 * REJECTS_NDJSON (NAME.rejects.ndjson): one object a row, {"line","column","error","raw"}, raw in
 * base64.  A file without rejects stays empty: its first line is written with the first reject.
 *
 * Ownership: fd is borrowed, it is written with pwrite from offset 0 on; header is copied.
 * Errors: FAULT_SYSTEM; after one the object is only good for rejects_free.
 */
#ifndef QUALITY_REJECTS_H
#define QUALITY_REJECTS_H

#include "watcher/base/fault.h"
#include "watcher/model/record.h"

enum rejects_format { REJECTS_CSV, REJECTS_NDJSON };

struct rejects;

/* The file is cut to length (0: begun anew); a file shorter than length is a FAULT_SYSTEM. */
int rejects_new(int fd, enum rejects_format format, struct span header, uint64_t length,
		struct rejects **out, struct fault *f) MUST_CHECK;
void rejects_free(struct rejects **r);
int rejects_put(struct rejects *r, const struct row_error *error, struct span raw,
		struct fault *f) MUST_CHECK;
/* All is durable up to *length.  Does no system call when nothing was put since the last one. */
int rejects_sync(struct rejects *r, uint64_t *length, struct fault *f) MUST_CHECK;
/* Back to an earlier length, e.g. 0 before the second pass. */
int rejects_truncate(struct rejects *r, uint64_t length, struct fault *f) MUST_CHECK;
uint64_t rejects_length(const struct rejects *r); /* written and buffered */

#endif

/*
 * plain - a csv record of the usual form, found 64 bytes at a time
 *
 *	plain_scan *scan = plain_kernel();
 *	if (scan(p, n, fields, cap, &row))
 *		...                          row.count fields, row.length bytes; the next record begins at p + row.next
 *	else the automaton of cut.c looks for itself: it alone decides what a record is
 *
 * Of the usual form is a record that is not empty, ends at a LF (or CRLF) within p[0..n), has at most cap fields, and whose quotes
 * stand around whole fields, with no line end between them, or twice within those.  Of such a record the fields are those of fields.h;
 * of any other nothing is said, and it costs no more than was looked at.
 * The scan keeps nothing from record to record, so that no stray quote can put it out of step.
 *
 * Each instruction set has a translation unit of its own (avx2, sse2, scalar); the best one of the machine is chosen once.
 * INGEST_KERNEL=NAME in the environment chooses one of them, or `none`.
 * Memory: reads up to RECORD_SLACK bytes from p + n on, which must be there.  Errors: none.
 */
#ifndef PARSE_PLAIN_H
#define PARSE_PLAIN_H

#include "watcher/base/fault.h"
#include "watcher/model/record.h"

struct plain_row {
	size_t length; /* without the line end */
	size_t next;
	size_t count;
	bool clean; /* printable ASCII without backslash: of a field nothing changes in JSON but quotes */
};

typedef bool plain_scan(const char *p, size_t n, struct field *fields, size_t cap, struct plain_row *row);

/* NULL: none was asked for. */
plain_scan *plain_kernel(void);
/* Does this machine have the kernel of INGEST_KERNEL?  Asked before the first record; FAULT_CONFIG names those there are. */
int plain_check(struct fault *f) MUST_CHECK;
/* The kernels' names, best first; NULL behind the last; those that this machine lacks too. */
const char *const *plain_names(void);
/* By name; NULL: not on this machine. */
plain_scan *plain_kernel_named(const char *name);

#endif

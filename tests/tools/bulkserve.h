/*
 * bulkserve - one request of the bulk API and its answer; used by bulksink.c
 *
 * request_record(FILE) first, if documents are to be kept, and with NULL at the end; request_faults for a server that is not well; then
 * request_serve for each request.  `head` is the
 * request's head as text, `body` what follows; both are the caller's and are written to.  -1: the connection cannot be used any more.
 */
#ifndef TOOLS_BULKSERVE_H
#define TOOLS_BULKSERVE_H

#include <stdbool.h>
#include <stddef.h>

/* What it does wrong on purpose; NULL and 0: nothing. */
struct bulk_faults {
	const char *refused; /* a document with this text in it is answered by 400 */
	const char *busy;    /* by 429, busy_times times, then taken */
	unsigned busy_times;
	unsigned away; /* as many requests are answered by HTTP 503 */
};

void request_faults(const struct bulk_faults *f);
/* The value of a header field, up to the line's end; NULL: it is not there. */
const char *request_header(const char *head, const char *name);
int request_record(const char *file);
int request_serve(int fd, char *head, char *body, size_t n);

#endif

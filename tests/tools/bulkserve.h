/*
 * bulkserve - one request of the bulk API and its answer; used by bulksink.c
 *
 * request_record(FILE) first, if documents are to be kept, and with NULL at the end; then request_serve for each request.  `head` is the
 * request's head as text, `body` what follows; both are the caller's and are written to.  -1: the connection cannot be used any more.
 */
#ifndef TOOLS_BULKSERVE_H
#define TOOLS_BULKSERVE_H

#include <stdbool.h>
#include <stddef.h>

/* The value of a header field, up to the line's end; NULL: it is not there. */
const char *request_header(const char *head, const char *name);
int request_record(const char *file);
int request_serve(int fd, char *head, char *body, size_t n);

#endif

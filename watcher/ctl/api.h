/*
 * api - one request to the daemon over its Unix socket
 *
 *	r = api_call(socket, "GET", "/v1/files?limit=10", SPAN_NONE, &reply, &f);
 *	reply.status, reply.json (jansson, owned; api_reply_release)
 *
 * -1: the daemon was not reachable or its answer was no JSON.  The door of libcurl in ingestctl.
 */
#ifndef CTL_API_H
#define CTL_API_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"
#include <jansson.h>

struct api_reply {
	long status;
	json_t *json;
};

/* body p NULL: none. */
int api_call(const char *socket, const char *method, const char *path, struct span body, struct api_reply *out,
	     struct fault *f) MUST_CHECK;
void api_reply_release(struct api_reply *r);
/* Appends s with everything but unreserved characters percent-encoded. */
void api_add_escaped(struct strbuf *sb, const char *s);

#endif

/*
 * refusal - what a request of the HTTP API is refused with: fills the fault, returns the status
 *
 *	return refusal(f, 409, "tenant %s has ...", name)
 *	return refusal_no_such(f, "tenant", name)              404
 *	return refusal_not_valid(args->more, errors, f)        422: the first line is the sentence, all of them are the list "errors"
 *	if ((status = refusal_not_now(d, f)))                  503 while it starts, stops or waits for its disk; else 0
 *	refusal_add_lines(out, "warnings", lines)              a member: the lines of a text as a list
 */
#ifndef DAEMON_REFUSAL_H
#define DAEMON_REFUSAL_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"

struct ingestd;

unsigned refusal(struct fault *f, unsigned status, const char *fmt, ...) PRINTF_LIKE(3, 4);
unsigned refusal_no_such(struct fault *f, const char *what, const char *name);
unsigned refusal_not_valid(struct strbuf *more, const char *errors, struct fault *f);
unsigned refusal_not_now(const struct ingestd *d, struct fault *f);
void refusal_add_lines(struct strbuf *out, const char *key, const char *lines);

#endif

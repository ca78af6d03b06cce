/*
 * access - may this request be answered, and as whose?  For the TCP listener
 *
 *	access_new(tokens_file, 50, &a)              tokens_file NULL: nobody has a token
 *	v = access_judge(a, "127.0.0.1", authorization, who, scope, &f)
 *	access_free(&a)
 *
 * authorization is the header's value or NULL.  ACCESS_YES: scope holds the tenant, or "" for the operator.  Else f says why; a 401 and
 * what is wrong with the file of tokens are told apart in the log alone, by ACCESS_BROKEN.
 * Each source has its rate, each token its own; the file of tokens is read again when it has changed, so revoking is in force at once.
 * Source: RFC 6750 (bearer tokens), RFC 9110.
 */
#ifndef ADMIN_ACCESS_H
#define ADMIN_ACCESS_H

#include "watcher/admin/admin.h"
#include "watcher/model/tokens.h"

enum access_verdict {
	ACCESS_YES,
	ACCESS_NO_TOKEN, /* 401 */
	ACCESS_BROKEN,	 /* 401: the file of tokens is */
	ACCESS_NOT_YOURS, /* 403 */
	ACCESS_CLOSED,	 /* 403: no tokens_file */
	ACCESS_TOO_MANY, /* 429 */
};

struct access;

struct access *access_new(const char *tokens_file, unsigned per_second);
void access_free(struct access **a);
enum access_verdict access_judge(struct access *a, const char *source, const char *authorization, enum admin_who who,
				 char scope[TOKEN_SCOPE], struct fault *f);

#endif

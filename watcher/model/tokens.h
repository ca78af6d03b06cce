/*
 * tokens - who may ask the HTTP API over TCP: the file of tokens_file
 *
 *	tokens_load(path, &t, &f)                    a file that is not there has none
 *	found = tokens_find(t, presented)            NULL: none of them
 *	tokens_add(path, "alice", now, &entry, text, &f)       text: the token, told this once
 *	tokens_revoke(path, "alice" | "operator" | ID, &count, &f)
 *	tokens_free(&t)
 *
 * A token is ingest_ and 43 characters of base64url: 256 random bits.  The file keeps its SHA-256 alone; with so many bits nothing can be
 * guessed, so a slow or keyed hash would add nothing.  A presented token is hashed and compared with every entry, each in constant time.
 *
 * The file is text, a line a token: ID, `operator` or `tenant:NAME`, `sha256:` and 64 digits, when it was made; # begins a comment.
 * It is a secret_file (mode 0600).  A line that is none of these makes the whole file wrong, and then no token is any good.
 * Writers take a lock on its folder and put a new file in the old one's place, so they need no daemon, and one that runs sees the
 * change by the file's status (tokens_changed) before its next answer.
 * Errors: FAULT_KEY with the file and the line; FAULT_CONFIG for what was asked.
 */
#ifndef MODEL_TOKENS_H
#define MODEL_TOKENS_H

#include "watcher/base/clock.h"
#include "watcher/base/digest.h"
#include "watcher/base/fault.h"

#define TOKENS_MAX 1000
#define TOKEN_ID 10   /* "K" and 8 digits, with NUL: no tenant's name, they are lower case */
#define TOKEN_TEXT 51 /* with NUL */
#define TOKEN_SCOPE 48

struct token {
	char id[TOKEN_ID];
	char scope[TOKEN_SCOPE]; /* the tenant; "": the operator */
	unsigned char hash[DIGEST_SIZE];
	char made[CLOCK_TEXT];
};

struct tokens {
	struct token *list;
	size_t count;
	uint64_t print; /* of the file's status */
};

int tokens_load(const char *path, struct tokens **out, struct fault *f) MUST_CHECK;
void tokens_free(struct tokens **t);
const struct token *tokens_find(const struct tokens *t, const char *presented);
/* Is the file another one than this was loaded from? */
bool tokens_changed(const struct tokens *t, const char *path);
/* scope: a tenant's name or "operator". */
int tokens_add(const char *path, const char *scope, int64_t now_ms, struct token *out, char text[TOKEN_TEXT],
	       struct fault *f) MUST_CHECK;
/* 0 with *count 0: none of that name. */
int tokens_revoke(const char *path, const char *which, size_t *count, struct fault *f) MUST_CHECK;

#endif

/*
 * check - can a job version run?  Asked of `ingest-worker --check` in a limited child, never in this process
 *
 *	checks_new(loop, program, starter or NULL)
 *	checks_ask(c, hash, text, done, ctx)      done(ctx, CHECK_OK, warnings) ... later, from the loop; at once when it was asked before
 *	checks_free(&c)                           kills what runs; done is not called for it
 *
 * At most two children at a time; 30 s, 1 GiB and 30 CPU seconds each.  A version that was good is not asked again, and its warnings
 * are given out once; one that was refused is asked again.  CHECK_UNKNOWN: the child could not be run or was killed: ask again later.
 * Ownership: text is copied (into a memfd); warnings and errors are borrowed during done.
 */
#ifndef DAEMON_CHECK_H
#define DAEMON_CHECK_H

#include "watcher/base/span.h"

struct ev_loop;
struct checks;

enum check_answer { CHECK_OK, CHECK_REFUSED, CHECK_UNKNOWN };

typedef void check_done(void *ctx, enum check_answer answer, const char *errors);

struct starter;
struct checks *checks_new(struct ev_loop *loop, const char *program, struct starter *starter);
void checks_free(struct checks **c);
void checks_ask(struct checks *c, const char *hash, struct span text, check_done *done, void *ctx);
size_t checks_pending(const struct checks *c);

#endif

/*
 * versions - var/jobs/<hash>/version.json: each job version in use, kept whole
 *
 *	versions_open("var", &v, &f)
 *	versions_keep(v, hash, text, &f)        before its first use; does nothing when it is there
 *	versions_fd(v, hash, &fd, &f)           read-only, for the worker; the caller closes it
 *	versions_prune(v, j, in_use, ctx, &n, &f)     at start: removes what nothing refers to
 *	versions_free(&v)
 *
 * Made under a temporary name, fsynced, renamed, folder fsynced: a folder with its name is whole.
 * Failure: SYSTEM; versions_fd of one that is not there: CONFIG.
 */
#ifndef SPOOL_VERSIONS_H
#define SPOOL_VERSIONS_H

#include "watcher/spool/journal.h"

struct versions;

int versions_open(const char *state_dir, struct versions **out, struct fault *f) MUST_CHECK;
void versions_free(struct versions **v);
int versions_keep(struct versions *v, const char *hash, struct span text,
		  struct fault *f) MUST_CHECK;
int versions_fd(struct versions *v, const char *hash, int *fd, struct fault *f) MUST_CHECK;
/*
 * Left-over temporary folders go too.  in_use (NULL: none): is it in force or given to a worker,
 * beside what the journal says?
 */
int versions_prune(struct versions *v, struct journal *j,
		   bool (*in_use)(void *ctx, const char *hash), void *ctx, size_t *removed,
		   struct fault *f) MUST_CHECK;

#endif

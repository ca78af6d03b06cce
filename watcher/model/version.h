/*
 * version - a job version, whole: what a delivery is pinned to
 *
 * The job, and the part of the profile that a worker needs, as one JSON text whose SHA-256 (first 20 base64url characters)
 * is the version's name.  The daemon keeps it as <state>/jobs/<hash>/version.json, written before its first use; the worker
 * gets it as a descriptor.  A change of anything that could change a document changes the hash; a change of a comment in the
 * job's file or of a limit that only the daemon enforces does not.
 */
#ifndef MODEL_VERSION_H
#define MODEL_VERSION_H

#include "watcher/model/profile.h"

#define VERSION_HASH 21 /* with NUL */

struct version {
	char hash[VERSION_HASH];
	struct job *job;
	char *tenant;
	unsigned formats;
	uint64_t max_columns;
	uint64_t max_row_bytes;
	int64_t max_file_bytes; /* -1: no limit; for what a file decompresses to */
	bool encryption_required;
	char *index_pattern; /* full, prefix included, %{+...} still in it */
};

/* The canonical text of (profile, job), appended; and its hash. */
void version_write(const struct profile *p, const struct job *j, struct strbuf *text,
		   char hash[VERSION_HASH]);
int version_parse(struct span text, struct version **out, struct fault *f) MUST_CHECK;
void version_free(struct version **v);

#endif

/*
 * manifest - NAME.manifest.json, what the sender of NAME states of it
 *
 *	manifest_parse(text, "a.csv", &m, &f)        in a worker: the text is a tenant's
 *
 *	{ "files": [ { "name": "a.csv", "size": 1234, "sha256": "HEX", "rows": 56 } ] }
 *
 * rows may be left out: the records that are read, header not included.  It holds nothing else: no index, no path, no filter.
 * Manifests of several files and such that name a job start runs, which this version does not build: refused by name.
 * Faults: DATA, with the JSON path, what was found and what is allowed.
 */
#ifndef MODEL_MANIFEST_H
#define MODEL_MANIFEST_H

#include "watcher/base/digest.h"
#include "watcher/base/fault.h"

struct manifest {
	uint64_t size;
	unsigned char sha256[DIGEST_SIZE];
	bool has_rows;
	uint64_t rows;
};

int manifest_parse(struct span text, const char *file, struct manifest *out, struct fault *f) MUST_CHECK;

#endif

/*
 * manifest - NAME.manifest.json: what a sender states of one file, or of the files of a run
 *
 *	manifest_parse(text, "a.csv", &m, &f)                          beside a.csv: that file alone, and no job
 *	manifest_run_parse(text, "x.manifest.json", &run, &f)          a run: its job, its files
 *	i = manifest_run_find(&run, "a.csv")                           NULL: it does not list it
 *	manifest_run_release(&run)
 *
 *	{ "job": "vmtable", "files": [ { "name": "a.csv", "size": 1234, "sha256": "HEX", "rows": 56 } ] }
 *
 * Both are called in a worker: the text is a tenant's.  rows may be left out: the records that are read, header not included.  It holds
 * nothing else: no index, no path, no filter.
 * Faults: DATA, with the JSON path, what was found and what is allowed.
 */
#ifndef MODEL_MANIFEST_H
#define MODEL_MANIFEST_H

#include "watcher/base/digest.h"
#include "watcher/base/fault.h"

#define MANIFEST_RUN_MAX (1024 * 1024) /* bytes of one that starts a run: some 7,000 files of usual names */
#define MANIFEST_RUN_FILES 10000

struct manifest {
	uint64_t size;
	unsigned char sha256[DIGEST_SIZE];
	bool has_rows;
	uint64_t rows;
};

struct manifest_run {
	char *job;
	char **names;
	struct manifest *files; /* of the same places */
	size_t count;
};

int manifest_parse(struct span text, const char *file, struct manifest *out, struct fault *f) MUST_CHECK;
int manifest_run_parse(struct span text, const char *name, struct manifest_run *out, struct fault *f) MUST_CHECK;
const struct manifest *manifest_run_find(const struct manifest_run *run, const char *file);
void manifest_run_release(struct manifest_run *run);

#endif

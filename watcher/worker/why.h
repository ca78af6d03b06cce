/*
 * why - one document back to its row: the raw bytes, and the value after each filter under the version it was loaded by
 *
 *	why(&options)      for `ingestctl why`, which finds version and file; prints text, or JSON with options.json
 *
 * Returns the exit status: 0; 1 the file is not the one that was loaded, has no such row, or cannot be read; 78 the version cannot
 * be used.
 */
#ifndef WORKER_WHY_H
#define WORKER_WHY_H

#include "watcher/base/span.h"

struct why_options {
	const char *config; /* ingestd.json, for the keys of an encrypted file; NULL: the usual one */
	const char *version_file;
	const char *file;
	const char *name; /* as it arrived */
	const char *delivery;
	uint64_t row;
	uint64_t part; /* 0: the row gave one document */
	const char *sha256;
	int64_t claimed_ms;
	bool json;
};

int why(const struct why_options *o);

#endif

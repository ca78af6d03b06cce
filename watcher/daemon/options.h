/*
 * options - the command line of ingestd
 *
 *	if (options_parse(argc, argv, &o, &f) < 0)      FAULT_CONFIG with a sentence for standard error; exit 78
 *	... options_release(&o)
 */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include "watcher/base/fault.h"

enum options_mode { MODE_RUN, MODE_TEST, MODE_JOURNAL_CHECK, MODE_BACKUP, MODE_STATS, MODE_HELP, MODE_VERSION, MODE_CRASH_POINTS };

struct options {
	enum options_mode mode;
	const char *config; /* -c, NULL = search */
	bool once;
	int64_t wait_ms; /* --wait: without progress for so long, --once stops */
	const char **starts; /* T/J, borrowed from argv */
	size_t start_count;
	bool debug;
	bool json, quick; /* --journal-check; json: --backup too */
	const char *backup; /* DIR */
	const char *tenant, *since, *until; /* --stats */
};

int options_parse(int argc, char **argv, struct options *out, struct fault *f) MUST_CHECK;
void options_release(struct options *o);
void options_print_help(FILE *out);

#endif

/*
 * commands - what ingestctl can do
 *
 * Each command gets the options and its arguments and returns the exit status: 0 ok, 1 refused, 2 usage, 3 partly, 4 daemon not
 * reachable.  With options.json it prints one JSON value on standard output; errors go to standard error.
 */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "watcher/base/base.h"

enum { CTL_OK = 0, CTL_REFUSED = 1, CTL_USAGE = 2, CTL_PARTLY = 3, CTL_UNREACHABLE = 4 };

struct ctl_options {
	const char *config; /* -c, or NULL */
	bool json;
	bool wait;
	bool trace;
	bool quick; /* journal check */
	const char *tenant, *state, *limit; /* filters of lists */
	const char *since;                  /* rerun --job, stats */
	const char *until;                  /* stats */
	const char *job, *filter, *input;   /* filter run, filter test */
	const char *junit;                  /* filter test */
	const char *reason;                 /* pause, drain */
	const char *day, *month;            /* usage */
	bool total, csv;                    /* usage */
	const char *recipients;             /* seal */
	char **args;
	int arg_count;
	const char *words, *arguments; /* of the command, as commands.def has them */
};

#define COMMAND(id, words, arguments, sentence) int command_##id(const struct ctl_options *o);
#define COMMAND_LATER(words)
#include "watcher/ctl/commands.def"
#undef COMMAND
#undef COMMAND_LATER

#endif

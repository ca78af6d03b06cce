/*
 * apply - rows from standard input through a filter, the events that come out as lines of JSON or as one array
 *
 *	exit = apply(&(struct apply_options){.filter_file = "vmtable.conf", .input = "ndjson", .trace = true});
 *
 * A line is `message`; with input "ndjson" a line is the event.  With filter_file neither a daemon nor a configuration is needed; else the
 * filter is that of a tenant's job.  Events come out whole, `message`, `tags` and all.  Standard error has why a filter failed, row by
 * row, and with trace what each filter did.
 * Exit: 0; 1 standard input or a line of it cannot be used; 2 the filter is refused, or usage.
 */
#ifndef WORKER_APPLY_H
#define WORKER_APPLY_H

#include "watcher/base/base.h"

struct apply_options {
	const char *filter_file; /* or NULL: config, tenant, job */
	const char *config, *tenant, *job;
	const char *input; /* "lines", "ndjson", NULL: lines */
	bool trace;
	bool json; /* one JSON array instead of lines */
};

/* The filter in words, to standard output, with json as an object; its input and trace are not looked at.  Exit 0, or 2: it is refused. */
int apply_explain(const struct apply_options *o);
int apply(const struct apply_options *o);
/* Every error and warning of the filters in these files, to standard error; -1: one was refused.  None: standard input. */
int apply_check(char **files);

#endif

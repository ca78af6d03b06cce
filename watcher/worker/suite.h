/*
 * suite - test cases of a filter, run and compared
 *
 *	exit = suite_run(&(struct suite_options){.filter_file = "vmtable.conf", .junit = "out.xml"}, files);
 *
 * A file of test cases is one JSON object, in the form of logstash-filter-verifier:
 *	{ "fields": {...}, "ignore": ["[a][b]", ...], "codec": "line" or "json_lines",
 *	  "testcases": [ { "description": "...", "fields": {...}, "input": ["line", ...], "expected": [ {event}, ... ] } ] }
 * or with "input" and "expected" at the top.  fields are set in each event first, those of the case over those of the file.  A case
 * without input is one event of its fields.  @version is ignored always.
 * Without filter_file and job the filter is the file beside: of NAME.json or NAME.test.json, NAME.conf.
 * Standard output: a line a case, under a failed one what differs, field by field; last `N passed, N failed`.
 * The file is JSON: FILE:LINE:COLUMN where it is none, and for a name of YAML the command that converts it.
 * Exit: 0 all passed; 1 one failed; 2 a filter or file of cases is refused.
 */
#ifndef WORKER_SUITE_H
#define WORKER_SUITE_H

#include "watcher/base/base.h"

struct suite_options {
	const char *filter_file;
	const char *config, *tenant, *job;
	const char *junit; /* a file for JUnit's XML, or NULL */
	bool json;         /* one JSON object instead of lines */
};

int suite_run(const struct suite_options *o, char **files);

#endif

/*
 * convert - the bulk body that a file would send, to standard output
 *
 *	status = convert(config or NULL, "alice", "vmtable", "data.csv");
 *
 * The same two passes as the service: a file that its gate refuses writes nothing.  Each document is two lines, {"create": ...} and
 * itself.  Counts and rejects (line, column, error) go to standard error.
 * Exit status: 0; 1 the file would not be loaded, or could not be read; 3 it would be, less the rejects.
 */
#ifndef WORKER_CONVERT_H
#define WORKER_CONVERT_H

#include "watcher/base/base.h"

int convert(const char *config, const char *tenant, const char *job, const char *file);

#endif

/*
 * route - which job a claimed file belongs to, and the limits that hold before it is read
 *
 * step_route runs when the claim is durable.  Its ends: queued for a worker; failed/ (no job, a limit, a format, a name no folder should
 * carry); held/ (several jobs).  The words of the limits are the contract's (profiles.md).
 */
#ifndef DAEMON_ROUTE_H
#define DAEMON_ROUTE_H

#include "watcher/daemon/turn.h"
#include "watcher/model/profile.h"

#define ROUTE_FILE_SIZE "File size exceeds limit"
#define ROUTE_FORMAT "File format not allowed"
#define ROUTE_RUN_SIZE "Total file size exceeds limit"
#define ROUTE_RUN_FILES "Number of files exceeds limit"

file_step step_route;
/* To a worker, or held by a daily quota; the rest of step_route was done before. */
void route_let_go(struct ingestd *d, struct file *x);
/* NULL: a run of so many files and bytes breaks no limit; else the words. */
const char *route_run_limit(const struct profile *p, uint64_t files, uint64_t bytes);
/* The sentence about a name that no arrival job's pattern matches, or several do. */
void route_describe(const struct profile *p, const char *name, size_t count, struct fault *f);

#endif

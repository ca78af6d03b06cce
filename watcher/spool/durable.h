/*
 * durable - fsync, and what a failed one means
 *
 * After a failed fsync the kernel may have dropped the pages and called them clean: the next fsync
 * says yes and lies.  So one failure anywhere in this process (folders, receipts, versions, the
 * journal's own) is remembered for ever, and the daemon must exit and start again from what the
 * disk holds (delivery.md, Recovery).  Want of room (fault_no_room) is the exception: the caller
 * writes what it wrote anew, and fsyncs that.
 *
 *	if (durable_fsync(fd, "work/A", &f) < 0) ...     fault SYSTEM
 *	if (durable_broken()) exit                       the conductor asks after any -1 of spool/
 *
 * Source: fsync(2), "Errors"; "Can applications recover from fsync failures?" (USENIX ATC 2020).
 */
#ifndef SPOOL_DURABLE_H
#define SPOOL_DURABLE_H

#include "watcher/base/fault.h"

int durable_fsync(int fd, const char *what, struct fault *f) MUST_CHECK;
bool durable_broken(void);
/* The first failure; what fails later names only what came of it, or nothing. */
const struct fault *durable_cause(void);
/* For the journal, whose fsyncs SQLite makes. */
void durable_set_broken(const struct fault *f);

#endif

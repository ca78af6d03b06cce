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
 * Many at once, with nothing written between them: a file system that can make all it was given durable in one go does so (syncfs) with
 * the first of them, for the price of two fsyncs.  Only ext4, XFS and btrfs (others may leave it to the device), on a kernel that tells of
 * errors there (5.17), and while others have not much waiting to be written, since that would be waited for too (INGEST_DIRTY_MOST in
 * the environment: so many KiB of the machine, for tests).  A syncfs that fails is a failed fsync: of whose file it was the kernel does
 * not say, and an fsync asked afterwards would say yes.  For want of room each is fsynced.
 *
 *	struct durable_batch b = durable_batch(n);       n fsyncs
 *	if (durable_batch_fsync(&b, fd, "work/A", &f) < 0) ...
 *
 * Source: fsync(2), "Errors"; syncfs(2), "Errors"; "Can applications recover from fsync failures?" (USENIX ATC 2020).
 */
#ifndef SPOOL_DURABLE_H
#define SPOOL_DURABLE_H

#include "watcher/base/fault.h"

#include <sys/types.h>

struct durable_batch {
	bool many;
	bool asked;
	dev_t dev;  /* of the file system seen last */
	int answer; /* of durable_batch_has */
};

struct durable_batch durable_batch(size_t fsyncs);
/* 1: what fd's file system was given before the first call is durable, no fsync is needed; 0: each is; -1.  b may be NULL: 0. */
int durable_batch_has(struct durable_batch *b, int fd, struct fault *f) MUST_CHECK;
int durable_batch_fsync(struct durable_batch *b, int fd, const char *what, struct fault *f) MUST_CHECK;
int durable_fsync(int fd, const char *what, struct fault *f) MUST_CHECK;
bool durable_broken(void);
/* The first failure; what fails later names only what came of it, or nothing. */
const struct fault *durable_cause(void);
/* For the journal, whose fsyncs SQLite makes. */
void durable_set_broken(const struct fault *f);

#endif

/*
 * disk - is there room?  Below the low-water mark nothing more is claimed; a write that met a full disk pauses everything
 *
 *	disk_wait(d, step, &f)                at the start: step, again and again while it fails for want of room
 *	disk_start(d)                         the first look, before anything is claimed
 *	disk_fault(d, &f)                     somebody met f; does nothing unless that is want of room (fault_no_room)
 *	disk_short(d)                         nothing is claimed and no run takes files
 *	disk_add_json(d, &sb)                 for `status`
 *
 * Looked at: the filesystems of staging, state and logs and of every embedded sink.  Low: one of them has less than min_free_bytes, or
 * no inode; files that were claimed go on.  Full: a write was refused, whatever the filesystem says of itself (a quota, another's
 * reserve): no worker is given a file either, until a small file can be written everywhere again, tried after 1 s and then at most 8 s
 * apart.  Then every file that waits for room goes on at once.  While it is short disk_usage finds out who fills it most.
 *
 * Failure: what cannot be looked at counts as having room.
 */
#ifndef DAEMON_DISK_H
#define DAEMON_DISK_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"
#include "watcher/daemon/disk_usage.h"
#include <ev.h>

/* All that a tenant is told of it: the reason may name another one's file. */
#define DISK_SHORT "there is not enough room on the disk"

struct ingestd;

struct disk {
	ev_timer timer;
	bool low;
	bool full;
	char reason[FAULT_TEXT]; /* while it is short */
	int64_t since_ms;
	int64_t full_ms;  /* mono: of the last refused write */
	int64_t probe_ms; /* mono: not before */
	unsigned tries;	  /* pauses in a row */
	const char *folder; /* the one nearest to its mark, and its room */
	uint64_t free_bytes;
	uint64_t mark; /* its low-water mark */
	struct disk_usage usage;
	unsigned usage_in; /* looks until the next counting */
	char named[64];	   /* the tenant that the log named last */
};

/* Said once on standard error; with --once for as long as that waits.  step leaves nothing behind when it fails. */
int disk_wait(struct ingestd *d, int (*step)(struct ingestd *d, struct fault *f), struct fault *f) MUST_CHECK;
void disk_start(struct ingestd *d);
void disk_stop(struct ingestd *d);
void disk_fault(struct ingestd *d, const struct fault *f);
bool disk_short(const struct ingestd *d);
void disk_add_json(const struct ingestd *d, struct strbuf *out);

#endif

/*
 * watch - one inotify descriptor for all tenants
 *
 *	watch_open(&w)                               w.fd is for the loop (readable = events), -1 and w.error when there is no inotify
 *	watch_add(&w, dir_fd, &wd)                   again for the same folder: the same wd
 *	while (watch_read(&w, fn, ctx) > 0) ;        one buffer a call
 *	watch_remove(&w, wd); watch_close(&w)
 *
 * Events are hints only: names are borrowed during the callback, may be stale, may be missing.  No
 * faults: an errno tells why a folder cannot be watched (ENOSPC: fs.inotify.max_user_watches), and
 * the caller polls it instead.  Source: inotify(7).
 */
#ifndef ARRIVAL_WATCH_H
#define ARRIVAL_WATCH_H

#include "watcher/base/base.h"

enum watch_event {
	WATCH_NAME,     /* something happened to name: look at it */
	WATCH_LEFT,     /* name was deleted or moved out */
	WATCH_SELF,     /* the folder was moved, deleted, unmounted: scan */
	WATCH_DEAD,     /* the kernel dropped the watch: wd is no more */
	WATCH_OVERFLOW, /* events were lost, wd is -1: scan all */
};

struct watch {
	int fd;
	int error; /* errno of watch_open, 0 */
};

typedef void watch_fn(void *ctx, int wd, enum watch_event event, const char *name);

void watch_open(struct watch *w);
void watch_close(struct watch *w);
/* -1 and errno. */
int watch_add(struct watch *w, int dir_fd, int *wd) MUST_CHECK;
void watch_remove(struct watch *w, int wd);
/* Number of events handled by this call, 0 = none waiting. */
size_t watch_read(struct watch *w, watch_fn *fn, void *ctx);
/* Events are made by other hosts or not at all there: NFS, FUSE, SMB, 9p, Ceph, AFS. */
bool watch_is_blind(int dir_fd);

#endif

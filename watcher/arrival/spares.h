/*
 * spares - emptied folders of work/, each for the next claim of its tenant
 *
 *	kept = spares_keep(&s, work_fd, id) work/<id> is empty and not used; false: it is the caller's to remove
 *	spares_make(&s, work_fd, id)        (s may be NULL) one of them becomes work/<id>; else it is made; -1 with errno
 *	spares_drop(&s, work_fd)            removed; work_fd -1: only forgotten, they are removed at the next start
 *
 * A spare has a name that no arrival ever had: the arrival that left it may come back (undo, retry, replace) and makes its own again.
 *
 * ext4 passes over each inode that was freed in the last five seconds whenever it looks for a free one: mkdir of each work/A alone was 22 %
 * of the daemon's CPU while many files went through (perf, docs/performance.md).
 */
#ifndef ARRIVAL_SPARES_H
#define ARRIVAL_SPARES_H

#include "watcher/base/ulid.h"
#include <stdbool.h>
#include <stddef.h>

#define SPARES_MOST 64

struct spares {
	char (*id)[ULID_TEXT]; /* NULL while there are none */
	size_t n;
};

bool spares_keep(struct spares *s, int work_fd, const char *id);
int spares_make(struct spares *s, int work_fd, const char *id);
void spares_drop(struct spares *s, int work_fd);

#endif

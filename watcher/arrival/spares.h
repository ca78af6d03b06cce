/*
 * spares - emptied folders of work/, each for the next claim of its tenant
 *
 *	kept = spares_keep(&s, id)          work/<id> is empty and nobody's; false: enough are kept, remove it
 *	spares_make(&s, work_fd, id)        (s may be NULL) one of them becomes work/<id>; else it is made; -1 with errno
 *	spares_drop(&s, work_fd)            removed; work_fd -1: only forgotten, they are removed at the next start
 *
 * To rename a folder costs a tenth of removing it and making another: ext4 passes over each inode that was freed in the last five seconds
 * whenever it looks for a free one, so that the thousandth folder of a second is dearer than all that is done with its file.
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

bool spares_keep(struct spares *s, const char *id);
int spares_make(struct spares *s, int work_fd, const char *id);
void spares_drop(struct spares *s, int work_fd);

#endif

/*
 * identity - is a path still what it was?
 *
 *	identity_of(dirfd, "in", 0, &now)       false: errno says why
 *	identity_same(&now, &before)
 *
 * Device, inode, mount and, where the filesystem keeps one, the time of birth: an inode number alone is used again at once when nothing
 * holds the inode (an open descriptor or an inotify watch does).  Source: statx(2).
 */
#ifndef BASE_IDENTITY_H
#define BASE_IDENTITY_H

#include "watcher/base/base.h"

struct identity {
	uint64_t dev, ino, mount; /* ino 0: never looked at */
	int64_t born_s;
	uint32_t born_ns;
};

/* Links are not followed unless flags has AT_SYMLINK_FOLLOW; with AT_EMPTY_PATH and "" it is dirfd's own. */
bool identity_of(int dirfd, const char *path, int flags, struct identity *out);
bool identity_same(const struct identity *a, const struct identity *b);

#endif

/*
 * identity - is a path still what it was?  see the header
 */
#include "watcher/base/base.h"
#include "watcher/base/identity.h"
#include <fcntl.h>
#include <sys/stat.h>

bool identity_of(int dirfd, const char *path, int flags, struct identity *out)
{
	int follow = flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW;
	struct statx st;

	if (statx(dirfd, path, follow | (flags & AT_EMPTY_PATH) | AT_STATX_DONT_SYNC, STATX_INO | STATX_MNT_ID | STATX_BTIME, &st) < 0)
		return false;
	*out = (struct identity){
		.dev = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor,
		.ino = st.stx_ino,
		.mount = st.stx_mask & STATX_MNT_ID ? st.stx_mnt_id : 0,
	};
	if (st.stx_mask & STATX_BTIME) {
		out->born_s = st.stx_btime.tv_sec;
		out->born_ns = st.stx_btime.tv_nsec;
	}
	return true;
}

bool identity_same(const struct identity *a, const struct identity *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->mount == b->mount && a->born_s == b->born_s && a->born_ns == b->born_ns;
}

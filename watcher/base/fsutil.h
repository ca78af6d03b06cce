/*
 * fsutil - files and folders, every step checked
 *
 * Paths of tenants are never joined and opened: fs_open_beneath takes a folder's descriptor and one bare name.
 * Faults: FAULT_SYSTEM unless said.  Source: openat2(2), renameat2(2), fsync(2).
 */
#ifndef BASE_FSUTIL_H
#define BASE_FSUTIL_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"
#include <sys/stat.h>
#include <sys/types.h>

/* openat2(BENEATH|NO_SYMLINKS|NO_XDEV) with O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK added; -1 and
 * errno; EINVAL for a name that is not bare (O_TMPFILE: "." is allowed). */
int fs_open_beneath(int dirfd, const char *name, int flags, mode_t mode);
/* A directory's descriptor, O_DIRECTORY|O_CLOEXEC (no O_NOFOLLOW: the operator may link); -1 and fault. */
int fs_open_dir(const char *path, int *out, struct fault *f) MUST_CHECK;
/* mkdir -p. */
int fs_make_dirs(const char *path, mode_t mode, struct fault *f) MUST_CHECK;
/* mkdirat one level; an existing directory is fine. */
/* Nothing but . and .. in it, which is open for reading. */
bool fs_is_empty_dir(int fd);
int fs_make_dir_at(int dirfd, const char *name, mode_t mode, struct fault *f) MUST_CHECK;
/* All n bytes, EINTR and short writes handled. */
int fs_write_all(int fd, const void *p, size_t n, struct fault *f) MUST_CHECK;
int fs_pwrite_all(int fd, const void *p, size_t n, off_t at, struct fault *f) MUST_CHECK;
/* pread until n bytes or the end; *got says how many. */
int fs_pread_full(int fd, void *p, size_t n, off_t at, size_t *got, struct fault *f) MUST_CHECK;
/*
 * The whole file behind what sb holds; on failure sb is as it was.  FAULT_CONFIG when it cannot be opened or is over max
 * bytes.
 */
int fs_read_file(const char *path, size_t max, struct strbuf *sb, struct fault *f) MUST_CHECK;
/* The same of a verb's argument: /dev/stdin is standard input as it is, and a slow writer is waited for. */
int fs_read_argument(const char *path, size_t max, struct strbuf *sb, struct fault *f) MUST_CHECK;
int fs_read_fd(int fd, size_t max, struct strbuf *sb, struct fault *f) MUST_CHECK;
int fs_fsync(int fd, const char *what, struct fault *f) MUST_CHECK;
/* ".NAME.tmp" beside it, write, fsync, rename over, fsync the folder. */
int fs_replace_at(int dirfd, const char *name, struct span content, mode_t mode, struct fault *f)
	MUST_CHECK;
int fs_replace_file(const char *path, struct span content, mode_t mode, struct fault *f) MUST_CHECK;
/* Bare: not "", ".", "..", no '/', no NUL. */
bool fs_is_bare_name(struct span name);
void fs_close(int *fd); /* closes when >= 0, sets -1 */
/* base (a directory) + "/" + path, or path when it is absolute; malloc'ed. */
char *fs_join(const char *base, const char *path);

#endif

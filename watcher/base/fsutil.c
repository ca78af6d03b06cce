/*
 * fsutil - files and folders, every step checked; see the header
 *
 * Called by whoever touches a disk.  Owns nothing between calls.  A short write, EINTR, a leftover temporary file and a
 * file where a folder should be are met here, once.
 */
#include "watcher/base/fsutil.h"
#include "watcher/base/digest.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_STEP (16 * 1024)

int fs_open_beneath(int dirfd, const char *name, int flags, mode_t mode)
{
	/* O_TMPFILE shares a bit with O_DIRECTORY; openat2 refuses what means nothing */
	bool nameless = (flags & O_TMPFILE) == O_TMPFILE;
	int always = O_CLOEXEC | O_NOFOLLOW | (flags & O_PATH ? 0 : O_NONBLOCK);
	struct open_how how = {
		.flags = (unsigned)(flags | always),
		.mode = (flags & O_CREAT) || nameless ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	int fd;

	if (!nameless && !fs_is_bare_name(span_of(name))) {
		errno = EINVAL;
		return -1;
	}
	do
		fd = (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
	while (fd < 0 && errno == EINTR);
	return fd;
}

int fs_open_dir(const char *path, int *out, struct fault *f)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot open folder %s", path);
	*out = fd;
	return 0;
}

static int make_one(const char *path, mode_t mode, struct fault *f)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return fault_errno(f, FAULT_SYSTEM, "cannot make folder %s", path);
	if (stat(path, &st) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot look at %s", path);
	if (!S_ISDIR(st.st_mode))
		return fault_set(f, FAULT_SYSTEM, "%s exists and is no folder", path);
	return 0;
}

int fs_make_dirs(const char *path, mode_t mode, struct fault *f)
{
	struct stat st;
	char *copy;
	int r = 0;

	if (!path[0])
		return fault_set(f, FAULT_SYSTEM, "cannot make a folder without a name");
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	copy = xstrdup(path);
	for (char *p = copy + 1; r == 0; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		r = make_one(copy, mode, f);
		*p = c;
		if (!c)
			break;
	}
	free(copy);
	return r;
}

bool fs_is_empty_dir(int fd)
{
	_Alignas(struct dirent64) char entries[512];
	ssize_t n = lseek(fd, 0, SEEK_SET) < 0 ? -1 : getdents64(fd, entries, sizeof(entries));

	for (ssize_t at = 0; at < n;) {
		const struct dirent64 *e = (const void *)(entries + at);

		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			return false;
		at += e->d_reclen;
	}
	return n > 0 && getdents64(fd, entries, sizeof(entries)) == 0;
}

int fs_make_dir_at(int dirfd, const char *name, mode_t mode, struct fault *f)
{
	struct stat st;

	if (mkdirat(dirfd, name, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return fault_errno(f, FAULT_SYSTEM, "cannot make folder %s", name);
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot look at %s", name);
	if (!S_ISDIR(st.st_mode))
		return fault_set(f, FAULT_SYSTEM, "%s exists and is no folder", name);
	return 0;
}

int fs_write_all(int fd, const void *p, size_t n, struct fault *f)
{
	const char *at = p;

	while (n) {
		ssize_t w = write(fd, at, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return fault_errno(f, FAULT_SYSTEM, "write");
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

int fs_pwrite_all(int fd, const void *p, size_t n, off_t at, struct fault *f)
{
	const char *from = p;

	while (n) {
		ssize_t w = pwrite(fd, from, n, at);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return fault_errno(f, FAULT_SYSTEM, "write");
		from += w;
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

int fs_pread_full(int fd, void *p, size_t n, off_t at, size_t *got, struct fault *f)
{
	char *to = p;
	size_t have = 0;

	while (have < n) {
		ssize_t r = pread(fd, to + have, n - have, at + (off_t)have);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return fault_errno(f, FAULT_SYSTEM, "read");
		if (r == 0)
			break;
		have += (size_t)r;
	}
	*got = have;
	return 0;
}

int fs_read_fd(int fd, size_t max, struct strbuf *sb, struct fault *f)
{
	size_t start = sb->n;

	for (;;) {
		ssize_t r;

		strbuf_reserve(sb, READ_STEP);
		r = read(fd, sb->p + sb->n, READ_STEP);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0) {
			int error = errno;

			strbuf_cut(sb, start);
			errno = error;
			return fault_errno(f, FAULT_SYSTEM, "read");
		}
		if (r == 0)
			return 0;
		sb->n += (size_t)r;
		sb->p[sb->n] = '\0';
		if (sb->n - start > max) {
			strbuf_cut(sb, start);
			return fault_set(f, FAULT_CONFIG, "larger than %zu bytes", max);
		}
	}
}

int fs_read_argument(const char *path, size_t max, struct strbuf *sb, struct fault *f)
{
	if (strcmp(path, "/dev/stdin") == 0)
		return fs_read_fd(STDIN_FILENO, max, sb, f);
	return fs_read_file(path, max, sb, f);
}

int fs_read_file(const char *path, size_t max, struct strbuf *sb, struct fault *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0)
		return fault_errno(f, FAULT_CONFIG, "cannot open %s", path);
	r = fs_read_fd(fd, max, sb, f);
	if (r < 0)
		fault_prefix(f, "%s", path);
	close(fd);
	return r;
}

int fs_fsync(int fd, const char *what, struct fault *f)
{
	int r;

	do
		r = fsync(fd);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return 0;
	fault_errno(f, FAULT_SYSTEM, "fsync %s", what);
	f->scope = fault_no_room(f) ? SCOPE_FILE : SCOPE_DISK;
	return -1;
}

static int write_tmp(int dirfd, const char *tmp, struct span content, mode_t mode, struct fault *f)
{
	int fd, r;

	/* what a crash left there, or somebody's link or pipe, is not written through */
	if (unlinkat(dirfd, tmp, 0) < 0 && errno != ENOENT)
		return fault_errno(f, FAULT_SYSTEM, "cannot remove %s", tmp);
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot make %s", tmp);
	/* the mode counts, not the umask */
	if (fchmod(fd, mode) < 0) {
		r = fault_errno(f, FAULT_SYSTEM, "chmod %s", tmp);
		goto out;
	}
	r = fs_write_all(fd, content.p, content.n, f);
	if (r == 0)
		r = fs_fsync(fd, tmp, f);
out:
	if (close(fd) < 0 && r == 0)
		r = fault_errno(f, FAULT_SYSTEM, "close %s", tmp);
	return r;
}

/* ".NAME.tmp"; of a name too long for that the front and its hash, so that it stays its own. */
static char *tmp_name(const char *name)
{
	unsigned char sum[DIGEST_SIZE];
	char hex[DIGEST_HEX];
	struct digest d;

	if (strlen(name) + strlen("..tmp") <= NAME_MAX)
		return xasprintf(".%s.tmp", name);
	digest_init(&d);
	digest_add(&d, name, strlen(name));
	digest_end(&d, sum);
	digest_release(&d);
	digest_hex(sum, hex);
	return xasprintf(".%.180s.%s.tmp", name, hex);
}

int fs_replace_at(int dirfd, const char *name, struct span content, mode_t mode, struct fault *f)
{
	char *tmp;
	int r;

	if (!fs_is_bare_name(span_of(name)))
		return fault_set(f, FAULT_SYSTEM, "\"%s\" is no name of a file", name);
	tmp = tmp_name(name);
	r = write_tmp(dirfd, tmp, content, mode, f);
	if (r == 0 && renameat(dirfd, tmp, dirfd, name) < 0)
		r = fault_errno(f, FAULT_SYSTEM, "rename to %s", name);
	if (r < 0)
		(void)unlinkat(dirfd, tmp, 0);
	else
		r = fs_fsync(dirfd, "folder", f);
	free(tmp);
	return r;
}

int fs_replace_file(const char *path, struct span content, mode_t mode, struct fault *f)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	int dirfd = -1;
	int r = fs_open_dir(folder, &dirfd, f);

	if (r == 0)
		r = fs_replace_at(dirfd, slash ? slash + 1 : path, content, mode, f);
	fs_close(&dirfd);
	free(folder);
	return r;
}

bool fs_is_bare_name(struct span name)
{
	if (!name.n || span_is(name, ".") || span_is(name, ".."))
		return false;
	return !memchr(name.p, '/', name.n) && !memchr(name.p, '\0', name.n);
}

void fs_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

char *fs_join(const char *base, const char *path)
{
	size_t n = strlen(base);

	if (path[0] == '/')
		return xstrdup(path);
	return xasprintf("%s%s%s", base, n && base[n - 1] == '/' ? "" : "/", path);
}

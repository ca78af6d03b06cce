/*
 * versions - var/jobs/<hash>/version.json; see versions.h
 *
 * Called by the daemon when a job version is first used, at each hand-over to a worker, and to
 * clean.  A crash leaves at most a temporary folder, which the next versions_keep of that hash or
 * versions_prune removes.
 */
#include "watcher/base/base.h"
#include "watcher/spool/versions.h"

#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/spool/durable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FILE_NAME "version.json"
#define TMP_PREFIX ".tmp-"

struct versions {
	char *path;
	int fd; /* var/jobs */
};

int versions_open(const char *state_dir, struct versions **out, struct fault *f)
{
	struct versions *v = xcalloc(1, sizeof(*v));

	v->path = fs_join(state_dir, "jobs");
	v->fd = -1;
	if (fs_make_dirs(v->path, 0700, f) < 0 || fs_open_dir(v->path, &v->fd, f) < 0) {
		versions_free(&v);
		return -1;
	}
	*out = v;
	return 0;
}

void versions_free(struct versions **vp)
{
	struct versions *v = *vp;

	if (!v)
		return;
	fs_close(&v->fd);
	free(v->path);
	free(v);
	*vp = NULL;
}

/* A folder that holds version.json at most. */
static int remove_folder(struct versions *v, const char *name, struct fault *f)
{
	char *file = xasprintf("%s/" FILE_NAME, name);
	int r = 0;

	if ((unlinkat(v->fd, file, 0) < 0 && errno != ENOENT) ||
	    (unlinkat(v->fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT))
		r = fault_errno(f, FAULT_SYSTEM, "cannot remove %s/%s", v->path, name);
	free(file);
	return r;
}

static int write_file(int dir, struct span text, struct fault *f)
{
	int fd = openat(dir, FILE_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot make a version's file");
	r = fs_write_all(fd, text.p, text.n, f);
	if (r == 0)
		r = durable_fsync(fd, FILE_NAME, f);
	close(fd);
	if (r == 0)
		r = durable_fsync(dir, "a version's folder", f);
	return r;
}

static int write_folder(struct versions *v, const char *tmp, struct span text, struct fault *f)
{
	int dir;
	int r;

	if (remove_folder(v, tmp, f) < 0)
		return -1;
	if (mkdirat(v->fd, tmp, 0700) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot make %s/%s", v->path, tmp);
	dir = openat(v->fd, tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot open %s/%s", v->path, tmp);
	r = write_file(dir, text, f);
	close(dir);
	return r;
}

int versions_keep(struct versions *v, const char *hash, struct span text, struct fault *f)
{
	char *tmp;
	int r = -1;

	CHECK(fs_is_bare_name(span_of(hash)) && hash[0] != '.');
	if (faccessat(v->fd, hash, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	tmp = xasprintf(TMP_PREFIX "%s", hash);
	crash_point("version.before-write");
	if (write_folder(v, tmp, text, f) < 0)
		goto out;
	crash_point("version.before-rename");
	if (renameat(v->fd, tmp, v->fd, hash) < 0) {
		fault_errno(f, FAULT_SYSTEM, "cannot rename to %s/%s", v->path, hash);
		goto out;
	}
	crash_point("version.renamed");
	r = durable_fsync(v->fd, v->path, f);
	if (r == 0)
		crash_point("version.fsynced");
out:
	free(tmp);
	return r;
}

int versions_fd(struct versions *v, const char *hash, int *out, struct fault *f)
{
	int dir = fs_open_beneath(v->fd, hash, O_RDONLY | O_DIRECTORY, 0);
	int fd = dir < 0 ? -1 : fs_open_beneath(dir, FILE_NAME, O_RDONLY, 0);

	if (fd < 0)
		fault_errno(f, FAULT_CONFIG, "job version %s is not kept in %s", hash, v->path);
	fs_close(&dir);
	if (fd < 0)
		return -1;
	*out = fd;
	return 0;
}

/* 1 it may go, 0, -1 */
static int may_go(struct journal *j, const char *name, bool (*in_use)(void *, const char *),
		  void *ctx, struct fault *f)
{
	int used;

	if (span_starts(span_of(name), SPAN_LITERAL(TMP_PREFIX)))
		return 1;
	if (name[0] == '.' || strlen(name) != VERSION_HASH - 1)
		return 0; /* nothing of ours */
	if (in_use && in_use(ctx, name))
		return 0;
	used = journal_version_used(j, name, f);
	return used < 0 ? -1 : !used;
}

int versions_prune(struct versions *v, struct journal *j,
		   bool (*in_use)(void *ctx, const char *hash), void *ctx, size_t *removed,
		   struct fault *f)
{
	int fd = openat(v->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	size_t n = 0;
	int r = 0;

	if (!dir) {
		fault_errno(f, FAULT_SYSTEM, "cannot read %s", v->path);
		fs_close(&fd);
		return -1;
	}
	for (struct dirent *e; r >= 0 && (e = readdir(dir));) {
		r = may_go(j, e->d_name, in_use, ctx, f);
		if (r != 1)
			continue;
		r = remove_folder(v, e->d_name, f);
		n += r == 0;
	}
	closedir(dir);
	if (r < 0)
		return -1;
	*removed = n;
	return 0;
}

/*
 * work - the folder work/A of one arrival; see work.h
 *
 * Called by the daemon at each hand-over to a worker, by place and recover.  work/ is 0700 and the
 * daemon's, so a name in it is what the daemon put there; everything is opened beneath it all the
 * same.
 */
#include "watcher/base/base.h"
#include "watcher/spool/work.h"

#include "watcher/base/fsutil.h"
#include "watcher/model/sidecar.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static const char *const rejects_ext[] = {"csv", "ndjson"};

int work_open_dir(const struct folders *t, const char *arrival, int *out, struct fault *f)
{
	int fd;

	if (folders_use(t, f) < 0)
		return -1;
	fd = fs_open_beneath(folders_fd(t, FOLDER_WORK), arrival, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot open %s/work/%s", t->path, arrival);
	*out = fd;
	return 0;
}

static int check_input(const struct file_row *r, int fd, struct fault *f)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fault_errno(f, FAULT_SYSTEM, "stat %s", r->file);
	if (!S_ISREG(st.st_mode))
		return fault_set_altered(f, "'%s' is no regular file any more", r->file);
	/* rows are taken back whatever became of it */
	if ((uint64_t)st.st_size != r->bytes && r->state != FILE_UNDOING)
		return fault_set_altered(f, "the file has %llu bytes, it had %llu when it was claimed",
				 (unsigned long long)st.st_size, (unsigned long long)r->bytes);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	fault_errno(f, errno == EWOULDBLOCK ? FAULT_TEMPORARY : FAULT_SYSTEM,
		    "a worker of before still has '%s'", r->file);
	return -1;
}

#define SPARSE_FROM ((uint64_t)64 << 20)
#define SPARSE_RATIO 250 /* as a compressed file's output (decode/decompressor.h) */

bool work_is_sparse(const struct folders *t, const struct file_row *r, uint64_t *stored)
{
	struct fault ignored = FAULT_INIT;
	struct stat st;
	int dir = -1;
	bool sparse;

	if (r->bytes <= SPARSE_FROM || work_open_dir(t, r->arrival, &dir, &ignored) < 0)
		return false;
	/* one that cannot be looked at is told where it is opened */
	sparse = fstatat(dir, r->file, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		 (uint64_t)st.st_blocks * 512 < r->bytes / SPARSE_RATIO;
	*stored = sparse ? (uint64_t)st.st_blocks * 512 : 0;
	close(dir);
	return sparse;
}

int work_open_input(const struct folders *t, const struct file_row *r, int *out, struct fault *f)
{
	int dir = -1;
	int fd;

	if (work_open_dir(t, r->arrival, &dir, f) < 0)
		return -1;
	fd = fs_open_beneath(dir, r->file, O_RDONLY, 0);
	if (fd < 0)
		fault_errno(f, FAULT_SYSTEM, "cannot open %s/work/%s/%s", t->path, r->arrival,
			    r->file);
	close(dir);
	if (fd < 0)
		return -1;
	if (check_input(r, fd, f) < 0) {
		close(fd);
		return -1;
	}
	*out = fd;
	return 0;
}

int work_open_rejects(const struct folders *t, const struct file_row *r, const char *ext, int *out,
		      struct fault *f)
{
	char *name = xasprintf("%s.rejects.%s", r->file, ext);
	int dir = -1;
	int fd = -1;

	CHECK(strcmp(ext, rejects_ext[0]) == 0 || strcmp(ext, rejects_ext[1]) == 0);
	if (work_open_dir(t, r->arrival, &dir, f) == 0) {
		fd = fs_open_beneath(dir, name, O_RDWR | O_CREAT, 0600);
		if (fd < 0)
			fault_errno(f, FAULT_SYSTEM, "cannot make %s/work/%s/%s", t->path,
				    r->arrival, name);
	}
	fs_close(&dir);
	free(name);
	if (fd < 0)
		return -1;
	*out = fd;
	return 0;
}

/* st of NAME.rejects.EXT in dir; false: not there */
static bool stat_rejects(int dir, const char *file, const char *ext, struct stat *st)
{
	char *name = xasprintf("%s.rejects.%s", file, ext);
	bool there = fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) == 0;

	free(name);
	return there;
}

int work_rejects_size(const struct folders *t, const struct file_row *r, uint64_t *size,
		      const char **ext, struct fault *f)
{
	uint64_t found = 0;
	const char *which = NULL;
	struct stat st;
	int dir = -1;

	if (work_open_dir(t, r->arrival, &dir, f) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(rejects_ext); i++) {
		if (!stat_rejects(dir, r->file, rejects_ext[i], &st) || (which && st.st_size == 0))
			continue;
		which = rejects_ext[i];
		found = (uint64_t)st.st_size;
	}
	close(dir);
	*size = found;
	*ext = which;
	return 0;
}

int work_open_sidecar(const struct folders *t, const struct file_row *r, enum sidecar_kind *kind, int *out, struct fault *f)
{
	int dir = -1, result = 0;

	*out = -1;
	if (work_open_dir(t, r->arrival, &dir, f) < 0)
		return -1;
	for (size_t i = 0; i < SIDECAR_KINDS && *out < 0 && result == 0; i++) {
		char *name = xasprintf("%s%s", r->file, sidecar_suffixes[i]);

		*kind = (enum sidecar_kind)i;
		*out = fs_open_beneath(dir, name, O_RDONLY, 0);
		if (*out < 0 && errno != ENOENT)
			result = fault_errno(f, FAULT_SYSTEM, "cannot open %s/work/%s/%s", t->path, r->arrival, name);
		free(name);
	}
	close(dir);
	return result;
}

bool work_side_is_file(int dir, const char *name)
{
	char *receipt = xasprintf("%s.receipt.json", name);
	bool there = faccessat(dir, receipt, F_OK, AT_SYMLINK_NOFOLLOW) == 0;

	free(receipt);
	return there;
}

int work_open_beside(const struct folders *t, const struct file_row *r, int *out, struct fault *f)
{
	int dir = -1, fd;

	if (work_open_dir(t, r->arrival, &dir, f) < 0)
		return -1;
	fd = fs_open_beneath(dir, r->file, O_RDONLY, 0);
	if (fd < 0)
		fault_errno(f, FAULT_SYSTEM, "cannot open %s/work/%s/%s", t->path, r->arrival, r->file);
	close(dir);
	if (fd < 0)
		return -1;
	*out = fd;
	return 0;
}

bool work_has_sidecar(const struct folders *t, const struct file_row *r)
{
	struct fault ignored = FAULT_INIT;
	enum sidecar_kind kind;
	int fd = -1;
	/* one that cannot be opened is there: the pass that needs it says why */
	bool there = work_open_sidecar(t, r, &kind, &fd, &ignored) < 0 ? ignored.error != ENOENT : fd >= 0;

	fs_close(&fd);
	return there;
}

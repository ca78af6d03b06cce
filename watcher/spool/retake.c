/*
 * retake - out of done/, failed/ or held/ back into work/A; see retake.h
 *
 * Called by the daemon for a row that is RETAKING.  The file goes first: when it is not there,
 * nothing else was moved and the row can stay as it was placed.
 */
#include "watcher/base/base.h"
#include "watcher/spool/retake.h"

#include "watcher/base/clock.h"
#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/sidecar.h"
#include "watcher/spool/durable.h"
#include "watcher/spool/work.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static enum retake_result is_it(const struct folders *t, const struct file_row *r,
				const struct stat *st, struct fault *f)
{
	if (S_ISREG(st->st_mode) && (uint64_t)st->st_size == r->bytes)
		return RETAKE_DONE;
	fault_set(f, FAULT_DATA, "%s/%s/%s is not the file that was placed there (%lld bytes, not %llu)",
		  t->path, folder_name(r->folder), r->target, (long long)st->st_size,
		  (unsigned long long)r->bytes);
	return RETAKE_MISSING;
}

enum retake_result retake_look(const struct folders *t, const struct file_row *r, struct fault *f)
{
	char when[CLOCK_TEXT];
	struct stat st;

	CHECK(r->has_folder && r->target);
	if (r->times.removed) {
		/* whatever lies under its name now is another's */
		clock_format(r->times.removed, when);
		fault_set(f, FAULT_DATA, "retention removed it at %s", when);
		return RETAKE_MISSING;
	}
	if (folders_use(t, f) < 0)
		return RETAKE_FAILED;
	if (fstatat(folders_fd(t, r->folder), r->target, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return is_it(t, r, &st, f);
	fault_errno(f, FAULT_SYSTEM, "cannot find %s/%s/%s", t->path, folder_name(r->folder), r->target);
	if (errno != ENOENT && f->error != ENOENT)
		return RETAKE_FAILED;
	f->kind = FAULT_DATA;
	return RETAKE_MISSING;
}

/* Owner and mode of a claim (delivery.md, Arrival 5). */
static int make_ours(int work, const char *name, struct fault *f)
{
	int fd = fs_open_beneath(work, name, O_RDONLY, 0);
	int r = 0;

	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot open '%s' in work/", name);
	if (fchown(fd, geteuid(), (gid_t)-1) < 0 && errno != EPERM)
		r = fault_errno(f, FAULT_SYSTEM, "'%s' cannot be made the daemon's", name);
	else if (fchmod(fd, 0400) < 0)
		r = fault_errno(f, FAULT_SYSTEM, "cannot set the mode of '%s'", name);
	close(fd);
	return r;
}

static enum retake_result move_file(const struct folders *t, const struct file_row *r, int work,
				    struct fault *f)
{
	enum retake_result there;
	struct stat st;

	if (fstatat(work, r->file, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		there = retake_look(t, r, f);
		if (there != RETAKE_DONE)
			return there;
		crash_point("retake.before-rename");
		if (renameat2(folders_fd(t, r->folder), r->target, work, r->file, RENAME_NOREPLACE) < 0) {
			fault_errno(f, FAULT_SYSTEM, "cannot move %s/%s/%s back to work/", t->path,
				    folder_name(r->folder), r->target);
			return RETAKE_FAILED;
		}
		crash_point("retake.renamed");
	}
	return make_ours(work, r->file, f) < 0 ? RETAKE_FAILED : RETAKE_DONE;
}

static int move_side(const struct folders *t, const struct file_row *r, int work, const char *suffix,
		     struct fault *f)
{
	char *from = xasprintf("%s%s", r->target, suffix);
	char *to = xasprintf("%s%s", r->file, suffix);
	int result = 0;

	if (!work_side_is_file(folders_fd(t, r->folder), from) && renameat(folders_fd(t, r->folder), from, work, to) < 0 && errno != ENOENT)
		result = fault_errno(f, FAULT_SYSTEM, "cannot move %s/%s/%s back to work/", t->path,
				     folder_name(r->folder), from);
	free(from);
	free(to);
	return result;
}

static int sync_all(const struct folders *t, const struct file_row *r, int work, struct fault *f)
{
	if (durable_fsync(work, r->arrival, f) < 0 ||
	    durable_fsync(folders_fd(t, FOLDER_WORK), "work", f) < 0 ||
	    durable_fsync(folders_fd(t, r->folder), folder_name(r->folder), f) < 0)
		return -1;
	crash_point("retake.fsynced");
	return 0;
}

static int move_sides(const struct folders *t, const struct file_row *r, int work, struct fault *f)
{
	bool own = !r->times.removed;

	if (own && r->rejects && move_side(t, r, work, r->rejects + strlen(r->target), f) < 0)
		return -1;
	if (own && (move_side(t, r, work, ".receipt.json", f) < 0 || move_side(t, r, work, SIDECAR_SUFFIX, f) < 0 ||
		    move_side(t, r, work, MANIFEST_SUFFIX, f) < 0))
		return -1;
	return sync_all(t, r, work, f);
}

static int open_work(const struct folders *t, const struct file_row *r, int *work, struct fault *f)
{
	if (folders_use(t, f) < 0)
		return -1;
	if (mkdirat(folders_fd(t, FOLDER_WORK), r->arrival, 0700) < 0 && errno != EEXIST)
		return fault_errno(f, FAULT_SYSTEM, "cannot make %s/work/%s", t->path, r->arrival);
	return work_open_dir(t, r->arrival, work, f);
}

enum retake_result retake_move(const struct folders *t, const struct file_row *r, struct fault *f)
{
	enum retake_result result;
	int work = -1;

	CHECK(r->state == FILE_RETAKING && r->has_folder && r->target);
	if (open_work(t, r, &work, f) < 0)
		return RETAKE_FAILED;
	result = move_file(t, r, work, f);
	if (result == RETAKE_DONE && move_sides(t, r, work, f) < 0)
		result = RETAKE_FAILED;
	close(work);
	return result;
}

int retake_sides(const struct folders *t, const struct file_row *r, struct fault *f)
{
	int work = -1, result;

	if (open_work(t, r, &work, f) < 0)
		return -1;
	result = move_sides(t, r, work, f);
	close(work);
	return result;
}

/*
 * place - out of work/A into done/, failed/ or held/; see place.h
 *
 * Called by the daemon when a file has its outcome, and again after a crash.  Every step looks at
 * what is where before it does something: what is no more in work/A was moved by the try before.
 * The target's name was made durable (PLACING) before the first rename, so "where" has one answer.
 */
#include "watcher/base/base.h"
#include "watcher/spool/place_own.h"

#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/sidecar.h"
#include "watcher/spool/durable.h"
#include "watcher/spool/receipt_of.h"
#include "watcher/spool/work.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MODE_FILE 0440
#define CHOOSE_TRIES 100

static const char *const side_suffixes[] = {".receipt.json", ".rejects.csv", ".rejects.ndjson"};

/* 1 free, 0 taken, -1 */
static int name_free(int dir, const char *name, const char *suffix, struct fault *f)
{
	char *whole = xasprintf("%s%s", name, suffix);
	struct stat st;
	int r = 0;

	if (fstatat(dir, whole, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = errno == ENOENT ? 1
				    : fault_errno(f, FAULT_SYSTEM, "cannot look for '%s'", whole);
	free(whole);
	return r;
}

static int target_free(const struct folders *t, struct journal *j, const struct file_row *r,
		       enum folder folder, const char *name, struct fault *f)
{
	int dir = folders_fd(t, folder);
	int free_now = name_free(dir, name, "", f);

	for (size_t i = 0; free_now == 1 && i < ARRAY_LEN(side_suffixes); i++)
		free_now = name_free(dir, name, side_suffixes[i], f);
	for (size_t i = 0; free_now == 1 && i < SIDECAR_KINDS; i++)
		free_now = name_free(dir, name, sidecar_suffixes[i], f);
	if (free_now == 1) {
		int reserved = journal_name_reserved(j, r, folder, name, f);

		free_now = reserved < 0 ? -1 : !reserved;
	}
	return free_now;
}

static char *candidate(const struct file_row *r, unsigned try)
{
	if (try == 0)
		return xstrdup(r->file);
	if (try == 1)
		return xasprintf("%s.%s", r->file, r->arrival);
	return xasprintf("%s.%s.%u", r->file, r->arrival, try);
}

/* The name beside target, or NULL: none, empty, or of a duplicate, whose finding is dropped. */
static int choose_rejects(const struct folders *t, const struct file_row *r, const char *target,
			  char **out, struct fault *f)
{
	const char *ext = NULL;
	uint64_t size = 0;

	if (work_rejects_size(t, r, &size, &ext, f) < 0) {
		if (f->error != ENOENT)
			return -1;
		fault_clear(f); /* work/A was removed by hand: only the receipt is placed */
	}
	*out = size && r->outcome != OUTCOME_DUPLICATE ? xasprintf("%s.rejects.%s", target, ext)
						       : NULL;
	return 0;
}

int place_choose(struct folders *t, struct journal *j, struct file_row *r, struct fault *f)
{
	enum folder folder;

	CHECK(r->has_outcome);
	folder = folder_of(r->outcome);
	if (folders_refresh(t, f) < 0)
		return -1;
	for (unsigned try = 0; try < CHOOSE_TRIES; try++) {
		char *name = candidate(r, try);
		int free_now = target_free(t, j, r, folder, name, f);
		char *rejects = NULL;

		if (free_now == 0 || (free_now == 1 && choose_rejects(t, r, name, &rejects, f) < 0))
			free_now = free_now ? -1 : 0;
		if (free_now == 1) {
			free(r->target);
			r->target = name;
			free(r->rejects);
			r->rejects = rejects;
			r->folder = folder;
			r->has_folder = true;
			return 0;
		}
		free(name);
		if (free_now < 0)
			return -1;
	}
	return fault_set(f, FAULT_SYSTEM, "no free name for '%s' in %s/%s", r->file, t->path,
			 folder_name(folder));
}

enum moved {
	MOVED,
	MOVED_ABSENT, /* it is not in work/A */
	MOVED_TAKEN,
	MOVED_FAILED,
};

struct move {
	const struct folders *t;
	const struct file_row *row;
	int work;   /* work/A, -1: there is none */
	int target; /* done/, failed/ or held/ */
	struct fault *f;
};

/*
 * A worker fsyncs what it reads; a file that fails or is held before that was written by its
 * uploader alone.
 */
static bool was_read(const struct file_row *r)
{
	return r->sha256[0] != '\0';
}

/* unread: nobody has made its bytes durable yet. */
static enum moved move_one(const struct move *m, const char *from, const char *to, mode_t mode, bool unread)
{
	int fd = m->work < 0 ? -1 : fs_open_beneath(m->work, from, O_RDONLY, 0);
	int r = 0;

	if (fd < 0 && (m->work < 0 || errno == ENOENT))
		return MOVED_ABSENT;
	if (fd >= 0) { /* else: not ours to read, but ours to move */
		r = place_give(m->t, fd, mode, from, m->f);
		if (r == 0 && unread)
			r = durable_fsync(fd, from, m->f);
		close(fd);
	}
	if (r < 0)
		return MOVED_FAILED;
	if (renameat2(m->work, from, m->target, to, RENAME_NOREPLACE) == 0)
		return MOVED;
	if (errno == EEXIST)
		return MOVED_TAKEN;
	fault_errno(m->f, FAULT_SYSTEM, "cannot move '%s' to %s/%s/%s", from, m->t->path,
		    folder_name(m->row->folder), to);
	return MOVED_FAILED;
}

static enum moved remove_rejects(const struct move *m)
{
	for (size_t i = 1; m->work >= 0 && i < ARRAY_LEN(side_suffixes); i++) {
		char *name = xasprintf("%s%s", m->row->file, side_suffixes[i]);
		int r = unlinkat(m->work, name, 0);

		if (r < 0 && errno != ENOENT)
			fault_errno(m->f, FAULT_SYSTEM, "cannot remove '%s' of work/", name);
		else
			r = 0;
		free(name);
		if (r < 0)
			return MOVED_FAILED;
	}
	return MOVED;
}

/* The rejects' name in work/A: the target's suffix behind the file's name. */
static char *rejects_source(const struct file_row *r)
{
	return xasprintf("%s%s", r->file, r->rejects + strlen(r->target));
}

static enum moved move_rejects(const struct move *m)
{
	enum moved r;
	char *from;

	if (!m->row->rejects)
		return remove_rejects(m);
	from = rejects_source(m->row);
	crash_point("place.before-rejects");
	r = move_one(m, from, m->row->rejects, MODE_SIDE, false);
	if (r == MOVED)
		crash_point("place.rejects-renamed");
	free(from);
	return r;
}

static enum moved move_receipt(const struct move *m)
{
	char *from = xasprintf("%s.receipt.json", m->row->file);
	char *to = xasprintf("%s.receipt.json", m->row->target);
	enum moved r;

	crash_point("place.before-receipt");
	r = move_one(m, from, to, MODE_SIDE, false);
	if (r == MOVED)
		crash_point("place.receipt-renamed");
	free(from);
	free(to);
	return r;
}

/* Its sender's own checksum, if there was one; no worker made it durable. */
static enum moved move_sidecar(const struct move *m)
{
	enum moved r = MOVED_ABSENT;

	for (size_t i = 0; i < SIDECAR_KINDS && (r == MOVED || r == MOVED_ABSENT); i++) {
		char *from = xasprintf("%s%s", m->row->file, sidecar_suffixes[i]);
		char *to = xasprintf("%s%s", m->row->target, sidecar_suffixes[i]);

		r = move_one(m, from, to, MODE_FILE, true);
		if (r == MOVED)
			crash_point("place.sidecar-renamed");
		free(from);
		free(to);
	}
	return r;
}

static enum moved move_file(const struct move *m)
{
	enum moved r;

	crash_point("place.before-rename");
	r = move_one(m, m->row->file, m->row->target, MODE_FILE, !was_read(m->row));
	if (r == MOVED)
		crash_point("place.renamed");
	return r;
}

static void take_back(const struct move *m, const char *from, const char *to)
{
	struct stat st;

	if (m->work < 0 || fstatat(m->work, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return; /* it never left */
	if (renameat2(m->target, from, m->work, to, RENAME_NOREPLACE) < 0 && errno != ENOENT)
		fault_errno(m->f, FAULT_SYSTEM, "cannot take '%s' back", from);
}

/*
 * A stranger has one of the names: what was moved goes back, so that all can go under another name
 * together.
 */
static void take_all_back(const struct move *m)
{
	static const char *const sides[] = {".receipt.json", SIDECAR_SUFFIX, MANIFEST_SUFFIX};
	char *to;

	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		char *from = xasprintf("%s%s", m->row->target, sides[i]);

		to = xasprintf("%s%s", m->row->file, sides[i]);
		take_back(m, from, to);
		free(from);
		free(to);
	}
	if (!m->row->rejects)
		return;
	to = rejects_source(m->row);
	take_back(m, m->row->rejects, to);
	free(to);
}

int place_sync(const struct folders *t, const struct file_row *r, struct place_moved *m, bool target_too,
	       struct durable_batch *b, struct fault *f)
{
	if (target_too && durable_batch_fsync(b, m->target, folder_name(r->folder), f) < 0)
		return -1;
	crash_point("place.fsynced-target");
	if (m->work >= 0 && durable_batch_fsync(b, m->work, r->arrival, f) < 0)
		return -1;
	/* and its claim was not made durable either (folders_sync_claim) */
	if (!was_read(r) && (folders_use(t, f) < 0 || durable_batch_fsync(b, folders_fd(t, FOLDER_WORK), "work", f) < 0 ||
			     durable_batch_fsync(b, folders_fd(t, FOLDER_IN), "in", f) < 0))
		return -1;
	crash_point("place.fsynced-work");
	return 0;
}

void place_moved_close(struct place_moved *m)
{
	fs_close(&m->work);
	fs_close(&m->target);
}

/* What is not in work/A was moved before, or is lost. */
static bool is_in_target(const struct move *m)
{
	struct stat st;

	return fstatat(m->target, m->row->target, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == m->row->bytes;
}

static enum place_result move_all(const struct move *m)
{
	enum moved (*const steps[])(const struct move *) = {move_rejects, move_receipt, move_sidecar, move_file};
	enum moved last = MOVED;

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		last = steps[i](m);
		if (last == MOVED_TAKEN)
			take_all_back(m);
		if (last == MOVED_TAKEN)
			return m->f->kind == FAULT_NONE ? PLACE_TAKEN : PLACE_FAILED;
		if (last == MOVED_FAILED)
			return PLACE_FAILED;
	}
	return last == MOVED_ABSENT && !is_in_target(m) ? PLACE_MISSING : PLACE_DONE;
}

/* 1: neither in work/A nor where it is to be, 0, -1 */
static int receipt_missing(const struct move *m)
{
	char *from = xasprintf("%s.receipt.json", m->row->file), *to = xasprintf("%s.receipt.json", m->row->target);
	int r = m->work < 0 ? 1 : name_free(m->work, from, "", m->f);

	if (r == 1)
		r = name_free(m->target, to, "", m->f);
	free(from);
	free(to);
	return r;
}

static int open_work(struct move *m)
{
	if (work_open_dir(m->t, m->row->arrival, &m->work, m->f) == 0)
		return 0;
	if (m->f->error != ENOENT)
		return -1;
	fault_clear(m->f);
	return 0;
}

/* One that the power took, or a full disk kept from being written. */
static int see_to_receipt(struct move *m)
{
	int r = receipt_missing(m);

	if (r < 1)
		return r;
	if (place_receipt(m->t, m->row, m->f) < 0)
		return -1;
	fs_close(&m->work);
	return open_work(m);
}

/* One of our own: the folders' may be closed when others were used. */
static int keep_target(struct move *m, struct place_moved *out)
{
	if (folders_use(m->t, m->f) < 0)
		return -1;
	out->target = fcntl(folders_fd(m->t, m->row->folder), F_DUPFD_CLOEXEC, 3);
	if (out->target < 0)
		return fault_errno(m->f, FAULT_SYSTEM, "keep %s/%s open", m->t->path, folder_name(m->row->folder));
	m->target = out->target;
	return 0;
}

enum place_result place_rename(const struct folders *t, const struct file_row *r, struct place_moved *out, struct fault *f)
{
	struct move m = {.t = t, .row = r, .work = -1, .f = f};
	enum place_result result = PLACE_FAILED;

	CHECK(r->state == FILE_PLACING && r->has_folder && r->target);
	*out = (struct place_moved){.work = -1, .target = -1};
	if (keep_target(&m, out) == 0 && open_work(&m) == 0 && see_to_receipt(&m) == 0)
		result = move_all(&m);
	out->work = m.work;
	return result;
}

enum place_result place_move(const struct folders *t, const struct file_row *r, struct fault *f)
{
	struct place_moved moved;
	enum place_result result = place_rename(t, r, &moved, f);

	if ((result == PLACE_DONE || result == PLACE_MISSING) && place_sync(t, r, &moved, true, NULL, f) < 0)
		result = PLACE_FAILED;
	place_moved_close(&moved);
	return result;
}

static int remove_rest(const struct move *m)
{
	(void)unlinkat(m->work, RECEIPT_TMP, 0);
	return remove_rejects(m) == MOVED ? 0 : -1;
}

int place_empty(const struct folders *t, const struct file_row *r, bool *is_empty, struct fault *f)
{
	struct move m = {.t = t, .row = r, .work = -1, .f = f};
	int result;

	*is_empty = false;
	if (work_open_dir(t, r->arrival, &m.work, f) < 0) {
		if (f->error != ENOENT)
			return -1;
		fault_clear(f);
		return 1;
	}
	result = fs_is_empty_dir(m.work) ? 0 : remove_rest(&m);
	*is_empty = result == 0 && fs_is_empty_dir(m.work);
	close(m.work);
	return result;
}

int place_remove(const struct folders *t, const struct file_row *r, struct fault *f)
{
	crash_point("placed.before-rmdir");
	if (unlinkat(folders_fd(t, FOLDER_WORK), r->arrival, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fault_errno(f, FAULT_SYSTEM, "cannot remove %s/work/%s", t->path, r->arrival);
	crash_point("placed.removed");
	return 0;
}

int place_clean(const struct folders *t, const struct file_row *r, struct fault *f)
{
	bool is_empty;
	int result = place_empty(t, r, &is_empty, f);

	return result == 0 ? place_remove(t, r, f) : result < 0 ? -1 : 0;
}

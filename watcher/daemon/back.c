/*
 * back - a claimed file that nobody has read goes back into in/; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/back.h"
#include "watcher/base/fsutil.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/tenants.h"
#include "watcher/model/sidecar.h"
#include "watcher/schedule/schedule.h"
#include "watcher/spool/durable.h"
#include "watcher/spool/work.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool back_possible(const struct file *x)
{
	bool claimed = x->row.state == FILE_CLAIMED ||
		       (x->row.state == FILE_WAITING && x->row.resume == FILE_CLAIMED);

	return claimed && !x->row.has_outcome && !(x->task && x->task->worker);
}

static int give_owner(const struct folders *t, int work, const char *name, struct fault *f)
{
	int fd = fs_open_beneath(work, name, O_RDONLY, 0);
	struct stat st;
	int r = 0;

	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot open %s", name);
	if (fstat(folders_fd(t, FOLDER_IN), &st) < 0)
		r = fault_errno(f, FAULT_SYSTEM, "stat in/");
	else if (geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) < 0)
		r = fault_errno(f, FAULT_SYSTEM, "cannot give %s back", name);
	else if (fchmod(fd, 0660) < 0)
		r = fault_errno(f, FAULT_SYSTEM, "cannot set the mode of %s", name);
	close(fd);
	return r;
}

static int rename_back(const struct folders *t, int work, const struct file_row *r, struct fault *f)
{
	int in = folders_fd(t, FOLDER_IN);
	char *other;
	int result;

	if (renameat2(work, r->file, in, r->file, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EEXIST)
		return fault_errno(f, FAULT_SYSTEM, "cannot put %s back into in/", r->file);
	other = xasprintf("%s.%s", r->file, r->arrival);
	result = renameat2(work, r->file, in, other, RENAME_NOREPLACE);
	if (result < 0)
		fault_errno(f, FAULT_SYSTEM, "cannot put %s back into in/", other);
	free(other);
	return result;
}

/* Before the file: one without the other would be taken alone. */
static int sidecar_back(const struct folders *t, int work, const struct file_row *r, const char *suffix, struct fault *f)
{
	char *name = xasprintf("%s%s", r->file, suffix);
	struct stat st;
	int result = 0;

	if (fstatat(work, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		result = give_owner(t, work, name, f);
		/* a newer one is there: it speaks for the file that comes with it */
		if (result == 0 && renameat2(work, name, folders_fd(t, FOLDER_IN), name, RENAME_NOREPLACE) < 0 &&
		    (errno != EEXIST || unlinkat(work, name, 0) < 0))
			result = fault_errno(f, FAULT_SYSTEM, "cannot put %s back into in/", name);
	}
	free(name);
	return result;
}

static int move_back(const struct folders *t, const struct file_row *r, struct fault *f)
{
	char *rejects = xasprintf("%s.rejects.csv", r->file);
	int work = -1, result;

	result = work_open_dir(t, r->arrival, &work, f);
	for (size_t i = 0; i < SIDECAR_KINDS && result == 0; i++)
		result = sidecar_back(t, work, r, sidecar_suffixes[i], f);
	if (result == 0)
		result = give_owner(t, work, r->file, f);
	if (result == 0)
		result = rename_back(t, work, r, f);
	if (result == 0) {
		(void)unlinkat(work, rejects, 0);
		result = durable_fsync(folders_fd(t, FOLDER_IN), "in", f);
	}
	if (result == 0)
		result = durable_fsync(work, r->arrival, f);
	if (result == 0)
		(void)unlinkat(folders_fd(t, FOLDER_WORK), r->arrival, AT_REMOVEDIR);
	fs_close(&work);
	free(rejects);
	return result;
}

int back_give(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;

	CHECK(back_possible(x));
	if (!turn_ok(d, move_back(x->tenant->folders, &x->row, &f), &f)) {
		event_text(d, EV_FILE_ODD, "reason", f.text);
		return -1;
	}
	if (x->task)
		schedule_remove(d->schedule, x->task);
	x->task = NULL;
	turn_remove(d, x);
	if (x->row.state == FILE_WAITING)
		file_set_state(d, x, FILE_CLAIMED);
	quota_give_back(x);
	if (!d->fatal && journal_forget(d->journal, &x->row, &f) < 0)
		ingestd_fatal(d, &f);
	if (d->fatal)
		return -1;
	event_file(d, EV_FILE_BACK, x, "%s", "");
	file_drop(d, x);
	return 0;
}

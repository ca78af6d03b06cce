/*
 * place_receipt - a receipt in work/A, of a file, and in failed/, of a run; see place.h
 *
 * Called by the daemon when a file has its outcome, and by place.c for one that is not there any more.
 */
#include "watcher/base/base.h"
#include "watcher/spool/place_own.h"

#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/spool/durable.h"
#include "watcher/spool/receipt_of.h"
#include "watcher/spool/work.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int place_give(const struct folders *t, int fd, mode_t mode, const char *name, struct fault *f)
{
	if (t->has_group && fchown(fd, (uid_t)-1, t->group) < 0 && errno != EPERM)
		return fault_errno(f, FAULT_SYSTEM, "cannot give '%s' to its group", name);
	if (fchmod(fd, mode) < 0 && errno != EPERM)
		return fault_errno(f, FAULT_SYSTEM, "cannot set the mode of '%s'", name);
	return 0;
}

/* *out: still open, and not durable. */
static int write_tmp(const struct folders *t, int dir, const char *tmp, struct span content, int *out,
		     struct fault *f)
{
	int fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot make %s", tmp);
	r = place_give(t, fd, MODE_SIDE, tmp, f);
	if (r == 0)
		r = fs_write_all(fd, content.p, content.n, f);
	if (r == 0)
		crash_point("receipt-tmp");
	else
		fs_close(&fd);
	*out = fd;
	return r;
}

static int sync_tmp(int fd, const char *tmp, struct durable_batch *b, struct fault *f)
{
	if (durable_batch_fsync(b, fd, tmp, f) < 0)
		return -1;
	crash_point("receipt.fsynced");
	return 0;
}

static int name_tmp(int dir, const char *tmp, const char *name, struct fault *f)
{
	if (renameat(dir, tmp, dir, name) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot rename to '%s'", name);
	crash_point("receipt-rename");
	return 0;
}

int place_receipt_write(const struct folders *t, const struct file_row *r, struct place_receipt *out, struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	int result;

	CHECK(r->has_outcome && r->target);
	*out = (struct place_receipt){.dir = -1, .fd = -1};
	if (folders_use(t, f) < 0)
		return -1;
	if (mkdirat(folders_fd(t, FOLDER_WORK), r->arrival, 0700) < 0 && errno != EEXIST)
		return fault_errno(f, FAULT_SYSTEM, "cannot make %s/work/%s", t->path, r->arrival);
	if (work_open_dir(t, r->arrival, &out->dir, f) < 0)
		return -1;
	crash_point("receipt.before-tmp");
	receipt_text(r, RECEIPT_FILE, &text);
	result = write_tmp(t, out->dir, RECEIPT_TMP, strbuf_span(&text), &out->fd, f);
	strbuf_release(&text);
	if (result == 0)
		out->name = xasprintf("%s.receipt.json", r->file);
	else
		fs_close(&out->dir);
	return result;
}

int place_receipt_sync(struct place_receipt *p, struct durable_batch *b, struct fault *f)
{
	int r = sync_tmp(p->fd, RECEIPT_TMP, b, f);

	fs_close(&p->fd);
	p->synced = r == 0;
	return r;
}

int place_receipt_name(struct place_receipt *p, struct fault *f)
{
	int r = p->synced ? name_tmp(p->dir, RECEIPT_TMP, p->name, f) : 0;

	p->named = p->synced && r == 0;
	return r;
}

int place_receipt_end(struct place_receipt *p, struct durable_batch *b, struct fault *f)
{
	int r = p->named ? durable_batch_fsync(b, p->dir, "a receipt's folder", f) : 0;

	if (r == 0 && p->named)
		crash_point("receipt.durable");
	fs_close(&p->fd);
	fs_close(&p->dir);
	free(p->name);
	p->name = NULL;
	return r;
}

int place_receipt(const struct folders *t, const struct file_row *r, struct fault *f)
{
	struct place_receipt p;
	int result, ended;

	if (place_receipt_write(t, r, &p, f) < 0)
		return -1;
	result = place_receipt_sync(&p, NULL, f);
	if (result == 0)
		result = place_receipt_name(&p, f);
	ended = place_receipt_end(&p, NULL, f);
	return result < 0 ? -1 : ended;
}

static int run_receipt(int dir, const struct folders *t, const char *tmp, const char *name, struct span content, struct fault *f)
{
	int fd = -1, r;

	crash_point("receipt.before-tmp");
	r = write_tmp(t, dir, tmp, content, &fd, f);
	if (r == 0)
		r = sync_tmp(fd, tmp, NULL, f);
	fs_close(&fd);
	if (r == 0)
		r = name_tmp(dir, tmp, name, f);
	if (r == 0)
		r = durable_fsync(dir, "failed", f);
	if (r == 0)
		crash_point("receipt.durable");
	return r;
}

int place_run_receipt(const struct folders *t, const char *job, const char *run,
		      struct span content, struct fault *f)
{
	char *name, *tmp;
	int r;

	if (folders_use(t, f) < 0)
		return -1;
	name = xasprintf("%s.%s.receipt.json", job, run);
	tmp = xasprintf(".%s.%s.tmp", job, run);
	CHECK(fs_is_bare_name(span_of(name)));
	r = run_receipt(folders_fd(t, FOLDER_FAILED), t, tmp, name, content, f);
	free(name);
	free(tmp);
	return r;
}

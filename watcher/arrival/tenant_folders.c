/*
 * tenant_folders - one tenant's in/ and work/: opened, watched, compared with what their paths lead to; see own.h
 *
 * Every scan opens the folders anew by their path and sets the watch again: a folder that was
 * deleted, re-made, moved or mounted over is found by this.  Of a mount over it, and of a folder
 * further up that was moved, the kernel tells nothing: the path is compared with what the scan
 * opened, once a second as long as there are few tenants.
 * Between scans the folders are open only while something is done in them: a tenant that waits has
 * none, and they are opened again when they are those of the last scan.  (An inode number alone
 * proves nothing, it is used again at once; but the watch holds in/'s and tells when it goes, as
 * that of the folder above does of work/.)
 */
#include "watcher/base/base.h"
#include "watcher/arrival/own.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/identity.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct span tenant_wd_key(const int *wd)
{
	return (struct span){(const char *)wd, sizeof(*wd)};
}

void tenant_unwatch(struct tenant *t, size_t which)
{
	struct arrival *a = t->arrival;
	int *wd = &t->wd[which];

	if (*wd >= 0 && map_get(&a->watches, tenant_wd_key(wd)) == t) {
		map_remove(&a->watches, tenant_wd_key(wd));
		watch_remove(&a->watch, *wd);
	}
	*wd = -1;
}

static int open_folder(int dir_fd, const char *name, int *out, struct fault *f)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot open %s/", name);
	*out = fd;
	return 0;
}

/* The same folder gives the same wd; another one gives another, and the old watch goes. */
static void set_watch(struct tenant *t, size_t which, int fd)
{
	struct arrival *a = t->arrival;
	struct tenant *other;
	int wd;

	if (watch_add(&a->watch, fd, &wd) < 0) {
		t->watch_error = errno;
		tenant_unwatch(t, which);
		return;
	}
	if (wd == t->wd[which])
		return;
	tenant_unwatch(t, which);
	other = map_get(&a->watches, tenant_wd_key(&wd));
	if (other) {
		/* two tenants, one folder: the operator's mistake; the second one polls */
		t->watch_error = EBUSY;
		return;
	}
	t->wd[which] = wd;
	map_put(&a->watches, tenant_wd_key(&wd), t);
}

void tenant_close(void *tenant)
{
	struct tenant *t = tenant;

	fs_close(&t->in_fd);
	fs_close(&t->work_fd);
}

/* Both or none. */
static int open_both(struct tenant *t, int dir_fd, struct fault *f)
{
	tenant_close(t);
	if (open_folder(dir_fd, "in", &t->in_fd, f) < 0 || open_folder(dir_fd, "work", &t->work_fd, f) < 0) {
		tenant_close(t);
		return -1;
	}
	lru_use(&t->arrival->open, &t->kept, t);
	return 0;
}

/* First the watches, then what is there: nothing falls between. */
int tenant_open_folders(struct tenant *t, struct fault *f)
{
	int dir_fd, r;

	tenant_close(t);
	t->watch_error = 0;
	if (fs_open_dir(t->dir, &dir_fd, f) < 0)
		return -1;
	set_watch(t, TENANT_WATCH_DIR, dir_fd);
	r = open_both(t, dir_fd, f);
	close(dir_fd);
	if (r < 0)
		return -1;
	set_watch(t, TENANT_WATCH_IN, t->in_fd);
	if (!identity_of(t->in_fd, "", AT_EMPTY_PATH, &t->in_is) || !identity_of(t->work_fd, "", AT_EMPTY_PATH, &t->work_is))
		return fault_errno(f, FAULT_SYSTEM, "cannot look at in/ and work/");
	return 0;
}

static bool is_own(int fd, const struct identity *is)
{
	struct identity now;

	return identity_of(fd, "", AT_EMPTY_PATH, &now) && identity_same(&now, is);
}

/* Opened again, and still those of the last scan. */
static bool open_again(struct tenant *t)
{
	struct fault f = FAULT_INIT;
	int dir_fd = -1;
	bool own = fs_open_dir(t->dir, &dir_fd, &f) == 0 && open_both(t, dir_fd, &f) == 0 && is_own(t->in_fd, &t->in_is) &&
		   is_own(t->work_fd, &t->work_is);

	fs_close(&dir_fd);
	if (own)
		return true;
	lru_drop(&t->arrival->open, &t->kept);
	tenant_close(t);
	t->there = false;
	tenant_want_scan(t);
	return false;
}

bool tenant_place(struct tenant *t, struct claim_place *out)
{
	if (!t->there || (t->in_fd < 0 && !open_again(t)))
		return false;
	lru_use(&t->arrival->open, &t->kept, t);
	*out = (struct claim_place){t->in_fd, t->work_fd, t->options.unproven, false, false, &t->spares};
	return true;
}

/* What the last scan opened is what its path leads to now; false too when that cannot be told. */
static bool is_at(const struct tenant *t, const char *name, const struct identity *is)
{
	char *path = fs_join(t->dir, name);
	struct identity now;
	bool same = identity_of(AT_FDCWD, path, 0, &now) && identity_same(&now, is);

	free(path);
	return same;
}

void tenant_look(struct tenant *t)
{
	if (t->there && !t->scan.dir && !(is_at(t, "in", &t->in_is) && is_at(t, "work", &t->work_is)))
		tenant_want_scan(t);
}

/*
 * folders - the state folders of one tenant; see folders.h
 *
 * Called by the daemon when a tenant appears and by place when a folder vanished.  Each folder is
 * opened beneath the tenant's own, so a link or another mount among them is refused: a rename
 * between them must be one step.  That holds each time they are opened: of thousands of tenants most
 * only wait, and those used longest ago have none open.
 */
#include "watcher/base/base.h"
#include "watcher/spool/folders.h"

#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/identity.h"
#include "watcher/base/lru.h"
#include "watcher/spool/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

/* What of a tenant is open; a struct of its own, so that whoever may only use the folders can have them opened. */
struct folders_open {
	int root_fd; /* of path, -1: nothing is open */
	int fd[FOLDER_COUNT];
	struct identity root, is[FOLDER_COUNT]; /* as opened last */
	bool replaced; /* since refresh looked: found by opening them again */
	uint64_t turn; /* in which it looked */
	struct lru_item kept;
};

#define FIRST_PERSON_GROUP \
	1000 /* below are the system's: a tenant named "shadow" does not get shadow's group */

static const struct {
	const char *name;
	mode_t grouped; /* as root with a tenant's group */
	mode_t plain;
} folder_table[] = {
	[FOLDER_IN] = {"in", 0770, 0755},         [FOLDER_TRY] = {"try", 0770, 0755},
	[FOLDER_WORK] = {"work", 0700, 0700},     [FOLDER_DONE] = {"done", 0750, 0755},
	[FOLDER_FAILED] = {"failed", 0750, 0755}, [FOLDER_HELD] = {"held", 0750, 0755},
};
_Static_assert(ARRAY_LEN(folder_table) == FOLDER_COUNT, "FOLDER_COUNT");

static void close_all(void *open)
{
	struct folders_open *o = open;

	for (size_t i = 0; i < FOLDER_COUNT; i++)
		fs_close(&o->fd[i]);
	fs_close(&o->root_fd);
}

static struct {
	uint64_t number;
	bool now;
} turn;

static struct lru kept_open = {.max = FOLDERS_KEPT_OPEN, .close = close_all};

void folders_keep_open(size_t tenants)
{
	lru_set_max(&kept_open, tenants);
}

const char *folder_name(enum folder d)
{
	CHECK((size_t)d < FOLDER_COUNT);
	return folder_table[d].name;
}

bool folder_parse(const char *name, enum folder *out)
{
	for (size_t i = 0; i < FOLDER_COUNT; i++) {
		if (strcmp(folder_table[i].name, name) != 0)
			continue;
		*out = (enum folder)i;
		return true;
	}
	return false;
}

enum folder folder_of(enum outcome o)
{
	switch (o) {
	case OUTCOME_DONE:
	case OUTCOME_DUPLICATE:
		return FOLDER_DONE;
	case OUTCOME_FAILED:
	case OUTCOME_UNDONE:
		return FOLDER_FAILED;
	case OUTCOME_HELD:
		return FOLDER_HELD;
	case OUTCOME_WAITING:
		break;
	}
	CHECK(!"an outcome that ends a file");
	return FOLDER_FAILED;
}

/* Whose group reads the results? */
static void find_group(struct folders *t)
{
	gid_t ours = geteuid() == 0 ? 0 : getegid();
	struct stat st;
	struct group *g;

	t->has_group = false;
	if (fstatat(t->open->root_fd, "in", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_gid != ours) {
		t->group = st.st_gid;
		t->has_group = true;
		return;
	}
	if (geteuid() != 0)
		return;
	g = getgrnam(t->tenant);
	if (!g || g->gr_gid < FIRST_PERSON_GROUP)
		return;
	t->group = g->gr_gid;
	t->has_group = true;
}

static int set_owner(const struct folders *t, enum folder d, int fd, bool made, struct fault *f)
{
	bool grouped = t->has_group && geteuid() == 0;
	mode_t mode = grouped ? folder_table[d].grouped : folder_table[d].plain;
	struct stat st;

	if (!made && !grouped && d != FOLDER_WORK)
		return 0;
	if (fstat(fd, &st) < 0)
		return fault_errno(f, FAULT_SYSTEM, "stat %s/%s", t->path, folder_table[d].name);
	if (grouped && (st.st_uid != geteuid() || st.st_gid != t->group) &&
	    fchown(fd, geteuid(), t->group) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot give %s/%s to its group", t->path,
				   folder_table[d].name);
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot set the mode of %s/%s", t->path,
				   folder_table[d].name);
	return 0;
}

static int folder_fault(const struct folders *t, enum folder d, struct fault *f)
{
	const char *name = folder_table[d].name;

	switch (errno) {
	case ELOOP:
	case ENOTDIR:
		return fault_set(f, FAULT_CONFIG, "%s/%s is a link or a file, it must be a folder",
				 t->path, name);
	case EXDEV:
		return fault_set(f, FAULT_CONFIG,
				 "%s/%s is a mount of its own: the folders of a tenant must lie on "
				 "one filesystem",
				 t->path, name);
	}
	return fault_errno(f, FAULT_SYSTEM, "cannot open %s/%s", t->path, name);
}

static void note(struct folders_open *o, struct identity *is, int fd)
{
	struct identity now = {0};

	(void)identity_of(fd, "", AT_EMPTY_PATH, &now);
	o->replaced = o->replaced || (is->ino && !identity_same(&now, is));
	*is = now;
}

static int open_folder(const struct folders *t, enum folder d, struct fault *f)
{
	struct folders_open *o = t->open;
	const char *name = folder_table[d].name;
	bool made = mkdirat(o->root_fd, name, folder_table[d].plain) == 0;
	int fd;

	if (!made && errno != EEXIST)
		return fault_errno(f, FAULT_SYSTEM, "cannot make %s/%s", t->path, name);
	fd = fs_open_beneath(o->root_fd, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return folder_fault(t, d, f);
	if (set_owner(t, d, fd, made, f) < 0 ||
	    (made && durable_fsync(o->root_fd, t->path, f) < 0)) {
		close(fd);
		return -1;
	}
	fs_close(&o->fd[d]);
	o->fd[d] = fd;
	note(o, &o->is[d], fd);
	return 0;
}

static int open_root(const struct folders *t, struct fault *f)
{
	struct folders_open *o = t->open;
	int fd = -1;

	if (fs_make_dirs(t->path, 0755, f) < 0 || fs_open_dir(t->path, &fd, f) < 0)
		return -1;
	fs_close(&o->root_fd);
	o->root_fd = fd;
	note(o, &o->root, fd);
	return 0;
}

static int open_each(const struct folders *t, struct fault *f)
{
	for (size_t i = 0; i < FOLDER_COUNT; i++) {
		if (open_folder(t, (enum folder)i, f) == 0)
			continue;
		close_all(t->open);
		return -1;
	}
	lru_use(&kept_open, &t->open->kept, t->open);
	return 0;
}

int folders_open(const char *staging, const char *tenant, struct folders **out, struct fault *f)
{
	struct folders *t = xcalloc(1, sizeof(*t));

	t->tenant = xstrdup(tenant);
	t->path = fs_join(staging, tenant);
	t->open = xcalloc(1, sizeof(*t->open));
	t->open->root_fd = -1;
	for (size_t i = 0; i < FOLDER_COUNT; i++)
		t->open->fd[i] = -1;
	if (open_root(t, f) < 0)
		goto fail;
	find_group(t);
	if (open_each(t, f) < 0)
		goto fail;
	*out = t;
	return 0;
fail:
	folders_free(&t);
	return -1;
}

int folders_use(const struct folders *t, struct fault *f)
{
	struct folders_open *o = t->open;

	if (o->root_fd >= 0) {
		lru_use(&kept_open, &o->kept, o);
		return 0;
	}
	if (open_root(t, f) == 0 && open_each(t, f) == 0)
		return 0;
	/* who works in them reads ENOENT as: the file is not there */
	if (f->error == ENOENT)
		f->error = 0;
	return -1;
}

int folders_fd(const struct folders *t, enum folder d)
{
	struct fault why = FAULT_INIT;

	CHECK((size_t)d < FOLDER_COUNT);
	return folders_use(t, &why) < 0 ? -1 : t->open->fd[d];
}

int folders_make_chroot(const struct folders *t, struct fault *f)
{
	int root;

	if (folders_use(t, f) < 0)
		return -1;
	root = t->open->root_fd;
	if (fs_make_dir_at(root, "dev", 0755, f) < 0)
		return -1;
	if (fchown(root, 0, 0) < 0 && errno != EPERM)
		return fault_errno(f, FAULT_SYSTEM, "cannot give %s to root", t->path);
	if (fchmod(root, 0755) < 0 && errno != EPERM)
		return fault_errno(f, FAULT_SYSTEM, "cannot set the mode of %s", t->path);
	return durable_fsync(root, t->path, f);
}

void folders_free(struct folders **tp)
{
	struct folders *t = *tp;

	if (!t)
		return;
	lru_drop(&kept_open, &t->open->kept);
	close_all(t->open);
	free(t->open);
	free(t->tenant);
	free(t->path);
	free(t);
	*tp = NULL;
}

static bool same_folder(int fd, int dirfd, const char *name, int flags)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && fstatat(dirfd, name, &there, flags) == 0 &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* Of closed folders: what was opened last is what is there. */
static bool is_as_opened(const struct folders *t)
{
	const struct folders_open *o = t->open;
	struct identity now;

	if (!identity_of(AT_FDCWD, t->path, AT_SYMLINK_FOLLOW, &now) || !identity_same(&now, &o->root))
		return false;
	for (size_t i = 0; i < FOLDER_COUNT; i++) {
		char *path = fs_join(t->path, folder_table[i].name);
		bool same = identity_of(AT_FDCWD, path, 0, &now) && identity_same(&now, &o->is[i]);

		free(path);
		if (!same)
			return false;
	}
	return true;
}

bool folders_replaced(const struct folders *t)
{
	const struct folders_open *o = t->open;

	if (o->replaced)
		return true;
	if (o->root_fd < 0)
		return !is_as_opened(t);
	if (!same_folder(o->root_fd, AT_FDCWD, t->path, 0))
		return true;
	for (size_t i = 0; i < FOLDER_COUNT; i++)
		if (!same_folder(o->fd[i], o->root_fd, folder_table[i].name, AT_SYMLINK_NOFOLLOW))
			return true;
	return false;
}

void folders_turn_begins(void)
{
	turn.number++;
	turn.now = true;
}

void folders_turn_ends(void)
{
	turn.now = false;
}

int folders_refresh(struct folders *t, struct fault *f)
{
	struct folders_open *o = t->open;
	bool closed = o->root_fd < 0;

	if (turn.now && o->turn == turn.number && !closed && !o->replaced)
		return 0;
	if (folders_use(t, f) < 0)
		return -1;
	if (!closed && !same_folder(o->root_fd, AT_FDCWD, t->path, 0) && open_root(t, f) < 0)
		return -1;
	for (size_t i = 0; !closed && i < FOLDER_COUNT; i++) {
		if (same_folder(o->fd[i], o->root_fd, folder_table[i].name, AT_SYMLINK_NOFOLLOW))
			continue;
		if (open_folder(t, (enum folder)i, f) < 0)
			return -1;
	}
	o->replaced = false;
	o->turn = turn.number;
	return 0;
}

static int fsync_arrival(const struct folders *t, const char *arrival, struct fault *f)
{
	int fd = fs_open_beneath(folders_fd(t, FOLDER_WORK), arrival, O_RDONLY | O_DIRECTORY, 0), r;

	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot open %s/work/%s", t->path, arrival);
	r = durable_fsync(fd, arrival, f);
	close(fd);
	return r;
}

int folders_sync_arrival(const struct folders *t, const char *arrival, struct durable_batch *b, struct fault *f)
{
	int has;

	if (folders_use(t, f) < 0)
		return -1;
	crash_point("claim.before-fsync");
	has = durable_batch_has(b, folders_fd(t, FOLDER_WORK), f);
	if (has < 0 || (!has && fsync_arrival(t, arrival, f) < 0))
		return -1;
	crash_point("claim.fsynced-arrival");
	return 0;
}

int folders_sync_parents(const struct folders *t, struct durable_batch *b, struct fault *f)
{
	if (folders_use(t, f) < 0 || durable_batch_fsync(b, folders_fd(t, FOLDER_WORK), "work", f) < 0)
		return -1;
	crash_point("claim.fsynced-work");
	if (durable_batch_fsync(b, folders_fd(t, FOLDER_IN), "in", f) < 0)
		return -1;
	crash_point("claim.fsynced-in");
	return 0;
}

int folders_sync_claim(const struct folders *t, const char *arrival, struct fault *f)
{
	if (folders_sync_arrival(t, arrival, NULL, f) < 0)
		return -1;
	return folders_sync_parents(t, NULL, f);
}

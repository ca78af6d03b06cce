/*
 * stores - the folders of the embedded store; see the header
 *
 * Called by containment before a worker is chosen.  Once a folder is the workers' user's, nothing in it is touched here: what lies there
 * may be a taken-over worker's.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/stores.h"
#include "watcher/base/fsutil.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/schedule/starter.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define STORE_MODE 0750 /* as sink_sqlite makes it */
#define GIVEN_MODE 02770
#define ABOVE_MODE 0711 /* passed through, not listed */
#define FILE_MODE 0660

static int give_file(int folder, const char *name, uid_t uid, struct fault *f)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), r = 0;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : fault_errno(f, FAULT_SYSTEM, "%s", name);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || fchmod(fd, FILE_MODE) < 0 || fchown(fd, uid, getegid()) < 0)
		r = fault_errno(f, FAULT_SYSTEM, "cannot give %s to user %u", name, (unsigned)uid);
	close(fd);
	return r;
}

static int give_all(int folder, uid_t uid, struct fault *f)
{
	static const char *const names[] = {"data.db", "data.db-wal", "data.db-shm"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (give_file(folder, names[i], uid, f) < 0)
			return -1;
	if (fchmod(folder, GIVEN_MODE) < 0 || fchown(folder, uid, getegid()) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot give it to user %u", (unsigned)uid);
	return 0;
}

static int give(const struct ingestd *d, const char *path, struct fault *f)
{
	uid_t uid = starter_uid(d->starter);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		r = fault_errno(f, FAULT_SYSTEM, "%s", path);
	else if (st.st_uid != uid && give_all(fd, uid, f) < 0)
		r = fault_prefix(f, "%s", path);
	fs_close(&fd);
	return r;
}

/* Said here, where the remedy can be said too. */
static int check_above(const struct ingestd *d, const char *path, struct fault *f)
{
	char *above = xstrdup(path);
	struct stat st;
	char *slash;
	int r = 0;

	while (r == 0 && (slash = strrchr(above, '/')) != NULL && slash != above) {
		*slash = '\0';
		if (stat(above, &st) < 0)
			r = fault_errno(f, FAULT_SYSTEM, "%s", above);
		else if (!(st.st_mode & S_IXOTH) && st.st_uid != starter_uid(d->starter) && st.st_gid != starter_gid(d->starter))
			r = fault_set(f, FAULT_SYSTEM, "%s keeps the workers' user %u out of %s: chmod o+x %s", above,
				      (unsigned)starter_uid(d->starter), path, above);
	}
	free(above);
	return r;
}

int stores_make(const struct ingestd *d, const struct sink_config *s, const char *tenant, char **out, struct fault *f)
{
	char *path = fs_join(s->path, tenant);
	int r = d->starter ? fs_make_dirs(s->path, ABOVE_MODE, f) : 0;

	if (r == 0)
		r = fs_make_dirs(path, STORE_MODE, f);
	if (r == 0 && d->starter)
		r = check_above(d, path, f) < 0 ? -1 : give(d, path, f);
	if (r == 0)
		*out = path;
	else
		free(path);
	return r;
}

/*
 * durable - fsync, and what a failed one means; see durable.h
 *
 * Called by everything in spool/ that makes something last.  The one flag is the process's, since
 * the page cache is: a failure in one folder may be the disk's.
 */
#include "watcher/base/base.h"
#include "watcher/spool/durable.h"

#include "watcher/base/fsutil.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BATCH_LEAST 8		/* fsyncs; fewer are as quick one by one */
#define DIRTY_MOST_KB (64 * 1024) /* of the whole machine: half a second of a disk, perhaps */
#define XFS_MAGIC 0x58465342	/* in no header */
#define KERNEL_MAJOR 5
#define KERNEL_MINOR 17

static bool broken;
static struct fault cause;

int durable_fsync(int fd, const char *what, struct fault *f)
{
	if (fs_fsync(fd, what, f) == 0)
		return 0;
	if (!fault_no_room(f))
		durable_set_broken(f);
	return -1;
}

/* Its ->sync_fs returns an error and syncfs passes it on. */
static bool kernel_tells(void)
{
	struct utsname u;
	int major, minor;

	if (uname(&u) < 0 || sscanf(u.release, "%d.%d", &major, &minor) != 2)
		return false;
	return major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR);
}

/* false as well where /proc does not say. */
static bool little_is_dirty(void)
{
	const char *most = getenv("INGEST_DIRTY_MOST");
	char text[1024], *at;
	int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	at = strstr(text, "\nDirty:");
	return at && strtol(at + strlen("\nDirty:"), NULL, 10) <= (most ? strtol(most, NULL, 10) : DIRTY_MOST_KB);
}

static bool is_promised(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_MAGIC || fs.f_type == BTRFS_SUPER_MAGIC) && kernel_tells();
}

/*
 * One that was made read-only behind an error has nothing to sync, and some kernels say so without looking for the error; the fsync asks
 * that, and flushes the disk where there is no log to do it (ext2 has ext4's magic).
 */
static int sync_all(int fd, struct fault *f)
{
	struct statfs fs;

	if (!is_promised(fd) || !little_is_dirty())
		return 0;
	if (syncfs(fd) < 0) {
		fault_errno(f, FAULT_SYSTEM, "syncfs");
		if (fault_no_room(f)) {
			fault_clear(f);
			return 0;
		}
		durable_set_broken(f);
		return -1;
	}
	if (durable_fsync(fd, "behind syncfs", f) < 0)
		return -1;
	return fstatfs(fd, &fs) == 0 && !(fs.f_flags & ST_RDONLY);
}

struct durable_batch durable_batch(size_t fsyncs)
{
	return (struct durable_batch){.many = fsyncs >= BATCH_LEAST};
}

int durable_batch_has(struct durable_batch *b, int fd, struct fault *f)
{
	struct stat st;

	if (!b || !b->many || fstat(fd, &st) < 0)
		return 0;
	if (b->asked && b->dev == st.st_dev) {
		if (b->answer < 0)
			*f = cause;
		return b->answer;
	}
	b->asked = true;
	b->dev = st.st_dev;
	b->answer = sync_all(fd, f);
	return b->answer;
}

int durable_batch_fsync(struct durable_batch *b, int fd, const char *what, struct fault *f)
{
	int has = durable_batch_has(b, fd, f);

	return has ? (has < 0 ? -1 : 0) : durable_fsync(fd, what, f);
}

bool durable_broken(void)
{
	return broken;
}

const struct fault *durable_cause(void)
{
	return &cause;
}

void durable_set_broken(const struct fault *f)
{
	if (!broken)
		cause = *f;
	broken = true;
}

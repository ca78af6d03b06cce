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
	char text[1024], *at;
	int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	at = strstr(text, "\nDirty:");
	return at && strtol(at + strlen("\nDirty:"), NULL, 10) <= DIRTY_MOST_KB;
}

static bool sync_all(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0 || (fs.f_type != EXT4_SUPER_MAGIC && fs.f_type != XFS_MAGIC && fs.f_type != BTRFS_SUPER_MAGIC))
		return false;
	return kernel_tells() && little_is_dirty() && syncfs(fd) == 0;
}

struct durable_batch durable_batch(size_t fsyncs)
{
	return (struct durable_batch){.many = fsyncs >= BATCH_LEAST};
}

bool durable_batch_has(struct durable_batch *b, int fd)
{
	struct stat st;

	if (!b || !b->many || fstat(fd, &st) < 0)
		return false;
	if (!b->asked || b->dev != st.st_dev)
		b->durable = sync_all(fd);
	b->asked = true;
	b->dev = st.st_dev;
	return b->durable;
}

int durable_batch_fsync(struct durable_batch *b, int fd, const char *what, struct fault *f)
{
	return durable_batch_has(b, fd) ? 0 : durable_fsync(fd, what, f);
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

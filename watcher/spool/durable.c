/*
 * durable - fsync, and what a failed one means; see durable.h
 *
 * Called by everything in spool/ that makes something last.  The one flag is the process's, since
 * the page cache is: a failure in one folder may be the disk's.
 */
#include "watcher/base/base.h"
#include "watcher/spool/durable.h"

#include "watcher/base/fsutil.h"

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

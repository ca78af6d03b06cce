/*
 * spares - emptied folders of work/; see the header
 *
 * Called when a file has left its folder, and by the claim.  What is not there any more is passed over.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/spares.h"
#include "watcher/base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

bool spares_keep(struct spares *s, int work_fd, const char *id)
{
	if (s->n == SPARES_MOST)
		return false;
	if (!s->id)
		s->id = xcalloc(SPARES_MOST, sizeof(*s->id));
	ulid_make(clock_now_ms(), s->id[s->n]);
	if (renameat(work_fd, id, work_fd, s->id[s->n]) < 0)
		return false;
	s->n++;
	return true;
}

int spares_make(struct spares *s, int work_fd, const char *id)
{
	while (s && s->n) {
		if (renameat(work_fd, s->id[s->n - 1], work_fd, id) == 0) {
			s->n--;
			return 0;
		}
		if (errno != ENOENT)
			return -1;
		s->n--;
	}
	return mkdirat(work_fd, id, 0700);
}

void spares_drop(struct spares *s, int work_fd)
{
	while (s->n) {
		s->n--;
		if (work_fd >= 0)
			(void)unlinkat(work_fd, s->id[s->n], AT_REMOVEDIR);
	}
	free(s->id);
	s->id = NULL;
}

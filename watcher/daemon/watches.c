/*
 * watches - are there enough inotify watches for the tenants that there are?  see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/watches.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/strbuf.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/ingestd.h"

static uint64_t number_in(const char *path)
{
	struct strbuf text = STRBUF_INIT;
	struct fault ignored = FAULT_INIT;
	uint64_t n = UINT64_MAX;

	if (fs_read_file(path, 64, &text, &ignored) == 0)
		n = strtoull(text.p, NULL, 10);
	strbuf_release(&text);
	return n;
}

void watches_check(struct ingestd *d)
{
	/* the first is the machine's, the second that of the user namespace */
	uint64_t machine = number_in("/proc/sys/fs/inotify/max_user_watches");
	uint64_t own = number_in("/proc/sys/user/max_inotify_watches");
	uint64_t need = 1 + (uint64_t)map_len(&d->tenants) * TENANT_WATCHES_MAX;
	uint64_t max = machine < own ? machine : own;

	if (need <= max || need == d->profiles.watches_told)
		return;
	d->profiles.watches_told = need;
	event(d, EV_FOLDER_HEALTH,
	      "reason=\"%zu tenants need %llu inotify watches and %s allows %llu: folders without one are looked at each "
	      "second, profiles each rescan_seconds; sysctl fs.inotify.max_user_watches=%llu\"",
	      map_len(&d->tenants), (unsigned long long)need, machine <= own ? "fs.inotify.max_user_watches" : "user.max_inotify_watches",
	      (unsigned long long)max, (unsigned long long)need * 2);
}

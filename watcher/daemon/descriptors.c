/*
 * descriptors - how many files the daemon may have open; see the header
 *
 * Called by ingestd.c at the start, by tenants.c before it opens one.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/descriptors.h"
#include <sys/resource.h>

void descriptors_raise(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur == r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

int descriptors_enough(size_t tenants, struct fault *f)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return fault_errno(f, FAULT_SYSTEM, "getrlimit");
	if (DESCRIPTORS_KEPT + tenants * TENANT_DESCRIPTORS <= r.rlim_cur)
		return 0;
	return fault_set(f, FAULT_SYSTEM,
			 "the daemon may have %llu files open, which is enough for %llu tenants: raise LimitNOFILE= of its systemd "
			 "unit (ulimit -n) and start it again",
			 (unsigned long long)r.rlim_cur,
			 (unsigned long long)(r.rlim_cur > DESCRIPTORS_KEPT ? r.rlim_cur - DESCRIPTORS_KEPT : 0) / TENANT_DESCRIPTORS);
}

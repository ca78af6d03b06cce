/*
 * descriptors - how many files the daemon may have open; see the header
 *
 * Called by ingestd.c at the start, by tenants.c for each tenant.
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

static size_t fit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur < DESCRIPTORS_KEPT)
		return 0;
	return (size_t)(r.rlim_cur - DESCRIPTORS_KEPT) / TENANT_DESCRIPTORS;
}

size_t descriptors_tenants(void)
{
	size_t n = fit();

	if (n < TENANTS_OPEN_MIN)
		return TENANTS_OPEN_MIN;
	return n < TENANTS_OPEN_MAX ? n : TENANTS_OPEN_MAX;
}

int descriptors_enough(struct fault *f)
{
	struct rlimit r;

	if (fit() >= TENANTS_OPEN_MIN)
		return 0;
	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return fault_errno(f, FAULT_SYSTEM, "getrlimit");
	return fault_set(f, FAULT_SYSTEM,
			 "the daemon may have %llu files open and needs %u: raise LimitNOFILE= of its systemd unit (ulimit -n) and "
			 "start it again",
			 (unsigned long long)r.rlim_cur, DESCRIPTORS_KEPT + TENANTS_OPEN_MIN * TENANT_DESCRIPTORS);
}

/*
 * confine - this process has what it was given and nothing else; see the header
 *
 * Called by ingest-worker, ingest-record and ingest-notify when they know what they need, and by ingestd to say what the kernel lacks.
 */
#include "watcher/base/base.h"
#include "watcher/base/confine.h"
#include "watcher/base/capabilities.h"
#include "watcher/base/crash.h"
#include "watcher/base/landlock.h"
#include "watcher/base/syscalls.h"
#include <errno.h>
#include <limits.h>
#include <sys/resource.h>

#define DNS_PORT 53
#define FILES_MAX 256
#define FILE_BYTES (256ull << 30) /* of rejects, or of an embedded store */

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true /* its runtime reads /proc, traces at the end, and calls what it likes */
#else
#define SANITIZED false
#endif

static int limit(int resource, rlim_t most, struct fault *f)
{
	struct rlimit r;

	if (getrlimit(resource, &r) < 0)
		return fault_errno(f, FAULT_SYSTEM, "getrlimit");
	if (r.rlim_max > most)
		r.rlim_max = most;
	if (r.rlim_cur > r.rlim_max)
		r.rlim_cur = r.rlim_max;
	if (setrlimit(resource, &r) < 0)
		return fault_errno(f, FAULT_SYSTEM, "setrlimit");
	return 0;
}

/* Memory and CPU time are set by who starts us, CPU time anew for each job. */
static int set_limits(struct fault *f)
{
	if (limit(RLIMIT_CORE, 0, f) < 0 || limit(RLIMIT_NOFILE, FILES_MAX, f) < 0 ||
	    limit(RLIMIT_FSIZE, FILE_BYTES, f) < 0 || limit(RLIMIT_MSGQUEUE, 0, f) < 0)
		return -1;
	return 0;
}

/* --- files and ports --- */

/* What is not there needs no rule. */
static int may_read(struct landlock *ll, const char *path, struct fault *f)
{
	if (landlock_file(ll, path, LANDLOCK_READ, f) == 0)
		return 0;
	if (f->error != ENOENT && f->error != ENOTDIR && f->error != EACCES)
		return -1;
	fault_clear(f);
	return 0;
}

static int may_read_all(struct landlock *ll, const char *const *paths, size_t n, struct fault *f)
{
	for (size_t i = 0; i < n; i++)
		if (may_read(ll, paths[i], f) < 0)
			return -1;
	return 0;
}

/* A resolver's daemon replaces its file: where that lies outside /etc, its folder is readable. */
static int may_read_resolver(struct landlock *ll, struct fault *f)
{
	char *real = realpath("/etc/resolv.conf", NULL);
	int r;

	if (!real)
		return 0;
	if (strncmp(real, "/etc/", 5) != 0)
		*strrchr(real, '/') = '\0';
	r = *real ? may_read(ll, real, f) : 0;
	free(real);
	return r;
}

static int system_files(struct landlock *ll, bool network, struct fault *f)
{
	static const char *const always[] = {"/usr/lib", "/lib", "/lib64", "/usr/share/zoneinfo", "/etc/localtime", "/etc/ld.so.cache",
					     "/dev/null", "/dev/urandom", "/dev/random", "/etc/ssl/openssl.cnf"};
	static const char *const names[] = {"/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services",
					    "/etc/protocols", "/etc/ssl/certs", "/usr/share/ca-certificates",
					    "/usr/local/share/ca-certificates"};

	if (may_read_all(ll, always, ARRAY_LEN(always), f) < 0)
		return -1;
	if (SANITIZED && may_read(ll, "/proc", f) < 0)
		return -1;
	if (!network)
		return 0;
	return may_read_all(ll, names, ARRAY_LEN(names), f) < 0 ? -1 : may_read_resolver(ll, f);
}

static int given(struct landlock *ll, const struct confinement *c, struct fault *f)
{
	char *crash = crash_folder();
	int r = crash ? landlock_file(ll, crash, LANDLOCK_OWN, f) : 0;

	free(crash);
	if (r < 0)
		return -1;
	for (size_t i = 0; i < c->folder_count; i++)
		if (landlock_file(ll, c->folders[i], LANDLOCK_OWN, f) < 0)
			return -1;
	if (may_read_all(ll, c->reads, c->read_count, f) < 0)
		return -1;
	for (size_t i = 0; i < c->port_count; i++)
		if (landlock_port(ll, c->ports[i], f) < 0)
			return -1;
	return c->network ? landlock_port(ll, DNS_PORT, f) : 0;
}

static int restrict_files(const struct confinement *c, struct fault *f)
{
	struct landlock_options o = {.any_port = c->any_port};
	struct landlock *ll = NULL;
	int r = -1;

	if (!landlock_abi())
		return 0;
	if (landlock_new(&o, &ll, f) == 0 && system_files(ll, c->network, f) == 0 && given(ll, c, f) == 0)
		r = landlock_enforce(ll, f);
	landlock_free(&ll);
	return r;
}

int confine(const struct confinement *c, struct fault *f)
{
	CHECK(c->folder_count <= CONFINE_FOLDERS && c->read_count <= CONFINE_FOLDERS && c->port_count <= CONFINE_PORTS);
	/* whatever it was started with: an ambient capability outlives an exec */
	if (capabilities_keep(0, f) < 0 || set_limits(f) < 0 || restrict_files(c, f) < 0)
		return -1;
	if (SANITIZED || !syscalls_available())
		return 0;
	return syscalls_enforce(f);
}

void confine_lacks(struct strbuf *out)
{
	landlock_lacks(landlock_abi(), out);
	if (SANITIZED)
		strbuf_addf(out, "%sthe list of system calls (a sanitizer's build)", out->n ? ", " : "");
	else if (!syscalls_available())
		strbuf_addf(out, "%sthe list of system calls (Linux 4.14)", out->n ? ", " : "");
}

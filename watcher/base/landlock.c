/*
 * landlock - this process reaches the named files and ports; see the header
 *
 * Called by confine.  glibc 2.36 has no functions for it and its headers know less than the kernels we meet: the calls and the bits
 * stand here, by version of the interface.  Owns the descriptor of one ruleset.
 */
#include "watcher/base/base.h"
#include "watcher/base/landlock.h"
#include "watcher/base/fsutil.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2

/* rights over files */
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_REG (1ull << 8)
#define FS_TRUNCATE (1ull << 14)
/* execute, read, write, make and remove of every kind: what the first version knows */
#define FS_FIRST ((1ull << 13) - 1)
/* those that hold for a file; the kernel refuses the others with one */
#define FS_OF_FILES (FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE)
#define FS_READ (FS_READ_FILE | FS_READ_DIR)
#define FS_OWN (FS_READ | FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE)

#define NET_BIND_TCP (1ull << 0)
#define NET_CONNECT_TCP (1ull << 1)
#define SCOPE_ABSTRACT_SOCKETS (1ull << 0)
#define SCOPE_SIGNALS (1ull << 1)

/* What came with which version. */
static const struct feature {
	int abi;
	const char *since;
	const char *what;
	uint64_t fs, net, scope;
} features[] = {
	{1, "5.13", "Landlock", FS_FIRST, 0, 0},
	{2, "5.19", "links between folders", 1ull << 13, 0, 0},
	{3, "6.2", "truncation", FS_TRUNCATE, 0, 0},
	{4, "6.7", "TCP ports", 0, NET_BIND_TCP | NET_CONNECT_TCP, 0},
	{5, "6.10", "device commands", 1ull << 15, 0, 0},
	{6, "6.12", "signals and abstract sockets", 0, 0, SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS},
};

struct ruleset_attr {
	uint64_t fs, net, scope;
};

struct path_attr {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

struct port_attr {
	uint64_t access, port;
};

struct landlock {
	int fd;
	struct ruleset_attr handled;
};

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

void landlock_lacks(int abi, struct strbuf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(features); i++)
		if (features[i].abi > abi)
			strbuf_addf(out, "%s%s (Linux %s)", out->n ? ", " : "", features[i].what, features[i].since);
}

int landlock_new(const struct landlock_options *o, struct landlock **out, struct fault *f)
{
	struct landlock *ll = xcalloc(1, sizeof(*ll));
	int abi = landlock_abi();
	long fd;

	for (size_t i = 0; i < ARRAY_LEN(features) && features[i].abi <= abi; i++) {
		ll->handled.fs |= features[i].fs;
		ll->handled.net |= features[i].net;
		ll->handled.scope |= features[i].scope;
	}
	if (o->any_port)
		ll->handled.net &= ~NET_CONNECT_TCP;
	/* an older kernel takes the longer struct as long as what it does not know is zero */
	fd = syscall(SYS_landlock_create_ruleset, &ll->handled, sizeof(ll->handled), 0);
	if (fd < 0) {
		free(ll);
		return fault_errno(f, FAULT_SYSTEM, "landlock_create_ruleset");
	}
	ll->fd = (int)fd;
	*out = ll;
	return 0;
}

void landlock_free(struct landlock **llp)
{
	struct landlock *ll = *llp;

	if (!ll)
		return;
	fs_close(&ll->fd);
	free(ll);
	*llp = NULL;
}

int landlock_file(struct landlock *ll, const char *path, enum landlock_access access, struct fault *f)
{
	struct path_attr rule = {.access = access == LANDLOCK_OWN ? FS_OWN : FS_READ};
	struct stat st;
	long r = -1;

	rule.fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.fd < 0 || fstat(rule.fd, &st) < 0)
		goto out;
	if (!S_ISDIR(st.st_mode))
		rule.access &= FS_OF_FILES;
	rule.access &= ll->handled.fs;
	r = syscall(SYS_landlock_add_rule, ll->fd, RULE_PATH_BENEATH, &rule, 0);
out:
	if (r < 0)
		fault_errno(f, FAULT_SYSTEM, "landlock: %s", path);
	if (rule.fd >= 0)
		close(rule.fd);
	return r < 0 ? -1 : 0;
}

int landlock_port(struct landlock *ll, unsigned port, struct fault *f)
{
	struct port_attr rule = {NET_CONNECT_TCP & ll->handled.net, port};

	if (!rule.access)
		return 0;
	if (syscall(SYS_landlock_add_rule, ll->fd, RULE_NET_PORT, &rule, 0) < 0)
		return fault_errno(f, FAULT_SYSTEM, "landlock: port %u", port);
	return 0;
}

int landlock_enforce(struct landlock *ll, struct fault *f)
{
	if (syscall(SYS_landlock_restrict_self, ll->fd, 0) < 0)
		return fault_errno(f, FAULT_SYSTEM, "landlock_restrict_self");
	return 0;
}

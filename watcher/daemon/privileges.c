/*
 * privileges - who the daemon and its workers are; see the header
 *
 * Called once at the start.  The starter it makes is the daemon's.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/privileges.h"
#include "watcher/base/capabilities.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/schedule/starter.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#define WORKER_USER "ingest-worker"
#define KEPT (CAP(CAP_LEASE) | CAP(CAP_DAC_READ_SEARCH) | CAP(CAP_CHOWN))
#define CHANGES (CAP(CAP_SETUID) | CAP(CAP_SETGID))

static int no_user(const struct ingestd *d, const char *key, const char *name, struct fault *f)
{
	return fault_set(f, FAULT_CONFIG, "%s: $.%s: there is no user %s; make one: systemd-sysusers, or adduser --system %s",
			 d->config->file, key, name, name);
}

/* NULL: as our own user.  One that is named must be had. */
static int find_worker(const struct ingestd *d, const struct passwd **out, struct fault *f)
{
	const char *name = d->config->worker_user;
	const struct passwd *p;

	*out = NULL;
	if (!capabilities_have(CHANGES)) {
		p = name ? getpwnam(name) : NULL;
		if (!name || (p && p->pw_uid == geteuid()))
			return 0;
		return fault_set(f, FAULT_CONFIG,
				 "%s: $.worker_user: only root, or the systemd unit, can start workers as %s; leave the key out and "
				 "they run as %u", d->config->file, name, (unsigned)geteuid());
	}
	errno = 0;
	p = getpwnam(name ? name : WORKER_USER);
	if (!p && name)
		return no_user(d, "worker_user", name, f);
	if (p && p->pw_uid == 0)
		return fault_set(f, FAULT_CONFIG, "%s: $.worker_user: %s is root", d->config->file, name);
	if (p && p->pw_uid != geteuid())
		*out = p;
	return 0;
}

static int make_starter(struct ingestd *d, struct fault *f)
{
	const struct passwd *p;

	if (find_worker(d, &p, f) < 0)
		return -1;
	return p ? starter_new(p->pw_uid, p->pw_gid, d->worker_program, &d->starter, f) : 0;
}

/* The capabilities that are kept live through the change of user. */
static int become(struct ingestd *d, const char *name, struct fault *f)
{
	const struct passwd *p = getpwnam(name);

	if (!p)
		return no_user(d, "user", name, f);
	if (p->pw_uid == geteuid())
		return 0;
	if (!capabilities_have(CHANGES))
		return fault_set(f, FAULT_CONFIG, "%s: $.user: only root can become %s", d->config->file, name);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || initgroups(name, p->pw_gid) < 0 ||
	    setresgid(p->pw_gid, p->pw_gid, p->pw_gid) < 0 || setresuid(p->pw_uid, p->pw_uid, p->pw_uid) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot become %s", name);
	return 0;
}

int privileges_enter(struct ingestd *d, struct fault *f)
{
	if (make_starter(d, f) < 0)
		return -1;
	if (d->config->user && become(d, d->config->user, f) < 0)
		return -1;
	return capabilities_keep(KEPT, f);
}

static void add_user(struct strbuf *out, const char *key, uid_t uid)
{
	const struct passwd *p = getpwuid(uid);
	char number[16];

	snprintf(number, sizeof(number), "%u", (unsigned)uid);
	json_pair_string(out, key, p ? p->pw_name : number);
}

void privileges_add_json(const struct ingestd *d, struct strbuf *out)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} names[] = {{CAP(CAP_LEASE), "CAP_LEASE"},
		     {CAP(CAP_DAC_READ_SEARCH), "CAP_DAC_READ_SEARCH"},
		     {CAP(CAP_CHOWN), "CAP_CHOWN"}};
	uint64_t now = capabilities_now();

	add_user(out, "daemon_user", geteuid());
	add_user(out, "worker_user", d->starter ? starter_uid(d->starter) : geteuid());
	json_add_key(out, "capabilities");
	strbuf_addc(out, '[');
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (now & names[i].bit) {
			json_add_comma(out);
			json_add_string(out, span_of(names[i].name));
		}
	strbuf_addc(out, ']');
}

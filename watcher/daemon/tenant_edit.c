/*
 * tenant_edit - PUT and DELETE of a tenant; see the header
 *
 * An edit lives from its request to its answer.  Of a removal the profile goes first: killed between the two renames, the tenant is no
 * tenant any more, and its folders lie where they were.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/tenant_edit.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/deferred.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/profiles.h"
#include "watcher/daemon/refusal.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/spool/durable.h"
#include "watcher/spool/usage.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define WAIT_MS 25000
#define REMOVED ".removed"

static const char starter[] =
	"{\n"
	"\t// what is taken from this tenant; every key: man ingestd-profile\n"
	"\t\"tenant\": \"%s\",\n"
	"\t\"formats\": [\"csv\", \"txt\"],\n"
	"\t// plain: nobody writes it any more; session: sshd's log proves it; manifest: NAME.sha256 does\n"
	"\t\"arrival\": { \"level\": \"plain\", \"settle_seconds\": 5 }\n"
	"\t// jobs say what becomes of the files: jobs/JOB.json, or ingestctl job create %s/JOB FILE\n"
	"}\n";

struct edit {
	struct ingestd *d;
	struct admin_reply *reply;
	char *tenant;
	bool remove, existed;
	uint64_t before; /* fingerprint of the files in force at its begin */
	int64_t loaded_ms;
};

static void free_edit(void *mine)
{
	struct edit *e = mine;

	free(e->tenant);
	free(e);
}

static void add_answer(const struct edit *e, const char *state, const char *folder, struct strbuf *out)
{
	strbuf_addc(out, '{');
	json_pair_string(out, "tenant", e->tenant);
	json_pair_string(out, "state", state);
	json_pair_string(out, "folder", folder);
	strbuf_addc(out, '}');
}

/* --- put --- */

static bool look_put(struct ingestd *d, void *mine, bool late)
{
	struct edit *e = mine;
	const struct tenant *t = tenants_find(d, e->tenant);
	struct strbuf out = STRBUF_INIT;
	struct fault f = FAULT_INIT;

	if (t && t->profile && !t->refused && t->loaded_ms >= e->loaded_ms) {
		add_answer(e, "in force", t->folders->path, &out);
		admin_answer(e->reply, e->existed ? 200 : 201, &out, NULL);
		return true;
	}
	if (t && t->refused)
		refusal(&f, 409, "it is stored, and the tenant's files are refused as they are now: %.600s", t->refused);
	else if (late)
		fault_set(&f, FAULT_TEMPORARY, "it is stored and not in force yet; look again");
	if (f.kind == FAULT_NONE)
		return false;
	admin_answer(e->reply, f.kind == FAULT_TEMPORARY ? 503 : 409, NULL, &f);
	return true;
}

static const struct deferred_ops put_ops = {look_put, free_edit};

static unsigned judge(const struct edit *e, struct span text, struct strbuf *more, struct fault *f)
{
	struct strbuf errors = STRBUF_INIT;
	struct profile *p = profile_of_text(e->tenant, "profile.json", text, &errors);
	unsigned status = 0;

	if (!errors.n)
		tenants_check_sinks(e->d->config, p, "profile", &errors);
	if (errors.n)
		status = refusal_not_valid(more, errors.p, f);
	profile_unref(&p);
	strbuf_release(&errors);
	return status;
}

static int make_folders(const struct edit *e, struct fault *f)
{
	struct folders *t = NULL;
	int r = folders_open(e->d->config->staging, e->tenant, &t, f);

	if (r == 0)
		r = folders_make_chroot(t, f);
	folders_free(&t);
	return r;
}

static int store(const struct edit *e, struct span text, struct fault *f)
{
	char *folder = xasprintf("%s/%s", e->d->config->profiles, e->tenant);
	char *jobs = xasprintf("%s/jobs", folder);
	int fd = -1, r;

	r = fs_make_dirs(jobs, 0755, f) < 0 || fs_open_dir(folder, &fd, f) < 0 ? -1 : 0;
	if (r == 0)
		r = fs_replace_at(fd, "profile.json", text, 0644, f);
	fs_close(&fd);
	free(jobs);
	free(folder);
	return r;
}

static bool profile_there(const struct edit *e)
{
	char *path = xasprintf("%s/%s/profile.json", e->d->config->profiles, e->tenant);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

static unsigned put(struct edit *e, struct span body, struct strbuf *more, struct fault *f)
{
	char *first = body.n || e->existed ? NULL : xasprintf(starter, e->tenant, e->tenant);
	struct span text = first ? span_of(first) : body;
	unsigned status = text.n ? judge(e, text, more, f) : 0;

	/* the folders first: the profile that comes into force finds them as they are to be */
	if (!status && (make_folders(e, f) < 0 || (text.n && store(e, text, f) < 0)))
		status = 503;
	free(first);
	return status;
}

static struct edit *new_edit(struct ingestd *d, const struct admin_args *args)
{
	struct edit *e = xcalloc(1, sizeof(*e));

	e->d = d;
	e->tenant = xstrdup(args->tenant);
	e->existed = profile_there(e);
	return e;
}

unsigned tenant_edit_put(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	struct edit *e;
	const struct tenant *t = tenants_find(d, args->tenant);
	unsigned status = refusal_not_now(d, f);

	(void)out;
	if (!status && !tenant_name_valid(span_of(args->tenant)))
		status = refusal(f, 422, "\"%.80s\" is no tenant's name; allowed: [a-z0-9][a-z0-9-]{0,38}", args->tenant);
	if (!status && t && t->leaving)
		status = refusal(f, 409, "the tenant is being removed");
	if (status)
		return status;
	e = new_edit(d, args);
	/* what is in force already is enough when nothing is changed */
	e->loaded_ms = args->body.n || !e->existed ? clock_now_ms() : 0;
	e->reply = admin_defer(args);
	status = put(e, args->body, args->more, f);
	if (status) {
		free_edit(e);
		return status;
	}
	profiles_look(d, false);
	deferred_add(d, &put_ops, e, WAIT_MS);
	return ADMIN_DEFERRED;
}

/* --- delete --- */

static int archive(const char *base, const char *tenant, const char *stamp, char **where, struct fault *f)
{
	char *folder = xasprintf("%s/" REMOVED, base), *from = xasprintf("%s/%s", base, tenant);
	char *to = xasprintf("%s/%s.%s", folder, tenant, stamp);
	int fd = -1, r;

	r = fs_make_dirs(folder, 0700, f);
	if (r == 0 && rename(from, to) < 0 && errno != ENOENT)
		r = fault_errno(f, FAULT_SYSTEM, "cannot move %s to %s", from, to);
	if (r == 0 && (r = fs_open_dir(folder, &fd, f)) == 0)
		r = durable_fsync(fd, folder, f);
	fs_close(&fd);
	if (r == 0 && (r = fs_open_dir(base, &fd, f)) == 0)
		r = durable_fsync(fd, base, f);
	fs_close(&fd);
	free(folder);
	free(from);
	if (r == 0)
		*where = to;
	else
		free(to);
	return r;
}

static int take_away(struct ingestd *d, struct tenant *t, char **where, struct fault *f)
{
	char *profile = NULL, stamp[32];

	clock_strftime(clock_now_ms(), "%Y%m%dT%H%M%SZ", stamp, sizeof(stamp));
	if (archive(d->config->profiles, t->name, stamp, &profile, f) < 0)
		return -1;
	free(profile);
	/* it is no tenant any more, and its folders are let go of */
	profiles_look(d, false);
	tenants_retire(d, t);
	folders_free(&t->folders);
	return archive(d->config->staging, t->name, stamp, where, f);
}

static void stay(struct ingestd *d, struct edit *e, struct tenant *t)
{
	struct fault f = FAULT_INIT;

	t->leaving = false;
	arrival_rescan(d->arrival, t->name);
	fault_set(&f, FAULT_CONFIG,
		  "%zu files of it, or a run, are on their way and did not end in %d s: it is served on, nothing was "
		  "removed (`ingestctl files --tenant %s` tells what they wait for)", t->files, WAIT_MS / 1000, t->name);
	admin_answer(e->reply, 409, NULL, &f);
}

static bool look_delete(struct ingestd *d, void *mine, bool late)
{
	struct edit *e = mine;
	struct tenant *t = tenants_find(d, e->tenant);
	struct strbuf out = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	char *where = NULL;

	CHECK(t);
	if ((t->files || starts_of_tenant(d, t)) && !late)
		return false;
	if (t->files || starts_of_tenant(d, t)) {
		stay(d, e, t);
		return true;
	}
	if (usage_close(d->journal, t->name, clock_now_ms(), &f) < 0 || pauses_forget(d, t->name, &f) < 0 ||
	    take_away(d, t, &where, &f) < 0) {
		t->leaving = false;
		admin_answer(e->reply, 503, NULL, &f);
		return true;
	}
	t->leaving = false;
	add_answer(e, "removed", where, &out);
	free(where);
	admin_answer(e->reply, 200, &out, NULL);
	return true;
}

static const struct deferred_ops delete_ops = {look_delete, free_edit};

unsigned tenant_edit_delete(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	struct tenant *t = tenants_find(d, args->tenant);
	unsigned status = refusal_not_now(d, f);
	struct edit *e;

	(void)out;
	if (!status && (!t || (!t->profile && !t->refused)))
		status = refusal_no_such(f, "tenant", args->tenant);
	if (!status && t->leaving)
		status = refusal(f, 409, "the tenant is being removed");
	if (status)
		return status;
	e = new_edit(d, args);
	e->reply = admin_defer(args);
	t->leaving = true;
	starts_give_up_waiting(d, t, "its tenant is being removed");
	deferred_add(d, &delete_ops, e, WAIT_MS);
	return ADMIN_DEFERRED;
}

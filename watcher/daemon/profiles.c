/*
 * profiles - the folder profiles/; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/profiles.h"
#include "watcher/base/fsutil.h"
#include "watcher/daemon/check.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/recorder.h"
#include "watcher/daemon/recovery.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/daemon/watches.h"
#include <dirent.h>
#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#define QUIET_SECONDS 0.2
#define AGAIN_SECONDS 5.0 /* a check that could not be run */
#define WATCH_MASK \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_ONLYDIR)

/* One new version of one tenant on its way to be in force. */
struct candidate {
	struct ingestd *d;
	char *tenant;
	struct profile *profile;
	uint64_t fingerprint;
	size_t asked;
	bool asking; /* not all questions are out yet */
	bool unknown;
	struct strbuf errors;
};

/* --- the folder --- */

int profiles_names(const char *dir, profiles_name *fn, profiles_name *without, void *ctx, struct fault *f)
{
	DIR *list = opendir(dir);
	const struct dirent *e;

	if (!list)
		return fault_errno(f, FAULT_SYSTEM, "cannot read %s", dir);
	while ((e = readdir(list))) {
		char *file;

		if (e->d_name[0] == '.')
			continue;
		file = xasprintf("%s/%s/profile.json", dir, e->d_name);
		if (access(file, F_OK) == 0)
			fn(ctx, e->d_name);
		else if (without)
			without(ctx, e->d_name);
		free(file);
	}
	closedir(list);
	return 0;
}

static void add_stat(struct strbuf *sb, const char *folder, const char *name)
{
	char *path = xasprintf("%s/%s", folder, name);
	struct stat st;

	if (stat(path, &st) == 0)
		strbuf_addf(sb, "%s %llu %lld %lld.%09ld %lld.%09ld\n", name, (unsigned long long)st.st_ino,
			    (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
			    (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	free(path);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of everything a tenant's version is made of; the order of a folder's entries does not count. */
static uint64_t fingerprint(const char *folder)
{
	char *jobs = xasprintf("%s/jobs", folder);
	struct strbuf sb = STRBUF_INIT;
	DIR *list = opendir(jobs);
	const struct dirent *e;
	char **names = NULL;
	size_t n = 0;
	uint64_t hash;

	add_stat(&sb, folder, "profile.json");
	while (list && (e = readdir(list))) {
		if (e->d_name[0] == '.')
			continue;
		names = xrealloc(names, (n + 1) * sizeof(*names));
		names[n++] = xstrdup(e->d_name);
	}
	if (list)
		closedir(list);
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++) {
		add_stat(&sb, jobs, names[i]);
		free(names[i]);
	}
	free(names);
	hash = map_hash(strbuf_span(&sb));
	strbuf_release(&sb);
	free(jobs);
	return hash ? hash : 1;
}

/* --- a candidate --- */

static void free_candidate(struct candidate *c)
{
	profile_unref(&c->profile);
	strbuf_release(&c->errors);
	free(c->tenant);
	free(c);
}

static void say(struct ingestd *d, struct tenant *t, enum event_id id, struct span reason)
{
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, "reason", reason);
	event(d, id, "tenant=%s %s", t->name, sb.p);
	if (t->log)
		event_tenant(d, t, id, "%s", sb.p);
	strbuf_release(&sb);
}

static void say_lines(struct ingestd *d, struct tenant *t, const char *lines)
{
	const char *at = lines;

	while (*at) {
		size_t n = strcspn(at, "\n");

		if (n)
			say(d, t, EV_PROFILE_REFUSED, (struct span){at, n});
		at += n + (at[n] == '\n');
	}
}

/* A warning is three lines: what is meant, the line of the text, the caret.  The first has the place. */
void profiles_say_warnings(struct ingestd *d, struct tenant *t, const char *lines)
{
	const char *at = lines;
	size_t passed = 0;

	while (*at) {
		size_t n = strcspn(at, "\n");

		if (passed) {
			passed--;
		} else if (memmem(at, n, ": warning: ", 11)) {
			say(d, t, EV_PROFILE_WARNING, (struct span){at, n});
			passed = 2;
		}
		at += n + (at[n] == '\n');
	}
}

static void refuse(struct ingestd *d, struct tenant *t, const char *errors)
{
	size_t n = strlen(errors);

	while (n && errors[n - 1] == '\n')
		n--;
	free(t->refused);
	t->refused = xstrndup(errors, n);
	say_lines(d, t, errors);
}

static void say_loaded(struct ingestd *d, struct tenant *t)
{
	event(d, EV_PROFILE_LOADED, "tenant=%s jobs=%zu", t->name, t->profile->job_count);
	if (t->log)
		event_tenant(d, t, EV_PROFILE_LOADED, "jobs=%zu", t->profile->job_count);
}

static void put_in_force(struct ingestd *d, struct tenant *t, struct profile *p)
{
	struct fault f = FAULT_INIT;

	if (!turn_ok(d, recovery_open(d, t, &f), &f) || tenants_enforce(d, t, p, &f) < 0) {
		if (!d->fatal)
			refuse(d, t, f.text);
		return;
	}
	free(t->refused);
	t->refused = NULL;
	say_loaded(d, t);
	recorder_jobs(d);
	starts_look(d);
}

/* At start every tenant has had its answer: files of those without a profile wait for one. */
static void look_if_first(struct ingestd *d)
{
	struct fault f = FAULT_INIT;

	if (d->profiles.first_done || checks_pending(d->checks))
		return;
	d->profiles.first_done = true;
	fault_set(&f, FAULT_CONFIG, "the tenant has no profile in force");
	for (size_t i = map_len(&d->files); i-- > 0 && !d->fatal;) {
		struct file *x = map_value(&d->files, i);

		if (!x->parked)
			continue;
		x->parked = false;
		file_wait(d, x, &f, 0);
	}
	ingestd_looked(d);
}

static void on_debounce(struct ev_loop *loop, ev_timer *t, int events);

static void decide(struct candidate *c)
{
	struct ingestd *d = c->d;
	struct tenant *t = tenants_find(d, c->tenant);

	/* the folder has changed again meanwhile, or is gone: that look decides */
	if (t && t->fingerprint == c->fingerprint && !d->fatal) {
		if (c->errors.n) {
			refuse(d, t, c->errors.p);
		} else if (c->unknown) {
			t->fingerprint = 0;
			ev_timer_stop(d->loop, &d->profiles.debounce);
			ev_timer_set(&d->profiles.debounce, AGAIN_SECONDS, 0.);
			ev_timer_start(d->loop, &d->profiles.debounce);
		} else {
			put_in_force(d, t, c->profile);
		}
	}
	free_candidate(c);
}

static void on_checked(void *ctx, enum check_answer answer, const char *errors)
{
	struct candidate *c = ctx;
	struct ingestd *d = c->d;
	struct tenant *t = tenants_find(d, c->tenant);

	CHECK(c->asked);
	c->asked--;
	/* a good version is asked about once, so its warnings come once, whatever becomes of the other jobs */
	if (answer == CHECK_OK && t)
		profiles_say_warnings(d, t, errors);
	if (answer == CHECK_REFUSED)
		strbuf_adds(&c->errors, *errors ? errors : "the filter is refused\n");
	if (answer == CHECK_UNKNOWN) {
		c->unknown = true;
		event_text(d, EV_WORKER_TROUBLE, "reason", errors);
	}
	if (c->asked || c->asking)
		return;
	decide(c);
	look_if_first(d);
}

static void ask_all(struct candidate *c)
{
	c->asking = true;
	for (size_t i = 0; i < c->profile->job_count; i++) {
		const struct job *j = c->profile->jobs[i];
		struct strbuf text = STRBUF_INIT;
		char hash[VERSION_HASH];

		if (!j->filter[0])
			continue;
		version_write(c->profile, j, &text, hash);
		c->asked++;
		checks_ask(c->d->checks, hash, strbuf_span(&text), on_checked, c);
		strbuf_release(&text);
	}
	c->asking = false;
	if (!c->asked)
		decide(c);
}

static void load(struct ingestd *d, struct tenant *t, const char *folder)
{
	struct strbuf errors = STRBUF_INIT;
	struct profile *p = NULL;

	if (profile_load(d->config->profiles, t->name, &p, &errors) == 0)
		tenants_check_sinks(d->config, p, folder, &errors);
	if (errors.n) {
		refuse(d, t, errors.p);
	} else {
		struct candidate *c = xcalloc(1, sizeof(*c));

		c->d = d;
		c->tenant = xstrdup(t->name);
		c->profile = profile_ref(p);
		c->fingerprint = t->fingerprint;
		strbuf_init(&c->errors);
		ask_all(c);
	}
	profile_unref(&p);
	strbuf_release(&errors);
}

/* --- a look --- */

static void watch(struct ingestd *d, const char *folder)
{
	if (d->profiles.fd >= 0)
		(void)!inotify_add_watch(d->profiles.fd, folder, WATCH_MASK);
}

static void watch_tenant(struct ingestd *d, const char *folder)
{
	char *jobs = xasprintf("%s/jobs", folder);

	watch(d, folder);
	watch(d, jobs);
	free(jobs);
}

struct look {
	struct ingestd *d;
	bool all;
};

/* Its profile.json may be written when somebody has thought about it. */
static void expect(void *ctx, const char *name)
{
	const struct look *look = ctx;
	char *folder = xasprintf("%s/%s", look->d->config->profiles, name);

	watch(look->d, folder);
	free(folder);
}

static void look_at(void *ctx, const char *name)
{
	struct look *look = ctx;
	struct ingestd *d = look->d;
	struct tenant *t;
	char *folder;
	uint64_t now;

	if (!tenant_name_valid(span_of(name))) {
		if (look->all)
			event_text(d, EV_PROFILE_REFUSED, "folder", name);
		return;
	}
	t = tenants_get(d, name);
	folder = xasprintf("%s/%s", d->config->profiles, name);
	t->seen = true;
	watch_tenant(d, folder);
	now = fingerprint(folder);
	if (look->all || now != t->fingerprint) {
		t->fingerprint = now;
		load(d, t, folder);
	}
	free(folder);
}

static void retire_unseen(struct ingestd *d)
{
	for (size_t i = 0; i < map_len(&d->tenants); i++) {
		struct tenant *t = map_value(&d->tenants, i);

		if (t->seen || (!t->profile && !t->refused && !t->fingerprint))
			continue;
		event(d, EV_PROFILE_GONE, "tenant=%s", t->name);
		if (t->log)
			event_tenant(d, t, EV_PROFILE_GONE, "%s", "");
		tenants_retire(d, t);
		recorder_jobs(d);
	}
}

void profiles_look(struct ingestd *d, bool all)
{
	struct look look = {d, all};
	struct fault f = FAULT_INIT;

	if (d->stopping || d->fatal)
		return;
	for (size_t i = 0; i < map_len(&d->tenants); i++)
		((struct tenant *)map_value(&d->tenants, i))->seen = false;
	watch(d, d->config->profiles);
	if (profiles_names(d->config->profiles, look_at, expect, &look, &f) < 0) {
		/* a folder that cannot be read is no reason to send everybody away */
		event_text(d, EV_PROFILE_REFUSED, "reason", f.text);
		return;
	}
	retire_unseen(d);
	watches_check(d);
}

/* --- hints --- */

static void on_debounce(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop;
	(void)events;
	profiles_look(t->data, false);
}

static void on_rescan(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop;
	(void)events;
	profiles_look(t->data, false);
}

static void on_inotify(struct ev_loop *loop, ev_io *io, int events)
{
	struct ingestd *d = io->data;
	char buffer[4096];

	(void)events;
	while (read(io->fd, buffer, sizeof(buffer)) > 0)
		;
	ev_timer_stop(loop, &d->profiles.debounce);
	ev_timer_set(&d->profiles.debounce, QUIET_SECONDS, 0.);
	ev_timer_start(loop, &d->profiles.debounce);
}

int profiles_start(struct ingestd *d, struct fault *f)
{
	struct profiles *p = &d->profiles;
	double each = d->config->rescan_seconds;

	(void)f;
	p->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (p->fd < 0)
		each = 2; /* without hints: looks alone */
	ev_init(&p->debounce, on_debounce);
	ev_timer_init(&p->rescan, on_rescan, each, each);
	p->debounce.data = p->rescan.data = p->io.data = d;
	if (p->fd >= 0) {
		ev_io_init(&p->io, on_inotify, p->fd, EV_READ);
		p->io.data = d;
		ev_io_start(d->loop, &p->io);
	}
	ev_timer_start(d->loop, &p->rescan);
	profiles_look(d, true);
	look_if_first(d);
	return d->fatal ? -1 : 0;
}

void profiles_stop(struct ingestd *d)
{
	struct profiles *p = &d->profiles;

	if (p->fd >= 0)
		ev_io_stop(d->loop, &p->io);
	ev_timer_stop(d->loop, &p->debounce);
	ev_timer_stop(d->loop, &p->rescan);
	fs_close(&p->fd);
}

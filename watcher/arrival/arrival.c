/*
 * arrival - from a name in in/ to a claimed file in work/A; see the header
 *
 * One inotify descriptor and one timer in the daemon's loop.  The timer's slice gives each tenant
 * that is due a bounded piece of work in turn (due.h), so that 100,000 names of one tenant do not
 * make another one wait; the thousands that wait cost it nothing.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/arrival.h"
#include "watcher/arrival/names.h"
#include "watcher/arrival/own.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>

#define SLICE_MS 8
#define LOOK_SECONDS 1.
#define LOOKS_MAX 1000 /* of tenants in one of them */

struct tenant *arrival_own_tenant(const struct arrival *a, const char *name)
{
	return map_get(&a->tenants, span_of(name));
}

static bool current_place(void *ctx, const char *tenant, struct claim_place *out)
{
	struct tenant *t = arrival_own_tenant(ctx, tenant);

	return t && tenant_place(t, out);
}

struct batch_hooks arrival_own_hooks(struct arrival *a)
{
	return (struct batch_hooks){&a->ops, a->ctx, current_place, a};
}

void arrival_own_arm(struct arrival *a)
{
	int64_t now = clock_mono_ms();
	int64_t next = batch_next(&a->batch), due = due_next(&a->due);

	if (due < next)
		next = due;
	ev_timer_stop(a->loop, &a->tick);
	if (next == INT64_MAX)
		return;
	ev_now_update(a->loop);
	ev_timer_set(&a->tick, next > now ? (double)(next - now) / 1000 : 0, 0.);
	ev_timer_start(a->loop, &a->tick);
}

/* ---- events ---- */

static void on_event(void *ctx, int wd, enum watch_event event, const char *name)
{
	struct arrival *a = ctx;
	struct tenant *t;

	if (event == WATCH_OVERFLOW) {
		a->overflows++;
		for (size_t i = 0; i < map_len(&a->tenants); i++)
			tenant_hint(map_value(&a->tenants, i), wd, event, name);
		return;
	}
	t = map_get(&a->watches, (struct span){(const char *)&wd, sizeof(wd)});
	if (t)
		tenant_hint(t, wd, event, name);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct arrival *a = w->data;

	(void)loop, (void)revents;
	/* one buffer: the loop comes back for more */
	(void)watch_read(&a->watch, on_event, a);
	arrival_own_arm(a);
}

/* ---- the slice ---- */

/* A piece of work for each tenant that is due, again and again, until end or until none of them has anything that it can do. */
static void serve(struct arrival *a, int64_t end)
{
	size_t vain = 0;

	while (!batch_is_full(&a->batch, a->limits.batch) && vain <= map_len(&a->tenants)) {
		int64_t now = clock_mono_ms();
		struct tenant *t = now < end ? due_take(&a->due, now) : NULL;

		if (!t)
			return;
		vain = tenant_slice(t, now) ? 0 : vain + 1;
		tenant_tell_health(t);
		due_set(&a->due, t);
	}
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct arrival *a = w->data;
	struct batch_hooks hooks = arrival_own_hooks(a);
	int64_t end = clock_mono_ms() + SLICE_MS;
	struct fault f = FAULT_INIT;

	(void)loop, (void)revents;
	batch_retry(&a->batch, &hooks, clock_mono_ms());
	serve(a, end);
	/* a refusal stays in batch.why and is tried again by batch_retry */
	if ((!a->batch.failing || a->batch.retry_at <= clock_mono_ms()) &&
	    batch_end(&a->batch, &hooks, clock_mono_ms(), &f) < 0)
		CHECK(a->batch.failing);
	arrival_own_arm(a);
}

/* What the kernel does not tell. */
static void on_look(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct arrival *a = w->data;
	size_t n = map_len(&a->tenants);

	(void)loop, (void)revents;
	for (size_t i = 0; i < n && i < LOOKS_MAX; i++)
		tenant_look(map_value(&a->tenants, ++a->looked % n));
	for (size_t i = 0; i < n; i++)
		lying_look(map_value(&a->tenants, i), clock_mono_ms());
	arrival_own_arm(a);
}

/* ---- life ---- */

static void ignore_sigio(void)
{
	struct sigaction old;

	/* a lease that is broken sends SIGIO, whose default is death */
	if (sigaction(SIGIO, NULL, &old) == 0 && !(old.sa_flags & SA_SIGINFO) &&
	    old.sa_handler == SIG_DFL)
		signal(SIGIO, SIG_IGN);
}

int arrival_new(struct ev_loop *loop, const struct arrival_ops *ops, void *ctx,
		const struct arrival_limits *limits, struct arrival **out, struct fault *f)
{
	struct arrival *a;

	CHECK(ops->decide && ops->claimed);
	if (limits && (limits->rescan_ms < 0 || limits->link_ms < 0 || limits->batch > 100000))
		return fault_set(f, FAULT_CONFIG, "arrival: limits out of range");
	a = xcalloc(1, sizeof(*a));
	a->loop = loop;
	a->ops = *ops;
	a->ctx = ctx;
	if (limits)
		a->limits = *limits;
	if (!a->limits.rescan_ms)
		a->limits.rescan_ms = 60000;
	if (!a->limits.tenant_entries)
		a->limits.tenant_entries = 131072;
	if (!a->limits.batch)
		a->limits.batch = 64;
	if (!a->limits.lying_ms)
		a->limits.lying_ms = 600000;
	if (!a->limits.open_tenants)
		a->limits.open_tenants = 256;
	if (!a->limits.link_ms)
		a->limits.link_ms = 10000;
	ignore_sigio();
	map_init(&a->tenants);
	map_init(&a->watches);
	batch_init(&a->batch);
	lru_init(&a->open, a->limits.open_tenants, tenant_close);
	/* without inotify every tenant is polled, and health says so */
	watch_open(&a->watch);
	ev_init(&a->events, on_readable);
	a->events.data = a;
	if (a->watch.fd >= 0) {
		ev_io_set(&a->events, a->watch.fd, EV_READ);
		ev_io_start(loop, &a->events);
	}
	ev_init(&a->tick, on_tick);
	a->tick.data = a;
	ev_timer_init(&a->look, on_look, LOOK_SECONDS, LOOK_SECONDS);
	a->look.data = a;
	ev_timer_start(loop, &a->look);
	*out = a;
	return 0;
}

void arrival_free(struct arrival **ap)
{
	struct arrival *a = *ap;

	if (!a)
		return;
	ev_io_stop(a->loop, &a->events);
	ev_timer_stop(a->loop, &a->tick);
	ev_timer_stop(a->loop, &a->look);
	for (size_t i = 0; i < map_len(&a->tenants); i++) {
		struct tenant *t = map_value(&a->tenants, i);

		tenant_free(&t);
	}
	map_release(&a->tenants);
	map_release(&a->watches);
	due_release(&a->due);
	batch_release(&a->batch);
	watch_close(&a->watch);
	free(a);
	*ap = NULL;
}

/* ---- tenants ---- */

static int check_options(const struct arrival_options *o, struct fault *f)
{
	if (o->settle_ms < 0 || o->settle_ms > 3600 * 1000)
		return fault_set(f, FAULT_CONFIG, "settle_seconds must be 0 to 3600");
	return 0;
}

int arrival_add_tenant(struct arrival *a, const char *tenant, const char *dir,
		       const struct arrival_options *options, struct fault *f)
{
	if (check_options(options, f) < 0)
		return -1;
	if (arrival_own_tenant(a, tenant))
		return fault_set(f, FAULT_CONFIG, "tenant %s is already watched", tenant);
	map_put(&a->tenants, span_of(tenant), tenant_new(a, tenant, dir, options));
	arrival_own_arm(a);
	return 0;
}

int arrival_change_tenant(struct arrival *a, const char *tenant, const struct arrival_options *options,
			  struct fault *f)
{
	struct tenant *t = arrival_own_tenant(a, tenant);

	if (check_options(options, f) < 0)
		return -1;
	if (!t)
		return fault_set(f, FAULT_CONFIG, "no tenant %s", tenant);
	t->options = *options;
	settle_touch_all(&t->settle, clock_mono_ms());
	due_set(&a->due, t);
	arrival_own_arm(a);
	return 0;
}

void arrival_remove_tenant(struct arrival *a, const char *tenant)
{
	struct tenant *t = arrival_own_tenant(a, tenant);
	struct fault f = FAULT_INIT;

	if (!t)
		return;
	/* what cannot be committed now stays in work/ for recovery */
	if (arrival_flush(a, &f) < 0)
		batch_forget(&a->batch, tenant);
	map_remove(&a->tenants, span_of(tenant));
	tenant_free(&t);
	arrival_own_arm(a);
}

void arrival_rescan(struct arrival *a, const char *tenant)
{
	for (size_t i = 0; i < map_len(&a->tenants); i++) {
		struct tenant *t = map_value(&a->tenants, i);

		if (!tenant || strcmp(tenant, t->name) == 0)
			tenant_want_scan(t);
	}
	arrival_own_arm(a);
}

void arrival_pause(struct arrival *a, bool paused)
{
	a->paused = paused;
}

/* ---- taking by name ---- */

static enum arrival_take refused(struct fault *f, const char *why)
{
	fault_set(f, FAULT_DATA, "%s", why);
	return ARRIVAL_REFUSED;
}

static enum arrival_take kept(const struct tenant *t, const char *name, struct fault *f)
{
	struct settle_entry *e = settle_find(&t->settle, name);
	struct arrival_view v;

	CHECK(e != NULL);
	report_view(t, e, &v);
	fault_set(f, FAULT_DATA, "%s", v.reason);
	if (e->state == ARRIVAL_STATE_SETTLING ||
	    (e->state == ARRIVAL_STATE_LINKED && e->due != SETTLE_NEVER))
		return ARRIVAL_NOT_YET;
	return ARRIVAL_REFUSED;
}

static enum arrival_take take_entry(struct tenant *t, const char *name, void *token,
				    struct fault *f)
{
	struct settle_entry *e = settle_touch(&t->settle, name, clock_mono_ms());
	enum settle_result r;

	if (!e)
		return refused(f, "too many names in in/");
	t->token = token;
	r = tenant_evaluate(t, e, true);
	t->token = NULL;
	switch (r) {
	case SETTLE_TAKEN:
		return ARRIVAL_TAKEN;
	case SETTLE_GONE:
		fault_set(f, FAULT_DATA, "there is no such file in in/");
		return ARRIVAL_GONE;
	case SETTLE_KEPT:
	case SETTLE_READY:
		break;
	}
	return kept(t, name, f);
}

void arrival_touch(struct arrival *a, const char *tenant, const char *name)
{
	struct tenant *t = arrival_own_tenant(a, tenant);

	if (!t || !t->there)
		return;
	(void)settle_touch(&t->settle, name, clock_mono_ms());
	due_set(&a->due, t);
	arrival_own_arm(a);
}

bool arrival_spare(struct arrival *a, const char *tenant, const char *id)
{
	struct tenant *t = arrival_own_tenant(a, tenant);
	struct claim_place place;

	return t && tenant_place(t, &place) && spares_keep(&t->spares, place.work_fd, id);
}

void arrival_no_spares(struct arrival *a, const char *tenant)
{
	struct tenant *t = arrival_own_tenant(a, tenant);
	struct claim_place place;

	if (t && t->spares.n)
		spares_drop(&t->spares, tenant_place(t, &place) ? place.work_fd : -1);
}

enum arrival_take arrival_take(struct arrival *a, const char *tenant, const char *name, void *token,
			       struct fault *f)
{
	struct tenant *t = arrival_own_tenant(a, tenant);
	struct span span = span_of(name);
	struct claim_place place;
	enum arrival_take r;
	const char *rule;

	if (!t)
		return refused(f, "no such tenant");
	if (!fs_is_bare_name(span) || span.n > 255)
		return refused(f, "no name of a file in in/");
	if (names_classify(span, &rule) == NAMES_NEVER)
		return refused(f, rule);
	if (!t->there) {
		fault_set(f, FAULT_SYSTEM, "%s", t->missing ? t->fault : "in/ has not been scanned yet");
		return t->missing ? ARRIVAL_REFUSED : ARRIVAL_NOT_YET;
	}
	if (!tenant_place(t, &place)) {
		fault_set(f, FAULT_SYSTEM, "in/ is being opened");
		return ARRIVAL_NOT_YET;
	}
	if (a->paused)
		return refused(f, "claims are paused");
	if (batch_is_full(&a->batch, a->limits.batch) && arrival_flush(a, f) < 0)
		return ARRIVAL_NOT_YET;
	if (a->batch.failing) {
		fault_set(f, FAULT_SYSTEM, "the journal takes no claims: %s", a->batch.why);
		return ARRIVAL_NOT_YET;
	}
	r = take_entry(t, name, token, f);
	tenant_tell_health(t);
	due_set(&a->due, t);
	arrival_own_arm(a);
	return r;
}

int arrival_flush(struct arrival *a, struct fault *f)
{
	struct batch_hooks hooks = arrival_own_hooks(a);
	int r = batch_end(&a->batch, &hooks, clock_mono_ms(), f);

	arrival_own_arm(a);
	return r;
}

/* ---- idle ---- */

static bool tenant_is_idle(const struct tenant *t)
{
	const size_t *n = t->settle.state;

	if (tenant_is_scanning(t) || (!t->last_scan_ms && !t->missing))
		return false;
	if (n[ARRIVAL_STATE_NEW] || n[ARRIVAL_STATE_SETTLING] || n[ARRIVAL_STATE_BLOCKED])
		return false;
	if (!n[ARRIVAL_STATE_LINKED] && !n[ARRIVAL_STATE_WRITER])
		return true;
	for (size_t i = 0; i < map_len(&t->settle.names); i++)
		if (settle_pending(map_value(&t->settle.names, i)))
			return false;
	return true;
}

bool arrival_idle(struct arrival *a)
{
	int unread = 0;

	if (a->watch.fd >= 0 && ioctl(a->watch.fd, FIONREAD, &unread) == 0 && unread > 0)
		return false;
	if (a->batch.len || a->batch.stuck_len)
		return false;
	for (size_t i = 0; i < map_len(&a->tenants); i++)
		if (!tenant_is_idle(map_value(&a->tenants, i)))
			return false;
	return true;
}

/*
 * staged - max_staged_bytes; see the header
 *
 * Called by claims, starts and tenants.  Owns the child and the page it shares with it.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/staged.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/disk_usage.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_SECONDS 10.
#define OVER_SECONDS 2.
#define BLOCK 512u
#define LOST UINT64_MAX /* the child did not come so far */

static bool limited(const struct tenant *t)
{
	return t->profile && t->profile->max_staged_bytes >= 0;
}

static uint64_t limit_of(const struct tenant *t)
{
	return (uint64_t)t->profile->max_staged_bytes;
}

/* --- what it means --- */

static void describe(struct tenant *t, uint64_t bytes)
{
	snprintf(t->staged.why, sizeof(t->staged.why),
		 "its staging folders hold %llu bytes, max_staged_bytes is %llu", (unsigned long long)bytes,
		 (unsigned long long)limit_of(t));
}

const char *staged_why(struct tenant *t, const struct stat *st)
{
	struct staged_count *c = &t->staged;
	uint64_t bytes = c->bytes;

	if (!limited(t))
		return NULL;
	if (!c->known) {
		c->waits = true;
		return "its staging folders are being counted";
	}
	/* one that came after the count began is not in it */
	if (st && st->st_ctim.tv_sec * 1000 + st->st_ctim.tv_nsec / 1000000 >= c->began_ms)
		bytes += (uint64_t)st->st_blocks * BLOCK;
	if (bytes <= limit_of(t))
		return NULL;
	c->waits = true;
	describe(t, bytes);
	return c->why;
}

void staged_claimed(struct tenant *t, uint64_t bytes, int64_t complete_ms)
{
	struct staged_count *c = &t->staged;

	if (complete_ms < c->began_ms)
		return;
	c->bytes += bytes;
	c->taken += bytes;
}

bool staged_pending(const struct ingestd *d)
{
	for (size_t i = 0; i < map_len(&d->tenants); i++) {
		const struct tenant *t = map_value(&d->tenants, i);

		if (limited(t) && !t->staged.known)
			return true;
	}
	return false;
}

/* Said when it changes, not at each count. */
static void judge(struct ingestd *d, struct tenant *t)
{
	struct staged_count *c = &t->staged;
	bool over = c->bytes > limit_of(t);

	if (over != c->over)
		event_tenant(d, t, over ? EV_STAGED_OVER : EV_STAGED_WELL, "bytes=%llu max_staged_bytes=%llu",
			     (unsigned long long)c->bytes, (unsigned long long)limit_of(t));
	c->over = over;
	if (over)
		describe(t, c->bytes);
	if (over || !c->waits)
		return;
	c->waits = false;
	tenants_look_again(d, t);
	starts_look(d);
}

/* --- counting --- */

static void set_timer(struct ingestd *d, double seconds)
{
	ev_timer_stop(d->loop, &d->staged.timer);
	ev_timer_set(&d->staged.timer, seconds, 0.);
	ev_timer_start(d->loop, &d->staged.timer);
}

static void release(struct staged *s)
{
	if (s->counts)
		(void)munmap(s->counts, s->len * sizeof(*s->counts));
	for (size_t i = 0; i < s->len; i++)
		free(s->names[i]);
	free(s->names);
	s->counts = NULL;
	s->names = NULL;
	s->len = 0;
}

static void take_counts(struct ingestd *d)
{
	struct staged *s = &d->staged;
	double next = LOOK_SECONDS;

	for (size_t i = 0; i < s->len && !d->fatal; i++) {
		struct tenant *t = tenants_find(d, s->names[i]);

		if (!t || !limited(t) || s->counts[i] == LOST)
			continue;
		t->staged.known = true;
		t->staged.bytes = s->counts[i] + t->staged.taken;
		judge(d, t);
		if (t->staged.over || t->staged.waits)
			next = OVER_SECONDS;
	}
	release(s);
	set_timer(d, s->again ? 0. : next);
	s->again = false;
}

static void on_reaped(struct ev_loop *loop, ev_child *w, int events)
{
	(void)events;
	ev_child_stop(loop, w);
	take_counts(w->data);
}

/* false: nobody has the limit, or no memory. */
static bool list_tenants(struct ingestd *d)
{
	struct staged *s = &d->staged;
	size_t n = map_len(&d->tenants);
	void *page;

	s->names = xcalloc(n + 1, sizeof(*s->names));
	for (size_t i = 0; i < n; i++) {
		struct tenant *t = map_value(&d->tenants, i);

		if (!limited(t))
			continue;
		s->names[s->len++] = xstrdup(t->name);
		t->staged.began_ms = clock_now_ms();
		t->staged.taken = 0;
	}
	page = s->len ? mmap(NULL, s->len * sizeof(*s->counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) :
			MAP_FAILED;
	if (page == MAP_FAILED) {
		release(s);
		return false;
	}
	s->counts = page;
	memset(s->counts, 0xff, s->len * sizeof(*s->counts));
	return true;
}

static void count(struct ingestd *d)
{
	struct staged *s = &d->staged;
	pid_t pid;

	if (s->counts || !list_tenants(d)) {
		s->again = s->counts != NULL;
		return;
	}
	pid = fork();
	if (pid == 0) {
		disk_usage_become_child();
		for (size_t i = 0; i < s->len; i++)
			s->counts[i] = disk_usage_below(d->config->staging, s->names[i]);
		_exit(0);
	}
	if (pid < 0) {
		release(s);
		set_timer(d, OVER_SECONDS);
		return;
	}
	ev_child_init(&s->child, on_reaped, pid, 0);
	s->child.data = d;
	ev_child_start(d->loop, &s->child);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop;
	(void)events;
	count(t->data);
}

/* --- front door --- */

void staged_start(struct ingestd *d)
{
	ev_init(&d->staged.timer, on_timer);
	d->staged.timer.data = d;
}

void staged_tenant(struct ingestd *d, struct tenant *t)
{
	t->staged.known = false;
	/* of thousands few have the limit, and each call looks at all of them */
	if (limited(t))
		count(d);
}

void staged_stop(struct ingestd *d)
{
	struct staged *s = &d->staged;
	int status;

	ev_timer_stop(d->loop, &s->timer);
	if (s->counts) {
		ev_child_stop(d->loop, &s->child);
		(void)kill(s->child.pid, SIGKILL);
		while (waitpid(s->child.pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	release(s);
}

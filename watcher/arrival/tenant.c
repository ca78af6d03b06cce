/*
 * tenant - one tenant's in/: its scan, and the judging of what is due; see own.h
 *
 * What is open and watched of it is tenant_folders.c's.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/names.h"
#include "watcher/arrival/own.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/sidecar.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MISSING_MS 1000
#define POLL_MS 1000
#define LINK_STEP_MS 250
#define SCAN_GAP_MS 10
#define SCAN_SLICE 256
#define JUDGE_SLICE 32
#define SCANS_MAX 16 /* at a time: each has a folder open */

struct tenant *tenant_new(struct arrival *a, const char *name, const char *dir,
			  const struct arrival_options *options)
{
	struct tenant *t = xcalloc(1, sizeof(*t));

	t->arrival = a;
	t->name = xstrdup(name);
	t->dir = xstrdup(dir);
	t->options = *options;
	t->in_fd = t->work_fd = -1;
	for (size_t i = 0; i < TENANT_WATCHES; i++)
		t->wd[i] = -1;
	settle_init(&t->settle, a->limits.tenant_entries);
	scan_init(&t->scan);
	tenant_want_scan(t);
	return t;
}

static void end_scan(struct tenant *t)
{
	if (t->scan.dir)
		t->arrival->scans--;
	scan_end(&t->scan);
}

void tenant_free(struct tenant **tp)
{
	struct tenant *t = *tp;
	struct claim_place place;

	if (!t)
		return;
	for (size_t i = 0; i < TENANT_WATCHES; i++)
		tenant_unwatch(t, i);
	end_scan(t);
	if (t->spares.n)
		spares_drop(&t->spares, tenant_place(t, &place) ? place.work_fd : -1);
	due_remove(&t->arrival->due, t);
	settle_release(&t->settle);
	lru_drop(&t->arrival->open, &t->kept);
	tenant_close(t);
	free(t->name);
	free(t->dir);
	free(t);
	*tp = NULL;
}

/* Whoever asks for scans all the time gets them for half of the time at most. */
void tenant_want_scan(struct tenant *t)
{
	t->scan_at = t->scan_earliest;
	due_set(&t->arrival->due, t);
}

bool tenant_is_scanning(const struct tenant *t)
{
	return t->scan.dir || t->scan_at <= t->scan_earliest;
}

/* ---- scan ---- */

static void lose_folders(struct tenant *t, const struct fault *f)
{
	snprintf(t->fault, sizeof(t->fault), "%.*s", (int)sizeof(t->fault) - 1, f->text);
	t->missing = true;
	t->there = false;
	tenant_unwatch(t, TENANT_WATCH_IN);
	end_scan(t);
	lru_drop(&t->arrival->open, &t->kept);
	tenant_close(t);
	/* what was in it comes back by a scan, if it comes back */
	settle_release(&t->settle);
}

bool tenant_polls(const struct tenant *t)
{
	return t->watch_error || t->blind;
}

static void plan_scan(struct tenant *t, int64_t now)
{
	int64_t cost = t->scan_cost;
	int64_t wait = t->arrival->limits.rescan_ms;

	t->scan_earliest = now + cost + SCAN_GAP_MS;
	if (t->missing)
		wait = MISSING_MS;
	else if (tenant_polls(t))
		wait = cost * 20 > POLL_MS ? cost * 20 : POLL_MS;
	if (wait > t->arrival->limits.rescan_ms)
		wait = t->arrival->limits.rescan_ms;
	t->scan_at = now + wait > t->scan_earliest ? now + wait : t->scan_earliest + 1;
}

static void begin_scan(struct tenant *t, int64_t now)
{
	const struct arrival_ops *ops = &t->arrival->ops;
	struct fault f = FAULT_INIT;

	t->scan_cost = 0;
	if ((ops->folders && ops->folders(t->arrival->ctx, t->name, &f) < 0) ||
	    tenant_open_folders(t, &f) < 0 || scan_begin(&t->scan, t->in_fd, &f) < 0) {
		lose_folders(t, &f);
		plan_scan(t, now);
		return;
	}
	t->arrival->scans++;
	t->missing = false;
	t->there = true;
	t->blind = watch_is_blind(t->in_fd);
	/* a hint that asks for a scan from here on gets another one */
	t->scan_at = SETTLE_NEVER;
	settle_scan_begin(&t->settle);
}

static void scan_saw(void *ctx, const char *name)
{
	struct tenant *t = ctx;

	settle_scan_saw(&t->settle, name, clock_mono_ms());
}

static void step_scan(struct tenant *t)
{
	struct fault f = FAULT_INIT;
	int64_t began = clock_mono_ms(), now;
	enum scan_result r = scan_step(&t->scan, SCAN_SLICE, scan_saw, t, &f);
	bool again;

	if (!t->scan.dir)
		t->arrival->scans--;
	now = clock_mono_ms();
	t->scan_cost += now - began;
	if (r == SCAN_MORE)
		return;
	if (r == SCAN_FAILED) {
		lose_folders(t, &f);
		plan_scan(t, now);
		return;
	}
	settle_scan_end(&t->settle, now);
	t->last_scan_ms = clock_now_ms();
	t->scans++;
	again = t->scan_at != SETTLE_NEVER;
	plan_scan(t, now);
	if (again)
		tenant_want_scan(t);
}

static void folder_hint(struct tenant *t, enum watch_event event, const char *name)
{
	if ((event == WATCH_NAME || event == WATCH_LEFT) && strcmp(name, "in") != 0 &&
	    strcmp(name, "work") != 0)
		return;
	tenant_want_scan(t);
}

/* NAME.sha256 came, changed or went: NAME may be waiting for that. */
static void touch_owner(struct tenant *t, const char *name, int64_t now)
{
	struct span owner = sidecar_owner(span_of(name));
	char *text;

	if (!owner.n)
		return;
	text = xstrndup(owner.p, owner.n);
	if (settle_find(&t->settle, text))
		(void)settle_touch(&t->settle, text, now);
	free(text);
}

static void file_hint(struct tenant *t, enum watch_event event, const char *name)
{
	int64_t now = clock_mono_ms();

	switch (event) {
	case WATCH_NAME:
		touch_owner(t, name, now);
		(void)settle_touch(&t->settle, name, now);
		return;
	case WATCH_LEFT:
		touch_owner(t, name, now);
		t->link_gone = true;
		if (settle_find(&t->settle, name))
			(void)settle_touch(&t->settle, name, now);
		return;
	case WATCH_DEAD:
	case WATCH_SELF:
	case WATCH_OVERFLOW:
		tenant_want_scan(t);
		return;
	}
}

void tenant_hint(struct tenant *t, int wd, enum watch_event event, const char *name)
{
	bool folder = wd >= 0 && wd == t->wd[TENANT_WATCH_DIR];

	if (event == WATCH_DEAD) {
		map_remove(&t->arrival->watches, tenant_wd_key(&wd));
		for (size_t i = 0; i < TENANT_WATCHES; i++)
			if (t->wd[i] == wd)
				t->wd[i] = -1;
	}
	if (folder)
		folder_hint(t, event, name);
	else
		file_hint(t, event, name);
	due_set(&t->arrival->due, t);
}

/* ---- judging ---- */

static enum arrival_verdict decide(void *ctx, const char *name, const struct stat *st, struct arrival_answer *answer)
{
	struct tenant *t = ctx;
	const char *rule;

	/* no job may see such a name: it is claimed to be failed */
	if (names_classify(span_of(name), &rule) == NAMES_ENCODE)
		return ARRIVAL_TAKE;
	return t->arrival->ops.decide(t->arrival->ctx, t->name, name, st, answer);
}

static bool starts_run(void *ctx, const char *name)
{
	const struct tenant *t = ctx;
	const struct arrival *a = t->arrival;

	return a->ops.starts_run && names_may_start_run(span_of(name)) && a->ops.starts_run(a->ctx, t->name, name);
}

static enum claim_result take(void *ctx, const struct settle_entry *e, const struct arrival_answer *answer,
			      struct fault *f)
{
	struct tenant *t = ctx;
	struct arrival *a = t->arrival;
	struct claim_place place = {t->in_fd, t->work_fd, t->options.unproven, answer->needs_side, answer->sum_only, &t->spares};
	struct batch_facts facts = {t->name, answer->job, e->arrived_ms, e->change_ms, t->token};
	struct batch_hooks hooks = arrival_own_hooks(a);
	struct claim c;
	enum claim_result r = claim_take(&place, e->name, &e->st, &c, f);

	if (r == CLAIM_TAKEN)
		t->leaseless = !c.leased;
	if (r == CLAIM_TAKEN)
		batch_add(&a->batch, &c, &facts, &hooks);
	else if (c.moved || c.side.moved)
		batch_stick(&a->batch, &c, t->name, clock_mono_ms());
	return r;
}

enum settle_result tenant_evaluate(struct tenant *t, struct settle_entry *e, bool force)
{
	struct arrival *a = t->arrival;
	struct claim_place place;
	struct settle_env env = {
		.ctx = t,
		.place = &place,
		.settle_ms = t->options.settle_ms,
		.force = force,
		.closed = a->paused || a->batch.failing,
		.link_ms = a->limits.link_ms,
		.leases_refused = &t->leases_refused,
		.decide = decide,
		.starts_run = starts_run,
		.take = take,
	};

	/* a new scan is wanted: it finds what is there then */
	if (!tenant_place(t, &place))
		return SETTLE_KEPT;
	return settle_evaluate(&t->settle, e, &env);
}

static void tell_ready(struct tenant *t, const char *name)
{
	struct arrival *a = t->arrival;
	char *copy;

	if (!a->ops.ready)
		return;
	/* the entry may go during the call */
	copy = xstrdup(name);
	a->ops.ready(a->ctx, t->name, copy);
	free(copy);
}

static bool judge_some(struct tenant *t, int64_t now)
{
	struct claim_place place;
	size_t i;

	if (settle_next(&t->settle) > now || !tenant_place(t, &place))
		return false;
	for (i = 0; i < JUDGE_SLICE; i++) {
		struct settle_entry *e = settle_due(&t->settle, now);

		if (!e || batch_is_full(&t->arrival->batch, t->arrival->limits.batch))
			break;
		if (tenant_evaluate(t, e, false) == SETTLE_READY)
			tell_ready(t, e->name);
	}
	return i > 0;
}

static bool links_due(const struct tenant *t, int64_t now)
{
	return t->link_gone && t->link_at <= now;
}

static bool wants_dropped(const struct tenant *t)
{
	return t->settle.full && !t->scan.dir && map_len(&t->settle.names) <= t->settle.max / 2;
}

bool tenant_slice(struct tenant *t, int64_t now)
{
	bool did = false;

	if (!t->scan.dir && t->scan_at <= now && t->arrival->scans < SCANS_MAX) {
		begin_scan(t, now);
		did = true;
	}
	if (t->scan.dir) {
		step_scan(t);
		did = true;
	}
	if (!t->there)
		return did;
	if (links_due(t, now)) {
		t->link_gone = false;
		t->link_at = now + LINK_STEP_MS;
		settle_touch_linked(&t->settle, now);
	}
	/* a full table that has room again wants the names that were dropped */
	if (wants_dropped(t))
		tenant_want_scan(t);
	return judge_some(t, now) || did;
}

int64_t tenant_next(const struct tenant *t)
{
	int64_t next = t->scan.dir ? 0 : t->scan_at;
	int64_t due = settle_next(&t->settle);

	if (!t->there)
		return next;
	if (due < next)
		next = due;
	if (t->link_gone && t->settle.state[ARRIVAL_STATE_LINKED] && t->link_at < next)
		next = t->link_at;
	if (wants_dropped(t) && t->scan_earliest < next)
		next = t->scan_earliest;
	return next;
}

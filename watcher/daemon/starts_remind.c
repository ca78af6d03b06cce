/*
 * starts_remind - runs of manifests whose files do not come: told after ten minutes, an alert after a day; see starts.h
 *
 * By the wall clock, from the reading of the manifest on, so that a restart begins no new day; it says both once more.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/starts_own.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/tenants.h"

#define LOOK_SECONDS 1.
#define LYING_MS (10 * 60 * 1000)
#define INCOMPLETE_MS (24 * 3600 * (int64_t)1000)

static bool waits(const struct start *s)
{
	return starts_by_manifest(s) && s->run.state == RUN_STARTING && !s->settled && !s->refused && !s->stopped;
}

static void say(struct ingestd *d, const struct start *s, const struct file *x, enum event_id id)
{
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, "job", span_of(s->run.job));
	log_add_pair(&sb, "run", span_of(s->run.id));
	log_add_pair(&sb, "file", span_of(x->row.file));
	log_add_pair(&sb, "reason", span_of(x->waits_for ? x->waits_for : "it is being read"));
	log_add_pair(&sb, "remedy", span_of(rule_remedy(RULE_RUN)));
	event_tenant(d, s->tenant, id, "%s", sb.p);
	strbuf_release(&sb);
}

static void remind(struct ingestd *d, struct start *s)
{
	int64_t age = clock_now_ms() - s->run.times.created;
	const struct file *x = starts_manifest_of(d, s->run.id);

	if (!x)
		return;
	if (age >= LYING_MS && !s->lying) {
		s->lying = true;
		say(d, s, x, EV_RUN_WAITING);
	}
	if (age >= INCOMPLETE_MS && !s->incomplete) {
		s->incomplete = true;
		say(d, s, x, EV_FILE_INCOMPLETE);
	}
}

static void on_remind(struct ev_loop *loop, ev_timer *t, int events)
{
	struct ingestd *d = t->data;

	(void)loop;
	(void)events;
	for (struct start *s = d->starts.first; s && !d->fatal && !d->stopping; s = s->next)
		if (waits(s))
			remind(d, s);
	if (!d->starts.first)
		ev_timer_stop(d->loop, t);
}

void start_remind(struct ingestd *d)
{
	ev_timer *t = &d->starts.remind;

	if (ev_is_active(t))
		return;
	ev_init(t, on_remind);
	t->repeat = LOOK_SECONDS;
	t->data = d;
	ev_timer_again(d->loop, t);
}

size_t starts_incomplete(const struct ingestd *d, const struct tenant *t)
{
	size_t n = 0;

	for (const struct start *s = d->starts.first; s; s = s->next)
		n += s->tenant == t && waits(s) && s->incomplete;
	return n;
}

/* For --once: what is left are manifests in work/, and files taken for their runs before a kill; nothing comes by waiting. */
bool starts_only_wait(const struct ingestd *d)
{
	size_t n = 0;

	for (const struct start *s = d->starts.first; s; s = s->next) {
		if (!s->tenant->folders)
			continue; /* it is not served, and neither are its files known */
		if (!waits(s) || !s->names || s->at_barrier < s->living)
			return false;
		n += 1 + s->living;
	}
	return n == map_len(&d->files) && !ev_is_active(&d->starts.timer);
}

const struct file *starts_listing(struct ingestd *d, const struct tenant *t, const char *name)
{
	for (const struct start *s = d->starts.first; s; s = s->next)
		for (size_t i = 0; s->tenant == t && waits(s) && i < s->name_count; i++)
			if (strcmp(s->names[i], name) == 0)
				return starts_manifest_of(d, s->run.id);
	return NULL;
}

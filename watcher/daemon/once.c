/*
 * once - `ingestd --once`; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/once.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/check.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"

#define LOOK_SECONDS 0.02

static bool is_through(struct ingestd *d)
{
	if (!d->ready || checks_pending(d->checks) || !starts_only_wait(d))
		return false;
	if (d->turn.pending || journal_dirty(d->journal) || d->turn.behind || disk_short(d) ||
	    !d->retention.looked || staged_pending(d) || quota_pending(d))
		return false;
	for (size_t i = 0; i < map_len(&d->tenants); i++)
		if (((struct tenant *)map_value(&d->tenants, i))->full)
			return false;
	return arrival_idle(d->arrival) && usage_days_idle(d) && recorder_idle(d) && notifier_idle(d);
}

static int exit_code(struct ingestd *d)
{
	bool left = map_len(&d->files) || starts_any(d);

	if (d->once.start_failed || d->turn.behind || disk_short(d) || circuits_any(d) || !recorder_idle(d) ||
	    d->recorder.refused)
		return EXIT_COULD_NOT;
	for (size_t i = 0; i < map_len(&d->files); i++) {
		const struct file *x = map_value(&d->files, i);

		/* it may be at its next attempt just now: what kept it before is the reason */
		if ((x->waits_kind == FAULT_TEMPORARY || x->waits_kind == FAULT_SYSTEM) && !x->lost)
			return EXIT_COULD_NOT;
	}
	return left || d->once.ended_badly ? EXIT_LEFT : EXIT_WORKED;
}

/* What is left is said on standard error: --once has somebody who looks at it. */
static void say_left(struct ingestd *d)
{
	for (size_t i = 0; i < map_len(&d->files) && i < 20; i++) {
		const struct file *x = map_value(&d->files, i);
		struct strbuf sb = STRBUF_INIT;

		log_add_pair(&sb, "file", span_of(x->row.file));
		log_add_pair(&sb, "reason", span_of(x->waits_for ? x->waits_for : "it was still at work"));
		fprintf(stderr, "ingestd: left in work/: tenant=%s %s\n", x->row.tenant, sb.p);
		strbuf_release(&sb);
	}
	if (pauses_of(d, PAUSE_ALL, ""))
		fprintf(stderr, "ingestd: nothing is taken or begun: %s; `ingestctl resume` ends that\n", pauses_of(d, PAUSE_ALL, ""));
	if (disk_short(d))
		fprintf(stderr, "ingestd: nothing is taken: %s\n", d->disk.reason);
	if (!recorder_idle(d))
		fprintf(stderr, "ingestd: records are left in the outbox: %s\n",
			d->recorder.sick ? d->recorder.fault.text : "MongoDB has not answered yet");
}

/* Their files stay in in/, which is no failure of this call: without a word nobody would look into the log. */
static void say_refused_profiles(const struct ingestd *d)
{
	for (size_t i = 0; i < map_len(&d->tenants); i++) {
		const struct tenant *t = map_value(&d->tenants, i);

		if (t->refused)
			fprintf(stderr, "ingestd: not in force: %.*s\n", (int)strcspn(t->refused, "\n"), t->refused);
	}
}

static void say_refused(const struct ingestd *d)
{
	say_refused_profiles(d);
	if (d->recorder.refused)
		fprintf(stderr, "ingestd: records that MongoDB refused: %llu, see record.refused in ingestd.log\n",
			(unsigned long long)d->recorder.refused);
}

static void on_look(struct ev_loop *loop, ev_timer *t, int events)
{
	struct ingestd *d = t->data;

	(void)loop;
	(void)events;
	if (d->stopping || d->fatal)
		return;
	if (is_through(d)) {
		say_refused(d);
		if (map_len(&d->files))
			say_left(d);
		ingestd_stop(d, exit_code(d));
	} else if (clock_mono_ms() - d->once.progress_ms >= d->options.wait_ms) {
		say_refused_profiles(d);
		say_left(d);
		ingestd_stop(d, exit_code(d));
	}
}

static void start_jobs(struct ingestd *d)
{
	for (size_t i = 0; i < d->options.start_count; i++) {
		const char *text = d->options.starts[i];
		const char *slash = strchr(text, '/');
		char *tenant = xstrndup(text, (size_t)(slash - text));
		struct fault f = FAULT_INIT;
		char run[ULID_TEXT];

		if (starts_new(d, tenant, slash + 1, run, &f) < 0) {
			fprintf(stderr, "ingestd: --start %s: %s\n", text, f.text);
			d->once.start_failed = true;
		}
		free(tenant);
	}
}

void once_start(struct ingestd *d)
{
	start_jobs(d);
	if (!d->options.once)
		return;
	ev_timer_init(&d->once.timer, on_look, LOOK_SECONDS, LOOK_SECONDS);
	d->once.timer.data = d;
	ev_timer_start(d->loop, &d->once.timer);
	ingestd_progress(d);
}

void once_stop(struct ingestd *d)
{
	ev_timer_stop(d->loop, &d->once.timer);
}

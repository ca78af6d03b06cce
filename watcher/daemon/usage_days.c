/*
 * usage_days - the days of the usage as they begin, and their records; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/usage_days.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/spool/usage.h"

#define LOOK_SECONDS 1.
#define ONCE_SECONDS 0.02
#define TELL_MS 5000

static int begin_day(struct ingestd *d, struct fault *f)
{
	int64_t now = clock_now_ms();
	char today[CLOCK_DAY];

	clock_day(now, today);
	if (strcmp(today, d->usage_days.day) == 0)
		return 0;
	if (usage_fill(d->journal, d->usage_days.day, now, f) < 0)
		return -1;
	memcpy(d->usage_days.day, today, CLOCK_DAY);
	return 0;
}

static int tell(struct ingestd *d, struct fault *f)
{
	bool now = !map_len(&d->files) || (!d->options.once && clock_mono_ms() - d->usage_days.told_ms >= TELL_MS);
	size_t count = 0;

	if (!d->recorder.on || !now)
		return 0;
	d->usage_days.told_ms = clock_mono_ms();
	return usage_tell(d->journal, &count, f);
}

static void on_look(struct ev_loop *loop, ev_timer *t, int events)
{
	struct ingestd *d = t->data;
	struct fault f = FAULT_INIT;

	(void)loop;
	(void)events;
	if (d->fatal || d->stopping || d->turn.behind || !d->ready)
		return;
	if (begin_day(d, &f) < 0 || tell(d, &f) < 0)
		ingestd_fatal(d, &f);
}

int usage_days_start(struct ingestd *d, struct fault *f)
{
	double seconds = d->options.once ? ONCE_SECONDS : LOOK_SECONDS;

	ev_timer_init(&d->usage_days.timer, on_look, seconds, seconds);
	d->usage_days.timer.data = d;
	ev_timer_start(d->loop, &d->usage_days.timer);
	return begin_day(d, f);
}

bool usage_days_idle(const struct ingestd *d)
{
	struct fault f = FAULT_INIT;

	return !d->recorder.on || usage_untold(d->journal, &f) == 0;
}

void usage_days_stop(struct ingestd *d)
{
	ev_timer_stop(d->loop, &d->usage_days.timer);
}

/*
 * deferred - answers of the HTTP API that something else must come before; see the header
 *
 * Called by job_edit, tenant_edit and seed.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/deferred.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/ingestd.h"

#define LOOK_SECONDS 0.05

struct deferred_one {
	struct deferred_one *next;
	const struct deferred_ops *ops;
	void *mine;
	int64_t until_ms; /* mono */
};

static void drop(struct deferred_one **at)
{
	struct deferred_one *one = *at;

	*at = one->next;
	one->ops->free(one->mine);
	free(one);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	struct ingestd *d = t->data;
	struct deferred_one **at = &d->deferred.first;

	(void)events;
	while (*at) {
		struct deferred_one *one = *at;

		if (one->ops->look(d, one->mine, clock_mono_ms() >= one->until_ms))
			drop(at);
		else
			at = &one->next;
	}
	if (!d->deferred.first)
		ev_timer_stop(loop, t);
}

void deferred_init(struct ingestd *d)
{
	ev_timer_init(&d->deferred.timer, on_timer, LOOK_SECONDS, LOOK_SECONDS);
	d->deferred.timer.data = d;
}

void deferred_add(struct ingestd *d, const struct deferred_ops *ops, void *mine, int64_t ms)
{
	struct deferred_one *one = xcalloc(1, sizeof(*one));

	one->ops = ops;
	one->mine = mine;
	one->until_ms = clock_mono_ms() + ms;
	one->next = d->deferred.first;
	d->deferred.first = one;
	ev_timer_start(d->loop, &d->deferred.timer);
}

void deferred_release(struct ingestd *d)
{
	if (d->loop)
		ev_timer_stop(d->loop, &d->deferred.timer);
	while (d->deferred.first)
		drop(&d->deferred.first);
}

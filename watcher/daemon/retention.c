/*
 * retention - old files leave done/ and failed/, and their rows the journal; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/retention.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/tenants.h"
#include "watcher/spool/retain.h"
#include "watcher/spool/usage.h"

#define LOOK_SECONDS 600.
#define AGAIN_SECONDS 0.01
#define BATCH 64
#define PRUNE_BATCH 1000
#define DAY_MS (24 * 3600 * (int64_t)1000)

/* Rows of one look at one folder: copies, since nothing may be written to the journal while it is read. */
struct due {
	struct ingestd *d;
	struct file_row rows[BATCH];
	size_t n;
};

static bool add_due(void *ctx, const struct file_row *r)
{
	struct due *due = ctx;

	/* one that is on its way again (undo, rerun) is not retention's */
	if (!file_find(due->d, r->arrival))
		file_row_copy(r, &due->rows[due->n++]);
	return due->n < BATCH;
}

static void say_removed(struct ingestd *d, struct tenant *t, const struct file_row *r, int days)
{
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, "file", span_of(r->target));
	strbuf_addf(&sb, " id=%s folder=%s days=%d", r->arrival, folder_name(r->folder), days);
	event_tenant(d, t, EV_FILE_REMOVED, "%s", sb.p);
	strbuf_release(&sb);
}

/* The rows that were removed, the rest left out; -1: the disk. */
static int remove_all(struct ingestd *d, struct tenant *t, struct due *due)
{
	struct fault f = FAULT_INIT;
	size_t kept = 0;

	for (size_t i = 0; i < due->n; i++) {
		struct file_row *r = &due->rows[i];
		int removed = retain_remove(t->folders, r, &f);

		if (removed == 0)
			fault_set(&f, FAULT_SYSTEM, "'%s' of %s/ is not the file that was placed there: it is left",
				  r->target, folder_name(r->folder));
		if (removed <= 0)
			event_text(d, EV_FILE_ODD, "reason", f.text);
		if (removed < 0) {
			file_row_release(r);
			continue;
		}
		due->rows[kept++] = *r;
	}
	due->n = kept;
	if (!kept)
		return 0;
	return turn_ok(d, retain_sync(t->folders, due->rows[0].folder, &f), &f) ? 0 : -1;
}

static void save_removed(struct ingestd *d, struct tenant *t, struct file_row *r, int days)
{
	struct fault f = FAULT_INIT;

	r->times.removed = clock_now_ms();
	if (usage_book(d->journal, r, r->times.removed, &f) < 0 || journal_save(d->journal, r, &f) < 0)
		ingestd_fatal(d, &f);
	else
		say_removed(d, t, r, days);
}

/* true: there may be more. */
static bool empty_folder(struct ingestd *d, struct tenant *t, enum folder folder, int days)
{
	struct due *due = xcalloc(1, sizeof(*due));
	struct fault f = FAULT_INIT;
	bool more;

	due->d = d;
	if (retain_due(d->journal, t->name, folder, clock_now_ms() - days * DAY_MS, BATCH, add_due, due, &f) < 0)
		event_text(d, EV_FILE_ODD, "reason", f.text);
	more = due->n == BATCH;
	if (remove_all(d, t, due) == 0)
		for (size_t i = 0; i < due->n && !d->fatal; i++)
			save_removed(d, t, &due->rows[i], days);
	for (size_t i = 0; i < due->n; i++)
		file_row_release(&due->rows[i]);
	free(due);
	return more;
}

static bool drop_refused(struct ingestd *d, struct tenant *t)
{
	int64_t before = clock_now_ms() - t->profile->failed_days * DAY_MS;
	struct fault f = FAULT_INIT;
	size_t n = 0;

	if (!turn_ok(d, retain_refused(d->journal, t->folders, before, BATCH, &n, &f), &f) && !d->fatal)
		event_text(d, EV_FILE_ODD, "reason", f.text);
	return n == BATCH;
}

static bool look_at(struct ingestd *d, struct tenant *t)
{
	const struct profile *p = t->profile;
	bool more = false;

	if (!p || !t->folders)
		return false;
	if (p->done_days >= 0)
		more = empty_folder(d, t, FOLDER_DONE, p->done_days);
	if (p->failed_days >= 0 && !d->fatal)
		more = empty_folder(d, t, FOLDER_FAILED, p->failed_days) || more;
	if (p->failed_days >= 0 && !d->fatal)
		more = drop_refused(d, t) || more;
	return more;
}

static bool prune(struct ingestd *d)
{
	struct fault f = FAULT_INIT;
	size_t n = 0;

	if (d->config->journal_days < 0)
		return false;
	if (retain_prune(d->journal, clock_now_ms() - d->config->journal_days * DAY_MS, PRUNE_BATCH, &n, &f) < 0)
		ingestd_fatal(d, &f);
	else if (n)
		event(d, EV_JOURNAL_PRUNED, "rows=%zu", n);
	return n >= PRUNE_BATCH;
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct ingestd *d = timer->data;
	bool more = false;

	(void)events;
	if (d->fatal || d->stopping)
		return;
	/* what is behind cannot be asked */
	if (!d->turn.behind) {
		for (size_t i = 0; i < map_len(&d->tenants) && !d->fatal; i++)
			more = look_at(d, map_value(&d->tenants, i)) || more;
		more = (!d->fatal && prune(d)) || more;
		d->retention.looked = d->retention.looked || !more;
	}
	timer->repeat = more ? AGAIN_SECONDS : LOOK_SECONDS;
	ev_timer_again(loop, timer);
}

void retention_start(struct ingestd *d)
{
	ev_timer_init(&d->retention.timer, on_look, 0., LOOK_SECONDS);
	d->retention.timer.data = d;
	ev_timer_start(d->loop, &d->retention.timer);
}

void retention_look(struct ingestd *d)
{
	if (ev_is_active(&d->retention.timer))
		ev_feed_event(d->loop, &d->retention.timer, EV_TIMER);
}

void retention_stop(struct ingestd *d)
{
	ev_timer_stop(d->loop, &d->retention.timer);
}

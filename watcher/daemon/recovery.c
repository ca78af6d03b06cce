/*
 * recovery - what spool/recover finds becomes files of this daemon again; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/recovery.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/ending.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/profiles.h"
#include "watcher/daemon/route.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/spool/deliveries.h"
#include "watcher/spool/recover.h"
#include "watcher/spool/runs.h"
#include "watcher/spool/versions.h"

static void adopt_file(struct ingestd *d, const struct recovered *r, struct fault *f)
{
	struct file_row row;
	struct file *x;

	file_row_init(&row);
	snprintf(row.arrival, sizeof(row.arrival), "%s", r->arrival);
	file_row_set(&row.tenant, r->tenant);
	file_row_set(&row.file, r->name);
	/* what was known at its claim is looked up when the tenant's profile is in force */
	file_row_set(&row.arrival_fault, "");
	row.bytes = r->size;
	row.mtime_ms = r->mtime_ms;
	row.times.arrived = row.times.complete = row.times.claimed = r->claimed_ms;
	if (journal_insert(d->journal, &row, f) < 0) {
		ingestd_fatal(d, f);
	} else {
		x = file_add(d, &row);
		x->adopted = true;
		event_file(d, EV_FILE_CLAIMED, x, "bytes=%llu adopted=true", (unsigned long long)row.bytes);
		turn_then(d, x, step_route);
	}
	file_row_release(&row);
}

/* Its bytes are not those that were claimed, or not there. */
static void end_broken(struct ingestd *d, struct file *x, const struct fault *why)
{
	struct fault f = FAULT_INIT;

	if (x->row.state == FILE_UNDOING && fault_altered(why)) {
		file_resume(d, x);
		return;
	}
	if (x->row.state == FILE_LOADING && fault_altered(why)) {
		ending_after_send(d, x, why);
		return;
	}
	if (x->row.leg.sent) {
		fault_set(&f, FAULT_SYSTEM, "rows of it are stored and it cannot be read any more: %s",
			  why->text);
		file_wait(d, x, &f, 0);
		x->lost = true;
		return;
	}
	f = *why;
	f.kind = FAULT_DATA;
	if (x->row.state == FILE_WAITING)
		file_set_state(d, x, x->row.resume);
	if (!d->fatal)
		ending_begin(d, x, OUTCOME_FAILED, &f);
}

static void wait_on(struct file *x)
{
	int64_t left = x->row.until_ms - clock_now_ms();

	file_row_set(&x->waits_for, x->row.reason);
	/* one that waits for an event waits for its profile at most: that comes with the first look */
	if (!x->row.until_ms)
		return;
	x->due = clock_mono_ms() + (left > 0 && left < 60000 ? left : 0) + 1;
}

static void withdraw(struct ingestd *d, const struct file_row *row, struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, "file", span_of(row->file));
	event(d, EV_FILE_WITHDRAWN, "tenant=%s id=%s %s", row->tenant, row->arrival, sb.p);
	strbuf_release(&sb);
	if (journal_forget(d->journal, row, f) < 0)
		ingestd_fatal(d, f);
}

/* The restored journal has it on its way; the delivery is as its receipt says. */
static void forget_placed(struct ingestd *d, const struct recovered *r, struct fault *f)
{
	const struct file_row *row = r->row;
	enum delivery_state now = r->placed_done ? DELIVERY_LIVE : DELIVERY_UNDONE;
	struct strbuf sb = STRBUF_INIT;
	int result = 0;

	log_add_pair(&sb, "file", span_of(row->file));
	event(d, EV_FILE_PLACED_SINCE, "tenant=%s id=%s %s", row->tenant, row->arrival, sb.p);
	strbuf_release(&sb);
	/* one that failed before its first row may share its delivery with another that did not */
	if (row->delivery[0] && row->job && (r->placed_done || row->leg.sent))
		result = deliveries_put(d->journal, row, now, clock_now_ms(), f);
	if (result < 0 || journal_forget_placed(d->journal, row, f) < 0)
		ingestd_fatal(d, f);
}

static void say_odd(struct ingestd *d, const struct recovered *r, enum event_id id)
{
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, "tenant", span_of(r->tenant));
	log_add_pair(&sb, "entry", span_of(r->arrival));
	if (r->name)
		log_add_pair(&sb, "file", span_of(r->name));
	if (r->fault->kind != FAULT_NONE)
		log_add_pair(&sb, "reason", span_of(r->fault->text));
	event(d, id, "%s", sb.p);
	strbuf_release(&sb);
}

static struct file *add_row(struct ingestd *d, const struct recovered *r)
{
	struct file *x = file_add(d, r->row);

	x->row.running = false;
	starts_file_recovered(d, x);
	return x;
}

static int on_recovered(void *ctx, const struct recovered *r, struct fault *f)
{
	struct ingestd *d = ctx;

	/* a tenant that came later: what it had before is known already */
	if (r->row && file_find(d, r->row->arrival))
		return 0;
	switch (r->action) {
	case RECOVER_ADOPT:
		adopt_file(d, r, f);
		break;
	case RECOVER_GIVEN_BACK:
		say_odd(d, r, EV_FILE_BACK);
		break;
	case RECOVER_WITHDRAWN:
		withdraw(d, r->row, f);
		break;
	case RECOVER_REQUEUE:
	case RECOVER_RECEIPT:
	case RECOVER_PLACE:
	case RECOVER_RETAKE:
		file_resume(d, add_row(d, r));
		break;
	case RECOVER_WAIT:
		wait_on(add_row(d, r));
		break;
	case RECOVER_LOST:
		/* the ids of what it stored are known without it */
		if (r->row->state == FILE_UNDOING && !file_row_undo_needs_file(r->row)) {
			file_resume(d, add_row(d, r));
			break;
		}
		end_broken(d, add_row(d, r), r->fault);
		break;
	case RECOVER_FAIL:
		end_broken(d, add_row(d, r), r->fault);
		break;
	case RECOVER_PLACED_SINCE:
		forget_placed(d, r, f);
		break;
	case RECOVER_NO_TENANT:
		break;
	case RECOVER_ODD:
		say_odd(d, r, EV_FILE_ODD);
		break;
	}
	return d->fatal ? -1 : 0;
}

static void open_one(void *ctx, const char *name)
{
	struct ingestd *d = ctx;
	struct fault f = FAULT_INIT;
	struct tenant *t;

	if (!tenant_name_valid(span_of(name)))
		return;
	t = tenants_get(d, name);
	if (!turn_ok(d, tenants_open(d, t, &f), &f) && !d->fatal)
		event(d, EV_FOLDER_HEALTH, "tenant=%s reason=\"%s\"", name, f.text);
}

static bool recover_run(void *ctx, const struct run *r)
{
	starts_recover(ctx, r);
	return true;
}

static bool in_force(void *ctx, const char *hash)
{
	(void)ctx;
	(void)hash;
	return false; /* nothing is yet: what a profile needs is written again at its first use */
}

static void prune(struct ingestd *d)
{
	struct fault f = FAULT_INIT;
	size_t n = 0;

	if (versions_prune(d->versions, d->journal, in_force, NULL, &n, &f) < 0)
		event_text(d, EV_VERSIONS_PRUNED, "reason", f.text);
	else if (n)
		event(d, EV_VERSIONS_PRUNED, "removed=%zu", n);
}

static int commit(struct ingestd *d, struct fault *f)
{
	return journal_commit(d->journal, f);
}

int recovery_all(struct ingestd *d, struct fault *f)
{
	struct folders **list;
	size_t n = 0;
	int r;

	if (profiles_names(d->config->profiles, open_one, NULL, d, f) < 0)
		return -1;
	prune(d);
	list = xcalloc(map_len(&d->tenants) + 1, sizeof(*list));
	for (size_t i = 0; i < map_len(&d->tenants); i++) {
		struct tenant *t = map_value(&d->tenants, i);

		if (t->folders)
			list[n++] = t->folders;
	}
	r = recover(list, n, d->journal, on_recovered, d, f);
	free(list);
	if (r == 0)
		r = disk_wait(d, commit, f);
	if (r == 0)
		r = runs_alive(d->journal, recover_run, d, f);
	for (size_t i = 0; i < map_len(&d->tenants) && r == 0 && !d->fatal; i++) {
		struct tenant *t = map_value(&d->tenants, i);

		if (t->folders)
			starts_recovered(d, t);
	}
	return r < 0 || d->fatal ? -1 : 0;
}

int recovery_open(struct ingestd *d, struct tenant *t, struct fault *f)
{
	bool first = !t->folders;

	if (tenants_open(d, t, f) < 0)
		return -1;
	if (!first)
		return 0;
	if (turn_commit(d, f) < 0)
		return -1;
	if (recover(&t->folders, 1, d->journal, on_recovered, d, f) < 0)
		return -1;
	starts_recovered(d, t);
	return d->fatal ? -1 : 0;
}

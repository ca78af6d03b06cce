/*
 * views_queue - what the admin API answers about the queue and the turns of the scheduler; see views.h
 *
 * Called by views.c.  Everything is made from memory.
 */
#include "watcher/base/base.h"
#include "watcher/base/clock.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/refusal.h"
#include "watcher/daemon/tenants.h"
#include "watcher/daemon/views.h"
#include "watcher/schedule/schedule.h"

struct listing {
	struct ingestd *d;
	const char *tenant; /* NULL: all */
	size_t left;
	struct strbuf *out;
};

static bool wanted(const struct listing *l, const struct file *x)
{
	return !l->tenant || strcmp(l->tenant, x->row.tenant) == 0;
}

static void add_number(struct strbuf *out, const char *key, uint64_t n, bool known)
{
	if (known) {
		json_pair_u64(out, key, n);
		return;
	}
	json_add_key(out, key);
	strbuf_adds(out, "null");
}

/* position 0: it has none; wait_ms -1: nobody can say. */
static void add_file(struct listing *l, const struct file *x, size_t position, const char *reason, int64_t wait_ms)
{
	struct strbuf *out = l->out;

	json_add_comma(out);
	strbuf_addc(out, '{');
	add_number(out, "position", position, position > 0);
	json_pair_string(out, "tenant", x->row.tenant);
	json_pair_string(out, "job", x->row.job);
	json_pair_string(out, "id", x->row.arrival);
	json_pair_string(out, "file", x->row.file);
	json_pair_u64(out, "bytes", x->row.bytes);
	json_pair_string(out, "state", file_word(x));
	json_pair_string(out, "reason", reason);
	json_pair_seconds(out, "wait_seconds", wait_ms);
	strbuf_addc(out, '}');
	l->left--;
}

static void add_running(struct listing *l)
{
	for (size_t i = 0; i < map_len(&l->d->files) && l->left; i++) {
		const struct file *x = map_value(&l->d->files, i);

		if (wanted(l, x) && x->task && x->task->worker)
			add_file(l, x, 0, "a worker has it", -1);
	}
}

static void why_queued(const struct listing *l, const struct file *x, size_t position, char *out, size_t size)
{
	const struct schedule *s = l->d->schedule;
	unsigned most = schedule_max_workers(s, x->row.tenant);

	const char *drained = pauses_of(l->d, PAUSE_ALL, "");

	if (drained)
		snprintf(out, size, "%s", drained);
	else if (schedule_paused(s))
		snprintf(out, size, "no worker is given a file now");
	else if (schedule_busy(s, x->row.tenant) >= most)
		snprintf(out, size, "max_workers of its tenant is %u, and so many of its files are in work", most);
	else if (position == 1)
		snprintf(out, size, "it is the next");
	else
		snprintf(out, size, "files before it: %zu", position - 1);
}

static bool add_queued(void *ctx, const struct task *t, size_t position, int64_t wait_ms)
{
	struct listing *l = ctx;
	const struct file *x = t->owner;
	char reason[FAULT_TEXT];

	if (!wanted(l, x))
		return true;
	if (!l->left)
		return false;
	why_queued(l, x, position, reason, sizeof(reason));
	add_file(l, x, position, reason, wait_ms);
	return true;
}

static const char *why_waiting(const struct file *x)
{
	if (x->task)
		return "its sink gives no answer about other indices: it is tried beside when there is room";
	if (x->at_barrier)
		return "it waits for the other files of its run";
	if (x->row.state == FILE_WAITING)
		return x->waits_for ? x->waits_for : x->row.reason;
	return "a step of its life is next";
}

/* Without a worker and not in a lane. */
static void add_waiting(struct listing *l)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < map_len(&l->d->files) && l->left; i++) {
		const struct file *x = map_value(&l->d->files, i);

		if (!wanted(l, x) || (x->task && (x->task->worker || !x->task->beside)))
			continue;
		add_file(l, x, 0, why_waiting(x), !x->due ? -1 : x->due > now ? x->due - now : 0);
	}
}

unsigned views_queue(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	struct listing l = {.d = d, .out = out};

	if (!views_tenant(args, &l.tenant))
		return refusal_no_such(f, "tenant", args->query(args, "tenant"));
	if (!views_limit(args, &l.left))
		return refusal(f, 400, VIEWS_LIMITS);
	strbuf_addc(out, '[');
	add_running(&l);
	schedule_forecast(d->schedule, add_queued, &l);
	add_waiting(&l);
	strbuf_addc(out, ']');
	return 200;
}

static bool add_decision(void *ctx, const struct decision *d)
{
	struct strbuf *out = ctx;

	json_add_comma(out);
	strbuf_addc(out, '{');
	json_pair_u64(out, "turn", d->number);
	json_pair_time(out, "at", d->at_ms);
	json_pair_string(out, "tenant", d->tenant);
	json_pair_string(out, "id", d->arrival);
	json_pair_u64(out, "bytes", d->bytes);
	json_pair_u64(out, "turns_waited", d->waited);
	json_pair_u64(out, "owed", d->why.deficit);
	json_pair_u64(out, "rivals", d->why.rivals);
	add_number(out, "least_owed", d->why.least, d->why.rivals > 0);
	strbuf_addc(out, '}');
	return true;
}

unsigned views_queue_trace(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	(void)args;
	(void)f;
	strbuf_addc(out, '[');
	schedule_trace(d->schedule, add_decision, out);
	strbuf_addc(out, ']');
	return 200;
}

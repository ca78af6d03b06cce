/*
 * notifier - the ends of runs on their way to webhooks; see the header
 *
 * Called by turn, starts and ending.  How many notices a webhook has is counted in memory; the notices themselves are the journal's.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/notifier.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/ipc.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/tenants.h"
#include "watcher/model/notice.h"
#include "watcher/model/secret_file.h"
#include "watcher/schedule/spawn.h"
#include "watcher/spool/notices.h"
#include "watcher/spool/runs.h"

#define AGAIN_FIRST_MS 1000
#define AGAIN_MOST_MS 60000
#define CHILD_MS 1000
#define DAY_MS (24 * 3600 * 1000LL)

struct webhook {
	const struct webhook_config *config;
	uint64_t backlog;
	int64_t seq;	/* in flight; 0: none */
	int64_t made_ms; /* of that */
	bool cut;	 /* that is no row any more: it was the oldest of too many */
	int64_t due_ms; /* mono: not before */
	unsigned fails; /* in a row */
	int64_t sick_ms; /* wall: since then; 0: well */
	int64_t told_ms; /* wall: the last that was told */
	char reason[NOTICE_REASON];
};

/* The loop wakes when the next one is due; the turn does the work. */
static void arm(struct ingestd *d)
{
	struct notifier *n = &d->notifier;
	int64_t next = n->child.pid ? 0 : n->again_ms, ms;

	for (size_t i = 0; i < n->count; i++) {
		const struct webhook *w = &n->hooks[i];

		if (w->backlog && !w->seq && w->due_ms && (!next || w->due_ms < next))
			next = w->due_ms;
	}
	ev_timer_stop(d->loop, &n->wake);
	if (!next)
		return;
	ms = next - clock_mono_ms();
	ev_now_update(d->loop);
	ev_timer_set(&n->wake, ms > 0 ? (double)ms / 1000. : 0., 0.);
	ev_timer_start(d->loop, &n->wake);
}

/* --- how a receiver is --- */

static void say(struct ingestd *d, enum event_id id, const struct webhook *w, const char *reason)
{
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, "webhook", span_of(w->config->name));
	if (reason)
		log_add_pair(&sb, "reason", span_of(reason));
	strbuf_addf(&sb, " backlog=%llu", (unsigned long long)w->backlog);
	event(d, id, "%s", sb.p);
	strbuf_release(&sb);
}

static void forget(struct ingestd *d, struct webhook *w, int64_t seq)
{
	struct fault f = FAULT_INIT;

	if (notices_done(d->journal, seq, &f) < 0)
		ingestd_fatal(d, &f);
	if (w->backlog && !w->cut)
		w->backlog--;
	ingestd_progress(d);
}

static void be_sick(struct ingestd *d, struct webhook *w, const char *reason)
{
	int64_t ms = AGAIN_FIRST_MS;

	for (unsigned i = 0; i < w->fails && ms < AGAIN_MOST_MS; i++)
		ms *= 2;
	w->fails++;
	w->due_ms = clock_mono_ms() + (ms < AGAIN_MOST_MS ? ms : AGAIN_MOST_MS);
	snprintf(w->reason, sizeof(w->reason), "%s", reason);
	if (!w->sick_ms) {
		w->sick_ms = clock_now_ms();
		say(d, EV_WEBHOOK_SICK, w, reason);
	}
	arm(d);
}

static void be_well(struct ingestd *d, struct webhook *w)
{
	w->fails = 0;
	w->due_ms = 0;
	w->told_ms = clock_now_ms();
	if (!w->sick_ms)
		return;
	w->sick_ms = 0;
	w->reason[0] = '\0';
	say(d, EV_WEBHOOK_WELL, w, NULL);
}

/* --- ingest-notify --- */

static struct webhook *by_seq(struct ingestd *d, int64_t seq)
{
	for (size_t i = 0; i < d->notifier.count; i++)
		if (d->notifier.hooks[i].seq == seq)
			return &d->notifier.hooks[i];
	return NULL;
}

static void was_not_told(struct ingestd *d, struct webhook *w, const char *reason)
{
	int64_t seq = w->seq;

	w->seq = 0;
	be_sick(d, w, reason);
	if (clock_now_ms() - w->made_ms < NOTICE_DAYS * DAY_MS)
		return;
	say(d, EV_NOTICE_DROPPED, w, reason);
	forget(d, w, seq);
}

static int on_packet(void *ctx, struct span text, struct fault *f)
{
	struct ingestd *d = ctx;
	struct notice_told told;
	struct webhook *w;

	if (notice_told_parse(text, &told, f) < 0)
		return -1;
	w = by_seq(d, told.seq);
	if (!w)
		return fault_set(f, FAULT_SYSTEM, "an answer to a notice that it was not given");
	if (!told.ok) {
		was_not_told(d, w, told.reason);
		return 0;
	}
	w->seq = 0;
	forget(d, w, told.seq);
	be_well(d, w);
	return 0;
}

static void on_said(void *ctx, struct span line)
{
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, "text", line);
	event(ctx, EV_NOTIFIER_SAID, "%s", sb.p);
	strbuf_release(&sb);
}

static void on_ended(void *ctx, const char *how)
{
	struct ingestd *d = ctx;

	if (d->stopping || d->fatal)
		return;
	event_text(d, EV_NOTIFIER_SAID, "text", how);
	d->notifier.again_ms = clock_mono_ms() + CHILD_MS;
	for (size_t i = 0; i < d->notifier.count; i++)
		d->notifier.hooks[i].seq = 0;
	arm(d);
}

static const struct helper_ops child_ops = {on_packet, on_said, on_ended};

/* --- telling --- */

static int send_it(struct ingestd *d, const struct webhook *w, const struct notice_row *row, struct fault *f)
{
	struct strbuf content = STRBUF_INIT, packet = STRBUF_INIT;
	struct notice n = {.seq = row->seq};
	char *secret = NULL;
	int fd = -1, r = 0;

	snprintf(n.url, sizeof(n.url), "%s", w->config->url);
	snprintf(n.event, sizeof(n.event), "%s", row->event);
	notice_write(&n, &packet);
	if (w->config->secret_file)
		r = secret_file_line(-1, w->config->secret_file, "secret_file", &secret, f);
	strbuf_adds(&content, secret ? secret : "");
	strbuf_addc(&content, '\n');
	strbuf_addspan(&content, strbuf_span(&row->body));
	if (r == 0)
		r = ipc_sealed("notice", strbuf_span(&content), &fd, f);
	if (r == 0)
		r = helper_send(&d->notifier.child, strbuf_span(&packet), fd, f);
	if (secret)
		explicit_bzero(secret, strlen(secret));
	explicit_bzero(content.p, content.n);
	free(secret);
	fs_close(&fd);
	strbuf_release(&content);
	strbuf_release(&packet);
	return r;
}

static void hand(struct ingestd *d, struct webhook *w)
{
	struct notice_row row = {0};
	struct fault f = FAULT_INIT;
	int r = notices_first(d->journal, w->config->name, &row, &f);

	if (r < 0) {
		ingestd_fatal(d, &f);
		return;
	}
	if (r == 0) {
		w->backlog = 0;
		return;
	}
	w->seq = row.seq;
	w->made_ms = row.made_ms;
	w->cut = false;
	if (send_it(d, w, &row, &f) < 0) {
		w->seq = 0;
		be_sick(d, w, f.text);
	}
	notice_row_release(&row);
}

static bool child_there(struct ingestd *d)
{
	struct notifier *n = &d->notifier;
	struct fault f = FAULT_INIT;

	if (n->child.pid)
		return true;
	if (clock_mono_ms() < n->again_ms)
		return false;
	if (helper_start(&n->child, d->loop, "ingest-notify", n->program, &child_ops, d, &f) == 0)
		return true;
	event_text(d, EV_NOTIFIER_SAID, "text", f.text);
	n->again_ms = clock_mono_ms() + AGAIN_MOST_MS;
	arm(d);
	return false;
}

void notifier_after(struct ingestd *d)
{
	struct notifier *n = &d->notifier;

	if (!n->program || d->stopping || d->fatal || d->turn.behind || journal_dirty(d->journal))
		return;
	for (size_t i = 0; i < n->count && !d->fatal; i++) {
		struct webhook *w = &n->hooks[i];

		if (w->backlog && !w->seq && clock_mono_ms() >= w->due_ms && child_there(d))
			hand(d, w);
	}
}

static void on_wake(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop;
	(void)t;
	(void)events;
}

/* --- what is to be told --- */

static struct webhook *hook_of(struct ingestd *d, const struct tenant *t, const char *job)
{
	const struct job *j = t->profile && job ? profile_job(t->profile, job) : NULL;

	for (size_t i = 0; j && j->webhook && i < d->notifier.count; i++)
		if (strcmp(d->notifier.hooks[i].config->name, j->webhook) == 0)
			return &d->notifier.hooks[i];
	return NULL;
}

/* The new one is a row already. */
static int count_in(struct ingestd *d, struct webhook *w, struct fault *f)
{
	if (w->backlog < NOTICES_KEEP) {
		w->backlog++;
		return 0;
	}
	w->cut = w->seq != 0;
	say(d, EV_NOTICE_DROPPED, w, "too many are waiting for it");
	return notices_trim(d->journal, w->config->name, f);
}

void notifier_run_ended(struct ingestd *d, struct tenant *t, const struct run *run)
{
	struct webhook *w = hook_of(d, t, run->job);
	struct strbuf body = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	char event_name[32];

	if (!w || d->fatal)
		return;
	snprintf(event_name, sizeof(event_name), "run.%s", run_state_name(run->state));
	strbuf_addc(&body, '{');
	json_pair_string(&body, "event", event_name);
	json_pair_string(&body, "tenant", run->tenant);
	json_pair_string(&body, "job", run->job);
	json_add_key(&body, "run");
	run_add_json(&body, run);
	strbuf_adds(&body, "}\n");
	if (notices_add(d->journal, w->config->name, run->id, event_name, strbuf_span(&body), &f) < 0 || count_in(d, w, &f) < 0)
		ingestd_fatal(d, &f);
	strbuf_release(&body);
}

/* On arrival a run is one file; what is undone was over before. */
void notifier_file_ended(struct ingestd *d, const struct file *x)
{
	struct run run;

	if (x->start || x->row.outcome == OUTCOME_UNDONE || strcmp(x->row.run, x->row.arrival) != 0)
		return;
	run_init(&run);
	run_of_arrival(&x->row, &run);
	if (run.state != RUN_RUNNING)
		notifier_run_ended(d, x->tenant, &run);
	run_release(&run);
}

/* --- begin and end --- */

void notifier_init(struct ingestd *d)
{
	helper_init(&d->notifier.child);
	ev_init(&d->notifier.wake, on_wake);
	d->notifier.wake.data = d;
}

struct gone {
	struct ingestd *d;
	char **names;
	size_t count;
};

static void collect_gone(void *ctx, const char *webhook)
{
	struct gone *g = ctx;

	if (config_webhook(g->d->config, webhook))
		return;
	g->names = xrealloc(g->names, (g->count + 1) * sizeof(*g->names));
	g->names[g->count++] = xstrdup(webhook);
}

/* Nobody is there any more who could be told. */
static int forget_gone(struct ingestd *d, struct fault *f)
{
	struct gone g = {.d = d};
	int r = notices_each_webhook(d->journal, collect_gone, &g, f);

	for (size_t i = 0; i < g.count; i++) {
		if (r == 0)
			r = notices_forget(d->journal, g.names[i], f);
		free(g.names[i]);
	}
	free(g.names);
	return r;
}

int notifier_start(struct ingestd *d, struct fault *f)
{
	struct notifier *n = &d->notifier;
	const struct config *c = d->config;

	if (forget_gone(d, f) < 0)
		return -1;
	if (!c->webhook_count)
		return 0;
	if (spawn_beside("ingest-notify", &n->program, f) < 0)
		return -1;
	n->hooks = xcalloc(c->webhook_count, sizeof(*n->hooks));
	n->count = c->webhook_count;
	for (size_t i = 0; i < n->count; i++) {
		n->hooks[i].config = &c->webhooks[i];
		if (notices_count(d->journal, c->webhooks[i].name, &n->hooks[i].backlog, f) < 0)
			return -1;
	}
	return 0;
}

bool notifier_idle(const struct ingestd *d)
{
	for (size_t i = 0; i < d->notifier.count; i++) {
		const struct webhook *w = &d->notifier.hooks[i];

		if (w->seq || (w->backlog && !w->fails))
			return false;
	}
	return true;
}

void notifier_stop(struct ingestd *d)
{
	struct notifier *n = &d->notifier;

	if (d->loop) {
		ev_timer_stop(d->loop, &n->wake);
		helper_stop(&n->child);
	}
	free(n->program);
	free(n->hooks);
	n->program = NULL;
	n->hooks = NULL;
	n->count = 0;
}

void notifier_add_json(struct ingestd *d, struct strbuf *out)
{
	strbuf_addc(out, '[');
	for (size_t i = 0; i < d->notifier.count; i++) {
		const struct webhook *w = &d->notifier.hooks[i];

		json_add_comma(out);
		strbuf_addc(out, '{');
		json_pair_string(out, "webhook", w->config->name);
		json_pair_string(out, "state", w->sick_ms ? "trouble" : "ok");
		json_pair_u64(out, "backlog", w->backlog);
		json_pair_time(out, "last_told", w->told_ms);
		json_pair_time(out, "since", w->sick_ms);
		json_pair_string(out, "reason", w->sick_ms ? w->reason : NULL);
		strbuf_addc(out, '}');
	}
	strbuf_addc(out, ']');
}

/*
 * passes - what the scheduler asks and what workers say; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/passes_own.h"
#include "watcher/daemon/proof.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/daemon/circuits.h"
#include "watcher/daemon/containment.h"
#include "watcher/daemon/ending.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/gate.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/pauses.h"
#include "watcher/daemon/manifests.h"
#include "watcher/daemon/route.h"
#include "watcher/daemon/tenants.h"
#include "watcher/daemon/unwrap.h"
#include "watcher/model/sink_access.h"
#include "watcher/spool/deliveries.h"
#include "watcher/spool/versions.h"
#include "watcher/spool/work.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define BUSY_MS 100 /* a worker still has the file */
#define WRONG_QUEUE ECANCELED /* of admit; no file gives it */
#define DEATHS_MAX 3

/* --- begin --- */

/* Nothing was sent yet: the version is the one in force now.  Later it is the pinned one. */
static int choose_version(struct ingestd *d, struct file *x, struct fault *f)
{
	const struct sink_config *sink;
	struct job *j;

	if (x->row.state != FILE_CLAIMED)
		return 0;
	j = profile_job(x->tenant->profile, x->row.job);
	if (!j)
		return fault_set(f, FAULT_CONFIG, "job %s is gone", x->row.job);
	job_unref(&x->job);
	x->job = job_ref(j);
	free(x->index_pattern);
	x->index_pattern = profile_index_name(x->tenant->profile, j);
	sink = tenants_sink(d, j);
	if (!sink)
		return fault_set(f, FAULT_CONFIG, "the sink of job %s is gone", j->name);
	file_row_set(&x->row.leg.sink, sink->name);
	if (tenants_check_index(d, x->tenant, sink, x->index_pattern, x->row.times.claimed, f) < 0)
		return -1;
	return tenants_version(d, x->tenant, j, x->row.version, f);
}

static int fill_sink(struct ingestd *d, const struct file *x, struct message *m, struct fault *f)
{
	const struct sink_config *s = config_sink(d->config, x->row.leg.sink);

	if (!s)
		return fault_set(f, FAULT_CONFIG, "sink %s is gone from %s", x->row.leg.sink,
				 d->config->file);
	m->sink.name = xstrdup(s->name);
	m->sink.type = s->type;
	m->sink.path = s->path ? xstrdup(s->path) : NULL;
	return 0;
}

/* Read for each job: a key that was changed is in force at once. */
static int open_access(struct ingestd *d, const struct file *x, int *fd, struct fault *f)
{
	const struct sink_config *s = config_sink(d->config, x->row.leg.sink);
	const struct sink_credential *own = profile_credential(x->tenant->profile, s->name);
	struct sink_access a = {0};
	int dir = -1, r = 0;

	if (s->type == SINK_SQLITE)
		return 0;
	if (own) {
		char *folder = xasprintf("%s/%s", d->config->profiles, x->tenant->name);

		r = fs_open_dir(folder, &dir, f);
		free(folder);
	}
	if (r == 0)
		r = sink_access_read(s, own ? own : &s->credential, dir, &a, f);
	if (r == 0)
		r = sink_access_put(&a, fd, f);
	else if (f->kind == FAULT_KEY)
		f->scope = SCOPE_CREDENTIAL;
	sink_access_release(&a);
	fs_close(&dir);
	return r;
}

static int fill_message(struct ingestd *d, const struct file *x, struct message *m, struct fault *f)
{
	const struct file_row *r = &x->row;

	memcpy(m->arrival, r->arrival, sizeof(m->arrival));
	m->mode = proof_is_due(x)	    ? MODE_PROVE :
		  manifest_is(x)	    ? MODE_LIST :
		  r->state == FILE_UNDOING ? MODE_UNDO :
					      MODE_LOAD;
	m->tenant = xstrdup(r->tenant);
	m->file = xstrdup(r->file);
	memcpy(m->version, r->version, sizeof(m->version));
	m->bytes = r->bytes;
	m->claimed_ms = r->times.claimed;
	m->first_attempt = !r->leg.sent;
	m->resources = x->task->link.resources;
	if (!message_reads_rows(m))
		return 0;
	if (m->mode == MODE_UNDO || (r->state == FILE_LOADING && r->leg.checkpoint.next_row)) {
		memcpy(m->delivery, r->delivery, sizeof(m->delivery));
		memcpy(m->sha256, r->sha256, sizeof(m->sha256));
		m->index = r->leg.index ? xstrdup(r->leg.index) : NULL;
		m->checkpoint = r->leg.checkpoint;
		m->extent = r->leg.extent;
	}
	/* one that begins anew keeps the sink's side of its books */
	m->checkpoint.counters.requests = r->leg.checkpoint.counters.requests;
	m->checkpoint.counters.retries = r->leg.checkpoint.counters.retries;
	m->checkpoint.counters.bytes_sent = r->leg.checkpoint.counters.bytes_sent;
	if (r->state == FILE_LOADING && !m->index && r->leg.index)
		m->index = xstrdup(r->leg.index);
	return fill_sink(d, x, m, f);
}

/* What is undone without its file is read as an empty one: the rows are counted in the journal. */
static int open_input(const struct file *x, int *fd, struct fault *f)
{
	if (work_open_input(x->tenant->folders, &x->row, fd, f) == 0)
		return 0;
	if (x->row.state != FILE_UNDOING || f->error != ENOENT || file_row_undo_needs_file(&x->row))
		return -1;
	fault_clear(f);
	*fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? fault_errno(f, FAULT_SYSTEM, "cannot open /dev/null") : 0;
}

static int open_fds(struct ingestd *d, struct file *x, struct message *m, int fds[MESSAGE_FD_COUNT], struct fault *f)
{
	const struct folders *t = x->tenant->folders;

	if (!message_reads_rows(m))
		return proof_open(d, x, m, fds, f);
	if (versions_fd(d->versions, x->row.version, &fds[MESSAGE_FD_VERSION], f) < 0 ||
	    work_open_rejects(t, &x->row, "csv", &fds[MESSAGE_FD_REJECTS], f) < 0 ||
	    open_input(x, &fds[MESSAGE_FD_INPUT], f) < 0)
		return -1;
	return open_access(d, x, &fds[MESSAGE_FD_ACCESS], f);
}

/* The file cannot be given out now. */
static void not_begun(struct ingestd *d, struct file *x, const struct fault *f)
{
	struct fault why = *f;

	if (f->scope != SCOPE_FILE) {
		circuits_fault(d, x, f);
		return;
	}
	if (f->error == WRONG_QUEUE) {
		circuits_requeue(d, x);
		return;
	}
	if (f->error == EWOULDBLOCK) {
		/* no news for anybody: a worker is about to let go of it */
		x->tries = 0;
		file_wait(d, x, f, BUSY_MS);
		return;
	}
	if (f->error == ENOENT && f->kind != FAULT_CONFIG)
		event_file(d, EV_FILE_MISSING, x, "state=%s", file_state_name(x->row.state));
	/* what is stored of it is of a file that is no more */
	if (x->row.state == FILE_LOADING && fault_altered(f)) {
		ending_after_send(d, x, f);
		return;
	}
	/* rows are in the sink and the file cannot be read: that is for the operator, and never failed/ */
	if (x->row.leg.sent)
		why.kind = FAULT_SYSTEM;
	file_fault(d, x, &why);
}

static int on_reach(void *ctx, struct task *t, struct reach *r)
{
	struct ingestd *d = ctx;
	struct file *x = t->owner;
	struct fault f = FAULT_INIT;

	if (pauses_wait(d, x, &f)) {
		x->task = NULL;
		file_wait(d, x, &f, 0);
		x->waits_pause = true;
		return -1;
	}
	if (containment_reach(d, x, r, &f) == 0)
		return 0;
	x->task = NULL;
	not_begun(d, x, &f);
	return -1;
}

/* Whose worker will perhaps only wait takes no slot, and when there are many of them it waits beside for its turn; else it does not. */
static int admit(struct ingestd *d, struct file *x, struct task *t, bool *probe, struct fault *f)
{
	bool doubtful;

	if (circuits_admit(d, x, probe, f) < 0)
		return -1;
	doubtful = !*probe && circuits_doubt(d, x);
	if (doubtful ? !t->beside && schedule_beside_full(d->schedule) : t->beside && !*probe) {
		fault_set(f, FAULT_TEMPORARY, "it is in the wrong queue");
		f->error = WRONG_QUEUE;
		f->scope = SCOPE_FILE;
		return -1;
	}
	if (doubtful)
		circuits_doubted(d, x);
	if (*probe || doubtful)
		schedule_beside(d->schedule, t, true);
	return 0;
}

/* A proof and a list need neither job nor sink. */
static bool may_begin(struct ingestd *d, struct file *x, struct task *t, struct message *m, struct fault *f)
{
	return proof_is_due(x) || manifest_is(x) || (turn_ok(d, choose_version(d, x, f), f) && admit(d, x, t, &m->probe, f) == 0);
}

static int on_begin(void *ctx, struct task *t, struct message *m, int fds[MESSAGE_FD_COUNT])
{
	struct ingestd *d = ctx;
	struct file *x = t->owner;
	struct fault f = FAULT_INIT;
	int r = -1;

	if (!x->tenant->profile)
		fault_set(&f, FAULT_SYSTEM, "the tenant has no profile in force");
	else if (may_begin(d, x, t, m, &f) && fill_message(d, x, m, &f) == 0)
		r = open_fds(d, x, m, fds, &f);
	if (r < 0) {
		x->task = NULL;
		if (!d->fatal && x->circuit)
			file_wait(d, x, &f, 0);
		else if (!d->fatal)
			not_begun(d, x, &f);
		return -1;
	}
	x->row.attempts++;
	x->stalled = false;
	x->row.running = true;
	x->told_cpu_us = 0;
	if (!x->row.times.started)
		x->row.times.started = clock_now_ms();
	fault_clear(&x->finding);
	file_save(d, x);
	event_file(d, EV_FILE_STARTED, x, "attempt=%llu", (unsigned long long)x->row.attempts);
	return 0;
}

/* --- message --- */

/* A worker tells what its job has cost so far, at the gate and again at the end. */
static void take_costs(struct file *x, const struct message *m)
{
	if (m->cpu_us > x->told_cpu_us) {
		x->row.cpu_us += m->cpu_us - x->told_cpu_us;
		x->told_cpu_us = m->cpu_us;
	}
	if (m->peak_rss > x->row.peak_rss)
		x->row.peak_rss = m->peak_rss;
}

static void take_texts(struct file *x, const struct message *m)
{
	if (m->has_first_error) {
		x->row.has_first_error = true;
		x->row.error_line = m->first_error_line;
		file_row_set(&x->row.error_column, m->first_error_column);
		file_row_set(&x->row.error_text, m->first_error_text);
	}
	if (m->coercions_json)
		file_row_set(&x->row.coercions_json, m->coercions_json);
}

/* Of a pass that failed too: they were made. */
static void take_requests(struct file *x, const struct message *m)
{
	struct counters *c = &x->row.leg.checkpoint.counters;

	c->requests = m->checkpoint.counters.requests;
	c->retries = m->checkpoint.counters.retries;
	c->bytes_sent = m->checkpoint.counters.bytes_sent;
}

static void moved_on(struct file *x)
{
	x->tries = x->sink_fails = 0;
	x->missed = 0;
	x->row.deaths = 0;
}

static void on_gated(struct ingestd *d, struct file *x, const struct message *m)
{
	take_costs(x, m);
	take_texts(x, m);
	x->finding = m->fault;
	x->gate_rows = m->checkpoint.counters.read;
	if (m->fault.scope == SCOPE_FILE)
		circuits_reached(d, x);
	file_row_set(&x->concrete, m->index);
	if (x->row.sha256[0] && m->sha256[0] && strcmp(x->row.sha256, m->sha256) != 0)
		fault_set_altered(&x->finding, "the file's bytes have changed since it was claimed");
	if (!x->row.leg.sent) {
		memcpy(x->row.delivery, m->delivery, sizeof(x->row.delivery));
		memcpy(x->row.sha256, m->sha256, sizeof(x->row.sha256));
		x->row.leg.extent = m->extent;
		x->row.leg.checkpoint = (struct checkpoint){.counters = m->checkpoint.counters};
	}
	turn_then(d, x, step_gate);
}

static void on_checkpoint(struct ingestd *d, struct file *x, const struct message *m)
{
	struct fault f = FAULT_INIT;

	if (m->checkpoint.next_row < x->row.leg.checkpoint.next_row ||
	    !counters_balance(&m->checkpoint.counters)) {
		schedule_refuse(d->schedule, x->task, "a checkpoint that goes back or does not balance");
		return;
	}
	x->row.leg.checkpoint = m->checkpoint;
	circuits_worked(d, x);
	moved_on(x);
	file_progress(d, x);
	if (journal_checkpoint(d->journal, &x->row, &f) < 0)
		ingestd_fatal(d, &f);
}

static void on_result(struct ingestd *d, struct file *x, const struct message *m)
{
	x->task = NULL;
	x->row.running = false;
	take_costs(x, m);
	if (proof_is_due(x)) {
		proof_ended(d, x, m);
		return;
	}
	if (manifest_is(x)) {
		manifests_read(d, x, m);
		return;
	}
	take_texts(x, m);
	take_requests(x, m);
	if (m->fault.kind == FAULT_NONE)
		circuits_worked(d, x);
	if (x->row.state == FILE_UNDOING)
		ending_undone(d, x, &m->fault);
	else
		ending_loaded(d, x, m);
}

static void on_message(void *ctx, struct task *t, const struct message *m)
{
	struct ingestd *d = ctx;
	struct file *x = t->owner;

	if (d->fatal)
		return;
	if (m->fault.scope == SCOPE_DISK) {
		/* what the worker believed durable may not be: nothing of it is taken over */
		ingestd_fatal(d, &m->fault);
		return;
	}
	file_progress(d, x);
	if (m->type != MESSAGE_RESULT && m->stalled != x->stalled)
		circuits_stalled(d, x, m->stalled);
	if (m->type == MESSAGE_PROGRESS && m->reached)
		circuits_reached(d, x);
	switch (m->type) {
	case MESSAGE_PROGRESS:
		x->gate_offset = m->checkpoint.offset;
		return;
	case MESSAGE_GATED:
		on_gated(d, x, m);
		return;
	case MESSAGE_CHECKPOINT:
		on_checkpoint(d, x, m);
		return;
	case MESSAGE_RESULT:
		on_result(d, x, m);
		return;
	case MESSAGE_UNWRAP:
		unwrap_answer(d, x, m);
		return;
	case MESSAGE_LISTED:
		manifests_listed(d, x, m);
		return;
	case MESSAGE_JOB:
	case MESSAGE_LOAD:
	case MESSAGE_DROP:
	case MESSAGE_KEY:
		break;
	}
	CHECK(!"a message that the scheduler lets through");
}

/* --- lost --- */

static void count_death(struct file *x)
{
	uint64_t at = x->row.leg.checkpoint.next_row;

	if (x->row.deaths && x->row.deaths_row == at) {
		x->row.deaths++;
		return;
	}
	x->row.deaths = 1;
	x->row.deaths_row = at;
}

static void give_up(struct ingestd *d, struct file *x, const struct worker_end *end)
{
	struct fault f = FAULT_INIT;

	/* what cannot be taken back must not be called failed */
	if (x->row.state == FILE_UNDOING) {
		fault_set(&f, FAULT_SYSTEM, "taking its rows back crashed the worker %d times (%s)", DEATHS_MAX,
			  end->text);
		file_wait(d, x, &f, file_backoff(x->tries));
		return;
	}
	fault_set(&f, FAULT_DATA, "crashed the worker: %d times in a row at row %llu (%s)", DEATHS_MAX,
		  (unsigned long long)x->row.deaths_row, end->text);
	/* rows of it may be stored: they go first */
	if (x->row.state == FILE_LOADING)
		ending_after_send(d, x, &f);
	else
		file_fault(d, x, &f);
}

static void on_lost(void *ctx, struct task *t, const struct worker_end *end)
{
	struct ingestd *d = ctx;
	struct file *x = t->owner;
	struct fault f = FAULT_INIT;

	x->task = NULL;
	x->row.running = false;
	turn_cancel(d, x);
	if (d->fatal || end->why == WORKER_STOPPED)
		return; /* the daemon ends: its start goes on from the journal */
	/* whose fault it was in a group nobody knows: each is alone from now on (passes_joins) */
	if (worker_end_counts(end) && t->group <= 1) {
		count_death(x);
		file_save(d, x);
		if (x->row.deaths >= DEATHS_MAX) {
			give_up(d, x, end);
			return;
		}
	}
	fault_set(&f, FAULT_SYSTEM, "its worker %s", end->text);
	if (x->missed++ == 0)
		file_resume(d, x);
	else
		file_wait(d, x, &f, file_backoff(x->tries));
}

void passes_ops(struct schedule_ops *ops)
{
	*ops = (struct schedule_ops){
		.reach = on_reach,
		.begin = on_begin,
		.joins = passes_joins,
		.message = on_message,
		.lost = on_lost,
	};
	passes_log_ops(ops);
}

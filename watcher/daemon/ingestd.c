/*
 * ingestd - start, loop, end; see the header
 *
 * Order of the start: users and capabilities, folders, log, lock, journal, versions, recovery (nothing is watched yet), then
 * arrival, schedule, admin and the first look at the profiles; READY when every tenant had its answer.  The end: nothing new is
 * begun, what runs has 20 s, children are ended, the journal is committed and closed.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/admin/admin.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/daemon/check.h"
#include "watcher/daemon/claims.h"
#include "watcher/daemon/descriptors.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/once.h"
#include "watcher/daemon/passes.h"
#include "watcher/daemon/privileges.h"
#include "watcher/daemon/profiles.h"
#include "watcher/daemon/recorder.h"
#include "watcher/daemon/recovery.h"
#include "watcher/daemon/sessions.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/daemon/views.h"
#include "watcher/schedule/spawn.h"
#include "watcher/schedule/starter.h"
#include "watcher/spool/durable.h"
#include "watcher/spool/lock.h"
#include "watcher/spool/versions.h"
#include <signal.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define STOP_SECONDS 20
#define FLUSH_SECONDS 5.
#define STOP_LOOK_SECONDS 0.02
#define LOCK_MS 2000 /* a killed daemon's child holds it until its exec; a service manager starts the next one at once */

void ingestd_init(struct ingestd *d, const struct options *options)
{
	memset(d, 0, sizeof(*d));
	d->options = *options;
	d->lock_fd = d->staging_fd = d->profiles.fd = -1;
	map_init(&d->tenants);
	map_init(&d->files);
	map_init(&d->pauses.by_key);
	recorder_init(d);
	notifier_init(d);
	d->started_ms = clock_now_ms();
}

void ingestd_progress(struct ingestd *d)
{
	d->once.progress_ms = clock_mono_ms();
}

void ingestd_fatal(struct ingestd *d, const struct fault *f)
{
	const char *why;

	if (d->fatal)
		return;
	d->fatal = true;
	d->exit_code = EXIT_COULD_NOT;
	/* after a failed fsync that is the reason, whatever it was that met it */
	why = durable_broken() ? durable_cause()->text : f->text;
	event_text(d, EV_DAEMON_FATAL, "reason", why);
	fprintf(stderr, "ingestd: %s\n", why);
	ev_break(d->loop, EVBREAK_ALL);
}

void ingestd_gates(struct ingestd *d)
{
	bool drained = pauses_of(d, PAUSE_ALL, "") != NULL;

	arrival_pause(d->arrival, d->stopping || drained);
	schedule_pause(d->schedule, d->stopping || d->turn.behind || d->disk.full || drained);
}

/* --- the end --- */

static bool is_quiet(const struct ingestd *d)
{
	/* what cannot be written is not waited for: the next start goes on from what the disk holds */
	if (d->disk.full && (d->turn.behind || schedule_running(d->schedule) == 0))
		return true;
	return schedule_running(d->schedule) == 0 && !d->turn.pending && !d->turn.behind &&
	       !journal_dirty(d->journal) && recorder_quiet(d);
}

static void on_stop_look(struct ev_loop *loop, ev_timer *t, int events)
{
	struct ingestd *d = t->data;

	(void)events;
	if (is_quiet(d) || clock_mono_ms() >= d->stop_at)
		ev_break(loop, EVBREAK_ALL);
}

void ingestd_stop(struct ingestd *d, int exit_code)
{
	if (d->stopping) {
		d->stop_at = 0; /* asked twice: now */
		return;
	}
	d->stopping = true;
	d->exit_code = exit_code;
	d->stop_at = clock_mono_ms() + STOP_SECONDS * 1000;
	(void)sd_notify(0, "STOPPING=1");
	event(d, EV_DAEMON_STOPPING, "running=%zu", schedule_running(d->schedule));
	ingestd_gates(d);
	ev_timer_init(&d->stop_timer, on_stop_look, 0., STOP_LOOK_SECONDS);
	d->stop_timer.data = d;
	ev_timer_start(d->loop, &d->stop_timer);
}

/* --- signals --- */

static void on_end_signal(struct ev_loop *loop, ev_signal *w, int events)
{
	(void)loop;
	(void)events;
	ingestd_stop(w->data, EXIT_WORKED);
}

static void on_hup(struct ev_loop *loop, ev_signal *w, int events)
{
	struct ingestd *d = w->data;

	(void)loop;
	(void)events;
	event(d, EV_DAEMON_RELOAD, "%s", "");
	profiles_look(d, true);
}

static void on_usr1(struct ev_loop *loop, ev_signal *w, int events)
{
	struct ingestd *d = w->data;
	struct fault f = FAULT_INIT;

	(void)loop;
	(void)events;
	if (log_reopen(d->log, &f) < 0)
		fprintf(stderr, "ingestd: %s\n", f.text);
	tenants_reopen_logs(d);
	event(d, EV_DAEMON_REOPENED, "%s", "");
}

static void on_flush(struct ev_loop *loop, ev_timer *t, int events)
{
	struct ingestd *d = t->data;

	(void)loop;
	(void)events;
	log_flush(d->log);
	tenants_flush_logs(d);
}

static void start_signals(struct ingestd *d)
{
	ev_signal_init(&d->on_term, on_end_signal, SIGTERM);
	ev_signal_init(&d->on_int, on_end_signal, SIGINT);
	ev_signal_init(&d->on_hup, on_hup, SIGHUP);
	ev_signal_init(&d->on_usr1, on_usr1, SIGUSR1);
	d->on_term.data = d->on_int.data = d->on_hup.data = d->on_usr1.data = d;
	ev_signal_start(d->loop, &d->on_term);
	ev_signal_start(d->loop, &d->on_int);
	ev_signal_start(d->loop, &d->on_hup);
	ev_signal_start(d->loop, &d->on_usr1);
}

/* --- the start --- */

static int make_folders(struct ingestd *d, struct fault *f)
{
	const struct config *c = d->config;

	if (fs_make_dirs(c->staging, 0755, f) < 0 || fs_make_dirs(c->profiles, 0755, f) < 0 ||
	    fs_make_dirs(c->logs, 0755, f) < 0 || fs_make_dirs(c->state, 0755, f) < 0)
		return -1;
	return fs_open_dir(c->staging, &d->staging_fd, f);
}

static int take_lock(struct ingestd *d, struct fault *f)
{
	return lock_take(d->config->state, LOCK_MS, &d->lock_fd, f);
}

static int open_log(struct ingestd *d, struct fault *f)
{
	char *file = xasprintf("%s/ingestd.log", d->config->logs);
	int r = log_open(file, d->config->log_format, &d->log, f);

	if (r == 0)
		log_fold_repeats(d->log);
	free(file);
	return r;
}

static int open_journal(struct ingestd *d, struct fault *f)
{
	char *path = xasprintf("%s/journal.db", d->config->state);
	struct journal_options options = {.recorder = mongodb_on(&d->config->mongodb),
					  .trace = d->options.debug ? d->log : NULL};
	int r = journal_open(path, &options, &d->journal, f);

	free(path);
	return r;
}

static int open_versions(struct ingestd *d, struct fault *f)
{
	return versions_open(d->config->state, &d->versions, f);
}

static int open_schedule(struct ingestd *d, struct fault *f)
{
	struct schedule_options options = {.slots = d->config->workers};
	struct schedule_ops ops;

	options.program = d->worker_program;
	options.starter = d->starter;
#ifdef __SANITIZE_ADDRESS__
	options.any_memory = true;
#endif
	passes_ops(&ops);
	if (schedule_new(d->loop, &options, &ops, d, &d->schedule, f) < 0)
		return -1;
	d->checks = checks_new(d->loop, d->worker_program, d->starter);
	return 0;
}

static int open_arrival(struct ingestd *d, struct fault *f)
{
	struct arrival_limits limits = {.rescan_ms = (int64_t)d->config->rescan_seconds * 1000,
					.open_tenants = descriptors_tenants()};
	struct arrival_ops ops;

	claims_ops(&ops);
	return arrival_new(d->loop, &ops, d, &limits, &d->arrival, f);
}

static int open_admin(struct ingestd *d, struct fault *f)
{
	struct admin_ops ops = {.call = views_call, .said = views_said, .ctx = d};

	return admin_new(d->loop, &d->config->admin, &ops, &d->admin, f);
}

static int open_all(struct ingestd *d, struct fault *f)
{
	int (*const steps[])(struct ingestd *, struct fault *) = {make_folders, take_lock, open_log,
								   open_journal, open_versions};

	if (spawn_beside("ingest-worker", &d->worker_program, f) < 0 || privileges_enter(d, f) < 0)
		return -1;
	descriptors_raise();
	folders_keep_open(descriptors_tenants());
	lru_init(&d->logs, descriptors_tenants(), log_close);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (disk_wait(d, steps[i], f) < 0)
			return -1;
	d->loop = ev_default_loop(EVFLAG_AUTO);
	if (!d->loop)
		return fault_set(f, FAULT_SYSTEM, "no event loop");
	starts_init(d);
	deferred_init(d);
	sessions_start(d);
	circuits_start(d);
	staged_start(d);
	if (open_schedule(d, f) < 0 || open_arrival(d, f) < 0 || pauses_start(d, f) < 0)
		return -1;
	ingestd_gates(d);
	disk_start(d);
	if (usage_days_start(d, f) < 0 || recovery_all(d, f) < 0 || recorder_start(d, f) < 0 || notifier_start(d, f) < 0)
		return -1;
	return disk_wait(d, open_admin, f);
}

/* Every tenant of the first look has had its answer. */
void ingestd_looked(struct ingestd *d)
{
	if (d->fatal)
		return;
	d->ready = true;
	event(d, EV_DAEMON_STARTED, "version=%s tenants=%zu files=%zu", INGEST_VERSION,
	      map_len(&d->tenants), map_len(&d->files));
	(void)sd_notify(0, "READY=1");
	retention_start(d);
	quota_start(d);
	once_start(d);
}

static int fail_start(struct ingestd *d, const struct fault *f)
{
	if (d->fatal) /* it has been said */
		return d->exit_code;
	fprintf(stderr, "ingestd: %s\n", f->text);
	if (d->log)
		event_text(d, EV_DAEMON_FATAL, "reason", f->text);
	d->fatal = true;
	return f->kind == FAULT_CONFIG ? EXIT_CONFIG : EXIT_COULD_NOT;
}

static void finish(struct ingestd *d)
{
	struct fault f = FAULT_INIT;

	schedule_stop(d->schedule);
	recorder_stop(d);
	notifier_stop(d);
	if (!d->fatal)
		turn_finish(d);
	if (!d->fatal && !d->turn.behind && journal_commit(d->journal, &f) < 0)
		fprintf(stderr, "ingestd: %s\n", f.text);
	event(d, EV_DAEMON_STOPPED, "exit=%d", d->exit_code);
}

int ingestd_run(struct ingestd *d)
{
	struct fault f = FAULT_INIT;

	if (open_all(d, &f) < 0)
		return fail_start(d, &f);
	start_signals(d);
	ev_timer_init(&d->flush, on_flush, FLUSH_SECONDS, FLUSH_SECONDS);
	d->flush.data = d;
	ev_timer_start(d->loop, &d->flush);
	turn_start(d);
	file_timer_start(d);
	if (profiles_start(d, &f) == 0)
		ev_run(d->loop, 0);
	/* ended by a signal: whoever waits for --once must not take it for done */
	if (d->options.once && d->exit_code == EXIT_WORKED && (map_len(&d->files) || starts_any(d)))
		d->exit_code = EXIT_LEFT;
	finish(d);
	return d->exit_code;
}

static void stop_watchers(struct ingestd *d)
{
	turn_stop(d);
	profiles_stop(d);
	once_stop(d);
	disk_stop(d);
	retention_stop(d);
	quota_stop(d);
	usage_days_stop(d);
	staged_stop(d);
	ev_timer_stop(d->loop, &d->wake);
	ev_timer_stop(d->loop, &d->flush);
	ev_timer_stop(d->loop, &d->stop_timer);
	ev_timer_stop(d->loop, &d->starts.timer);
	ev_timer_stop(d->loop, &d->sessions.poll);
	ev_signal_stop(d->loop, &d->on_term);
	ev_signal_stop(d->loop, &d->on_int);
	ev_signal_stop(d->loop, &d->on_hup);
	ev_signal_stop(d->loop, &d->on_usr1);
}

void ingestd_release(struct ingestd *d)
{
	if (d->loop)
		stop_watchers(d);
	recorder_stop(d);
	notifier_stop(d);
	deferred_release(d);
	stats_child_release(d);
	admin_free(&d->admin);
	checks_free(&d->checks);
	schedule_free(&d->schedule);
	starter_free(&d->starter);
	arrival_free(&d->arrival);
	starts_release(d);
	if (d->loop)
		circuits_release(d);
	for (size_t i = 0; i < map_len(&d->files); i++) {
		struct file *x = map_value(&d->files, i);

		file_free(&x);
	}
	map_release(&d->files);
	tenants_free(d);
	pauses_release(d);
	versions_free(&d->versions);
	journal_free(&d->journal);
	log_free(&d->log);
	fs_close(&d->lock_fd);
	fs_close(&d->staging_fd);
	config_free(&d->config);
	free(d->worker_program);
	if (d->loop)
		ev_loop_destroy(d->loop);
}

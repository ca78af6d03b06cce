/*
 * ingestd - the whole daemon as one struct; every module of daemon/ gets it first
 *
 *	ingestd_init(&d, &options)
 *	code = ingestd_run(&d)          configuration, lock, journal, recovery, loop, end; the exit code
 *	ingestd_release(&d)
 *
 * Modules (one noun each): turn (commit, then what waited for it), tenants, profiles (reload), check
 * (filters, in a child), disk (room, and who fills it), file (one living arrival), claims, route, passes
 * (workers), quota (a day's), circuits (sick sinks), gate, ending, recorder (records to MongoDB), notifier (webhooks), recovery,
 * retention, usage_days, starts (manual runs), once, views (admin), job_edit and seed (jobs over the API), deferred and
 * stats_child (answers that wait).
 *
 * Ownership: the struct owns everything in it.
 * Failure:   ingestd_fatal is for what makes going on unsafe (a failed fsync, a journal that cannot be read): nothing more is done,
 *            the loop ends, exit code 1; a restart goes on from what the disk holds.
 */
#ifndef DAEMON_INGESTD_H
#define DAEMON_INGESTD_H

#include "watcher/base/map.h"
#include "watcher/daemon/circuits.h"
#include "watcher/daemon/deferred.h"
#include "watcher/daemon/disk.h"
#include "watcher/daemon/durables.h"
#include "watcher/daemon/notifier.h"
#include "watcher/daemon/options.h"
#include "watcher/daemon/pauses.h"
#include "watcher/daemon/quota.h"
#include "watcher/daemon/recorder.h"
#include "watcher/daemon/retention.h"
#include "watcher/daemon/staged.h"
#include "watcher/daemon/stats_child.h"
#include "watcher/daemon/usage_days.h"
#include "watcher/model/config.h"
#include <ev.h>

#define EXIT_WORKED 0
#define EXIT_COULD_NOT 1
#define EXIT_LEFT 3
#define EXIT_CONFIG 78

struct arrival;
struct schedule;
struct journal;
struct versions;
struct admin;
struct log;
struct file;
struct checks;
struct starter;

/* turn.h */
struct turn {
	struct file *first, *last;
	size_t pending;
	bool behind; /* the last commit failed; told in the log */
	int64_t retry_ms; /* mono: behind, not before */
	ev_check check;
	ev_prepare prepare;
	ev_idle again; /* more is pending than one turn may do: do not block */
	ev_timer retry;
	ev_tstamp began;
	uint64_t commits;
	struct durables durables;
	uint64_t worst_us; /* of an iteration, since start */
};

/* profiles.h */
struct profiles {
	int fd; /* inotify */
	ev_io io;
	ev_timer debounce;
	ev_timer rescan; /* a scan is the truth here too */
	uint64_t watches_told; /* watches.c: that so many are needed and too few there */
	bool first_done; /* every tenant found at start was looked at */
};

/* starts.h */
struct starts {
	struct start *first; /* runs under way */
	ev_timer timer;
	ev_timer remind;
};

/* sessions.h */
struct session_timer {
	ev_timer poll;
	int64_t prune_ms; /* mono */
};

/* once.h */
struct once {
	ev_timer timer;
	int64_t progress_ms; /* mono: of the last progress */
	uint64_t ended_badly; /* files and runs */
	bool start_failed;   /* a --start could not be made */
};

struct ingestd {
	struct options options;
	struct config *config;
	struct ev_loop *loop;
	int lock_fd;
	struct log *log;
	struct lru logs; /* the tenants' that are open */
	int staging_fd;  /* held: nobody unmounts it while most of its folders are closed */
	char *worker_program;
	struct starter *starter; /* NULL: workers are the daemon's own user */
	struct journal *journal;
	struct versions *versions;
	struct arrival *arrival;
	struct schedule *schedule;
	struct admin *admin;
	struct checks *checks;
	struct map tenants; /* name -> struct tenant */
	struct map files;   /* arrival id -> struct file, the living ones */
	ev_timer flush;     /* of the logs: what was repeated */
	ev_timer wake;      /* the next waiting file */
	struct turn turn;
	struct profiles profiles;
	struct starts starts;
	struct deferred deferred;
	struct stats_asks stats;
	struct circuits circuits;
	struct pauses pauses;
	struct disk disk;
	struct retention retention;
	struct staged staged;
	struct quota_timer quota;
	struct usage_days usage_days;
	struct recorder recorder;
	struct notifier notifier;
	struct session_timer sessions;
	struct once once;
	ev_signal on_term, on_int, on_hup, on_usr1;
	ev_timer stop_timer;
	int64_t stop_at; /* mono: then it ends whatever runs */
	int64_t started_ms;
	uint64_t files_done, files_failed, files_held, files_duplicate, files_undone;
	bool ready;    /* recovery is done, folders are watched */
	bool stopping; /* SIGTERM, or --once is through */
	bool fatal;
	int exit_code;
};

void ingestd_init(struct ingestd *d, const struct options *options);
int ingestd_run(struct ingestd *d);
void ingestd_release(struct ingestd *d);

void ingestd_fatal(struct ingestd *d, const struct fault *f);
/* Begins the end: nothing new is begun, what is in flight has 20 s. */
void ingestd_stop(struct ingestd *d, int exit_code);
/* profiles: every tenant of the first look has had its answer; the daemon is ready. */
void ingestd_looked(struct ingestd *d);
/* What may begin now, after one of its reasons changed: claims, and files to workers. */
void ingestd_gates(struct ingestd *d);
/* Something moved: --once waits on. */
void ingestd_progress(struct ingestd *d);

#endif

/*
 * own - the insides of struct arrival, shared by arrival.c, tenant*.c and report.c and nobody else
 *
 * One struct tenant a tenant: its folders, its watch, its scan and its table of names.
 */
#ifndef ARRIVAL_OWN_H
#define ARRIVAL_OWN_H

#include "watcher/arrival/batch.h"
#include "watcher/arrival/due.h"
#include "watcher/arrival/scan.h"
#include "watcher/arrival/settle.h"
#include "watcher/arrival/spares.h"
#include "watcher/arrival/watch.h"
#include "watcher/base/identity.h"
#include "watcher/base/lru.h"
#include <ev.h>

/*
 * in/ tells of files; the folder above tells that in/ itself was deleted (while its descriptor is
 * open the kernel is silent about that) or is there again.
 */
enum { TENANT_WATCH_IN, TENANT_WATCH_DIR, TENANT_WATCHES };

struct tenant {
	struct arrival *arrival;
	char *name;
	char *dir;
	struct arrival_options options;
	bool there;	    /* the last scan found its folders, and they are not known to be others now */
	int in_fd, work_fd; /* -1: missing, or closed (tenant_place) */
	struct identity in_is, work_is; /* of the folders that the last scan opened */
	struct lru_item kept;
	struct spares spares;
	int wd[TENANT_WATCHES]; /* -1: not watched */
	int watch_error;    /* errno of the last watch_add that failed, 0 */
	bool blind;	    /* a filesystem whose events cannot be trusted */
	bool missing;
	bool leases_refused;
	bool leaseless;	      /* the last claim was made without one */
	/* due.c */
	int64_t due_ms;	      /* mono: its tenant_next, when that was asked last */
	size_t due_at;	      /* index in the heap + 1, 0: not there */
	bool due_queued;
	struct tenant *due_after;
	struct settle settle;
	struct scan scan;
	int64_t scan_at;      /* mono: when the next scan begins */
	int64_t scan_earliest; /* mono: not before */
	int64_t scan_cost;     /* milliseconds its steps took */
	int64_t last_scan_ms; /* wall, 0 = none yet */
	bool link_gone;	      /* some name left the folder: files with two names may have one now */
	int64_t link_at;      /* mono: not before */
	int64_t lying_at;     /* mono: not before */
	void *token;	      /* of the arrival_take under way */
	uint64_t scans;
	char fault[256];      /* why it is missing or a scan failed */
	struct arrival_health told;
};

struct arrival {
	struct ev_loop *loop;
	struct arrival_ops ops;
	void *ctx;
	struct arrival_limits limits;
	struct watch watch;
	ev_io events;
	ev_timer tick;
	ev_timer look;
	struct map tenants; /* name -> struct tenant */
	struct map watches; /* wd's bytes -> struct tenant */
	struct lru open;    /* the tenants whose folders are */
	size_t scans;	    /* under way */
	struct due due;	    /* whose turn it is */
	size_t looked;	    /* the tenant that tenant_look was for last */
	struct batch batch;
	bool paused;
	uint64_t overflows;
};

struct tenant *tenant_new(struct arrival *a, const char *name, const char *dir,
			  const struct arrival_options *options);
void tenant_free(struct tenant **t);
void tenant_want_scan(struct tenant *t);
/* A scan is wanted or under way. */
bool tenant_is_scanning(const struct tenant *t);
/* From time to time: wants a scan when the path leads to another folder than the one that the last scan opened. */
void tenant_look(struct tenant *t);
/*
 * Its open folders, good until many other tenants were used.  false: they are missing, or not those of the last scan any more (and a new
 * one is wanted), or cannot be opened.
 */
bool tenant_place(struct tenant *t, struct claim_place *out);
/* Of arrival.open. */
void tenant_close(void *tenant);
/* For a scan: by their path, the watches first. */
int tenant_open_folders(struct tenant *t, struct fault *f) MUST_CHECK;
void tenant_unwatch(struct tenant *t, size_t which);
/* Of arrival.watches. */
struct span tenant_wd_key(const int *wd);
/* A hint from inotify. */
void tenant_hint(struct tenant *t, int wd, enum watch_event event, const char *name);
/* One bounded piece of its work; false: there was nothing to do at now. */
bool tenant_slice(struct tenant *t, int64_t now);
/* mono time of its next work. */
int64_t tenant_next(const struct tenant *t);
/* One judgement; e may be freed.  force: arrival_take's. */
enum settle_result tenant_evaluate(struct tenant *t, struct settle_entry *e, bool force);
/* Nobody tells of what happens in in/: it is scanned often. */
bool tenant_polls(const struct tenant *t);
void tenant_health(const struct tenant *t, struct arrival_health *out);
/* Tells ops->health when it is not what was told last. */
void tenant_tell_health(struct tenant *t);

struct tenant *arrival_own_tenant(const struct arrival *a, const char *name);
struct batch_hooks arrival_own_hooks(struct arrival *a);
void arrival_own_arm(struct arrival *a);
/* Tells ops->lying of what lies there too long. */
void lying_look(struct tenant *t, int64_t now);
enum rule report_rule(const struct tenant *t, const struct settle_entry *e);
void report_view(const struct tenant *t, const struct settle_entry *e, struct arrival_view *out);

#endif

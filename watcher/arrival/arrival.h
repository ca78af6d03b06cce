/*
 * arrival - from a name in in/ to a claimed file in work/A (delivery.md, Arrival)
 *
 * Watches every tenant's in/ (inotify for hints, scans for the truth), waits until a file is
 * complete, asks the daemon whose it is, and claims it.  Runs inside the daemon's libev loop and
 * never blocks it for longer than one bounded slice (about 10 ms).
 *
 *	arrival_new(loop, &ops, ctx, &limits, &a, &f)
 *	arrival_add_tenant(a, "alice", "staging/alice", &options, &f)     may be called while the loop runs; scans at once
 *	... the loop runs: ops->decide, ops->claimed, ops->commit are called ...
 *	arrival_take(a, "alice", "x.csv", token, &f)                      a manual run takes a file that decide said WAIT for
 *	arrival_free(&a)                                                  gives every lease up; claimed files stay in work/A
 *
 * Order of callbacks for one batch of claims (one slice of one loop iteration):
 *	decide(x) ... claimed(x) claimed(y) ... commit()       then the leases are given up and the descriptors closed
 * claimed() writes the journal row, commit() makes the batch durable.  If either fails, nothing is
 * put back: the same claims (same id) are offered again with growing pauses, and nothing new is
 * claimed until they are through; a restart finds them in work/ without a row and claims them
 * again.  Between claimed() and commit() the daemon must not hand the file to a worker.
 *
 * Ownership: names, paths and options are copied; strings in structs given to callbacks or by
 * views are borrowed until the call returns.
 * Callbacks may call arrival_find, arrival_walk, arrival_counts and arrival_explain; ready also
 * arrival_take and arrival_flush.
 * Units: *_ms are wall milliseconds since 1970 unless named mono; settle_ms is an interval.
 * Errors: only what the operator can cause (FAULT_CONFIG, FAULT_SYSTEM); what a tenant does to in/
 * shows in explain and health.
 * Sources: inotify(7), fcntl(2) (leases), openat2(2), renameat2(2).
 */
#ifndef ARRIVAL_ARRIVAL_H
#define ARRIVAL_ARRIVAL_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"
#include "watcher/base/ulid.h"
#include "watcher/model/rule.h"
#include <sys/stat.h>

struct ev_loop;
struct arrival;

enum arrival_verdict {
	ARRIVAL_TAKE, /* one arrival job matches; or none or several do: the daemon fails or holds it after the claim */
	ARRIVAL_WAIT, /* a manual job matches (or the tenant is paused): complete it, keep it in in/ until arrival_take */
};

/* What decide may add; strings are copied by arrival. */
struct arrival_answer {
	const char *job;    /* the matching job, NULL = none or several */
	enum rule rule;     /* WAIT: by which rule, RULE_NONE = RULE_MANUAL */
	const char *reason; /* WAIT: what it waits for, e.g. "a start of job alice/vmtable"; NULL: a standard sentence */
	int64_t later_ms;   /* it is asked again then, and settles until then; 0: no */
	bool unproven;      /* WAIT: nobody may take it, a start neither */
	bool needs_side;    /* not without NAME.sha256 (which is waited for, settled and leased like the file) */
	bool sum_only;      /* its NAME.manifest.json is that of a run, and stays where it is */
};

struct claimed {
	char id[ULID_TEXT]; /* arrival id A; the file is work/<id>/<name> */
	const char *tenant;
	const char *name;     /* as it stands in work/A: valid UTF-8, no control bytes, <= 200 bytes */
	const char *original; /* the bytes it had in in/; == name unless name_encoded */
	bool name_encoded;    /* the original name is not acceptable: failed/, see name_reason */
	const char *name_reason; /* name_encoded: a sentence; else NULL */
	const char *job;         /* decide's, NULL = none, or after arrival_take of a file nobody asked about */
	uint64_t size;
	int64_t mtime_ms;
	int64_t arrived_ms;  /* first seen, or last change if that is earlier */
	int64_t complete_ms; /* last change that was seen: settling counts from here */
	int64_t claimed_ms;
	int fd;      /* open for reading, borrowed; dup it to keep its flock (LOCK_EX) over the claim */
	void *token; /* arrival_take's, NULL for arrival jobs */
};

struct arrival_health {
	const char *tenant;
	bool missing;        /* in/ or work/ cannot be opened: looked for every second */
	bool polling;        /* no watch possible: scanned every second instead */
	bool leases_refused; /* the filesystem has no leases: nothing is claimed unless options.unproven */
	bool unproven;       /* the same, and files are taken without proof as the profile asks */
	bool table_full;     /* hints were dropped; scans bring them back */
	char reason[256];    /* the first of these in words, "" = well */
	int64_t last_scan_ms; /* end of the last whole scan, 0 = none yet */
};

struct arrival_view;

struct arrival_ops {
	/* Whose file is it?  Called for each regular file at each look; must be quick.  answer is zeroed before. */
	enum arrival_verdict (*decide)(void *ctx, const char *tenant, const char *name, const struct stat *st,
				       struct arrival_answer *answer);
	/* Does this NAME.manifest.json start a run?  Then it is taken as a file; else it is the sidecar of NAME.  NULL: no. */
	bool (*starts_run)(void *ctx, const char *tenant, const char *name);
	/* The claim holds: write the row CLAIMED.  -1: not now, offered again.  May be called again with the same id. */
	int (*claimed)(void *ctx, const struct claimed *c, struct fault *f);
	/* End of a batch of claimed(): make it durable.  -1: the whole batch is offered again.  NULL: claimed() is durable itself. */
	int (*commit)(void *ctx, struct fault *f);
	/* A WAIT file is complete now and may be taken.  NULL: not asked for. */
	void (*ready)(void *ctx, const char *tenant, const char *name);
	/* A scan is about to open the folders: make what is missing.  -1: missing.  NULL: not asked for. */
	int (*folders)(void *ctx, const char *tenant, struct fault *f);
	/*
	 * It lies in in/ for lying_ms and is not taken: told once, and again not before the file or its rule
	 * changes.  more: so many others of this look are told by this call alone.  NULL: not asked for.
	 */
	void (*lying)(void *ctx, const struct arrival_view *v, size_t more);
	/* A file has waited for its checksum, or a checksum for its file, for a day: told once.  NULL: not asked for. */
	void (*incomplete)(void *ctx, const struct arrival_view *v);
	/* Health of a tenant's folder changed (for log and alerts).  NULL: not asked for. */
	void (*health)(void *ctx, const struct arrival_health *h);
};

struct arrival_limits {
	int64_t rescan_ms;    /* ingestd.json rescan_seconds * 1000; 0 = 60000 */
	size_t tenant_entries; /* names remembered a tenant; 0 = 131072 */
	size_t batch;          /* claims between two commits; 0 = 64 */
	int64_t lying_ms;      /* then ops->lying is told; 0 = 600000 */
	size_t open_tenants;   /* have their folders open at a time; 0 = 256 */
	int64_t link_ms;       /* how long a file with two names is looked at again; 0 = 10000 */
};

struct arrival_options {
	int64_t settle_ms; /* 0 = the lease alone */
	bool unproven;     /* take without a lease where the filesystem has none */
	bool other_proof;  /* the same, and the level has a proof of its own */
};

/* ops and limits are copied; limits NULL = defaults.  Makes SIGIO ignored if its action is the default. */
int arrival_new(struct ev_loop *loop, const struct arrival_ops *ops, void *ctx,
		const struct arrival_limits *limits, struct arrival **out, struct fault *f) MUST_CHECK;
void arrival_free(struct arrival **a);

/* dir holds in/ and work/ (neither may be a symbolic link).  A folder that is missing is no error (health). */
int arrival_add_tenant(struct arrival *a, const char *tenant, const char *dir,
		       const struct arrival_options *options, struct fault *f) MUST_CHECK;
/* New options, or only new jobs: every entry is decided again.  Unknown tenant: FAULT_CONFIG. */
int arrival_change_tenant(struct arrival *a, const char *tenant, const struct arrival_options *options,
			  struct fault *f) MUST_CHECK;
/* Forgets its entries; claims not yet committed are committed first (or stay in work/ for recovery). */
void arrival_remove_tenant(struct arrival *a, const char *tenant);
/* tenant NULL: all.  The scan runs in slices inside the loop. */
void arrival_rescan(struct arrival *a, const char *tenant);
/* While paused nothing is claimed (SIGTERM, drain); hints and scans go on. */
void arrival_pause(struct arrival *a, bool paused);

/* Something is known of this file that was not: it is looked at now. */
void arrival_touch(struct arrival *a, const char *tenant, const char *name);

/* work/<id> is empty and not used any more: a claim that comes soon may have it.  false: it is the caller's to remove. */
bool arrival_spare(struct arrival *a, const char *tenant, const char *id);
/* None will come soon: those that were kept are removed. */
void arrival_no_spares(struct arrival *a, const char *tenant);

enum arrival_take {
	ARRIVAL_TAKEN,   /* claimed() was called; commit() follows at arrival_flush or in this iteration */
	ARRIVAL_NOT_YET, /* settling: ready() will be called, or try again */
	ARRIVAL_REFUSED, /* cannot be taken now: fault.text says why (open writer, hard link, ...) */
	ARRIVAL_GONE,    /* no such file in in/ */
};
/* Claims one file now whatever decide said.  f is set (FAULT_DATA or FAULT_SYSTEM) unless TAKEN. */
enum arrival_take arrival_take(struct arrival *a, const char *tenant, const char *name, void *token,
			       struct fault *f) MUST_CHECK;
/* Ends the batch now: commit() and the leases.  -1: offered again later. */
int arrival_flush(struct arrival *a, struct fault *f) MUST_CHECK;

enum arrival_state {
	ARRIVAL_STATE_NEW,      /* seen, not looked at */
	ARRIVAL_STATE_SETTLING, /* changed less than settle_ms ago */
	ARRIVAL_STATE_LINKED,   /* nlink != 1: looked at again for 10 s, then left */
	ARRIVAL_STATE_WRITER,   /* a writer has it open */
	ARRIVAL_STATE_WAITING,  /* complete, waits for arrival_take */
	ARRIVAL_STATE_ODD,      /* not a regular file: left */
	ARRIVAL_STATE_REFUSED,  /* no lease possible here, or not the daemon's to take */
	ARRIVAL_STATE_BLOCKED,  /* the system said no (disk full, ...), or the file changed under the claim: tried again */
	ARRIVAL_STATE_ASIDE,    /* its name is never data: left, and not counted among what arrives */
};
#define ARRIVAL_STATES (ARRIVAL_STATE_ASIDE + 1)

struct arrival_view {
	const char *tenant;
	const char *name; /* raw bytes: escape before printing */
	enum arrival_state state;
	enum rule rule;    /* which keeps it */
	bool lying;        /* in in/ for lying_ms and longer */
	bool final;        /* nothing is tried by itself but at rescans and hints */
	const char *job;   /* a WAIT answer's job, else NULL */
	char reason[512];  /* a sentence, escaped for print */
	uint64_t size;
	int64_t mtime_ms;
	int64_t arrived_ms;
	int64_t since_ms;  /* in this state */
	int64_t change_ms; /* last change seen */
};

const char *arrival_state_name(enum arrival_state s); /* "settling", "open", ... */
/* false: not in the table (not seen yet, or more are there than are remembered). */
bool arrival_find(struct arrival *a, const char *tenant, const char *name, struct arrival_view *out);
/* tenant NULL: all.  fn returns false to stop. */
void arrival_walk(struct arrival *a, const char *tenant,
		  bool (*fn)(void *ctx, const struct arrival_view *v), void *ctx);
/*
 * Why is it not taken: which rule, since when, what it waits for.  The text is appended, one line.
 * *since_ms: 0 where nobody knows.
 */
enum rule arrival_explain(struct arrival *a, const char *tenant, const char *name, int64_t *since_ms,
			  struct strbuf *out);
/* What lies in in/ for lying_ms: their number, and fn for max of them. */
size_t arrival_lying(struct arrival *a, const char *tenant, size_t max,
		     void (*fn)(void *ctx, const struct arrival_view *v), void *ctx);

struct arrival_counts {
	size_t entries; /* but for those aside */
	size_t state[ARRIVAL_STATES];
	size_t linked_left; /* of LINKED: given up on */
	size_t incomplete;  /* told as such */
	size_t uncommitted; /* claims whose row is not durable */
	uint64_t claims;    /* since start */
	uint64_t overflows; /* of the event queue, since start */
	uint64_t scans;     /* whole ones, since start */
	uint64_t dropped;   /* hints dropped because a table was full */
	int64_t oldest_ms;  /* arrived_ms of the oldest entry, 0 = none */
	bool scanning;      /* a scan is due or under way */
};
/* tenant NULL: all. */
void arrival_counts(struct arrival *a, const char *tenant, struct arrival_counts *out);
/* false: unknown tenant. */
bool arrival_health(struct arrival *a, const char *tenant, struct arrival_health *out);
/*
 * For --once: the first scans are done, no event is unread, and whatever is in in/ cannot be taken
 * by waiting (open writers, manual jobs, links left alone, odd files, refused ones).  false while
 * something settles, is blocked, or waits for the journal.
 */
bool arrival_idle(struct arrival *a);

#endif

/*
 * tenants - who is served: profile in force, folders, log, the versions of the jobs
 *
 *	t = tenants_get(d, "alice")             the entry, made when new (a file of a tenant without profile has one too)
 *	tenants_open(d, t, &f)                  its folders
 *	tenants_enforce(d, t, profile)          in force from now: folders watched, lane opened, waiting files go on
 *	tenants_retire(d, t)                    its folder in profiles/ is gone: nothing more is taken
 *
 * Backpressure: a tenant with TENANT_FILES_MAX living files has no more taken until half of them are through; the rest waits in in/.
 * Ownership: profile counted; folders, log and texts the tenant's.  An entry is kept as long as a file or the profile is there.
 */
#ifndef DAEMON_TENANTS_H
#define DAEMON_TENANTS_H

#include "watcher/daemon/quota.h"
#include "watcher/daemon/staged.h"
#include "watcher/model/config.h"
#include "watcher/model/counters.h"
#include "watcher/model/profile.h"
#include "watcher/model/version.h"
#include "watcher/spool/folders.h"

#define TENANT_FILES_MAX 5000

struct ingestd;

struct tenant {
	char *name;
	struct profile *profile; /* in force; NULL: none */
	struct folders *folders; /* NULL: not opened yet */
	struct log *log;         /* NULL: its lines go to ingestd.log */
	bool has_room;           /* among the descriptors */
	char *refused;           /* why the newest version is not in force; NULL: it is */
	uint64_t fingerprint;    /* of the files the last look saw */
	bool seen;               /* in the look that is under way */
	bool watched;            /* arrival has it */
	bool full;               /* backpressure */
	bool leaving;            /* it is being removed: nothing more is taken */
	struct staged_count staged;
	struct quota quota;
	bool to_sync, synced;    /* turn.c */
	bool scan_owed;
	struct sessions *sessions; /* level session: what sshd's log has said; NULL: another level */
	size_t files;            /* living ones */
	size_t manifests;        /* of runs, of these */
	size_t wait_other;       /* of these those that wait for another file */
	unsigned edits;          /* of its jobs, in a check */
	int64_t loaded_ms;
	/* the last file that ended */
	char last_file[256];
	char last_state[16];
	int64_t last_ms;
	uint64_t done, failed, held, duplicate, undone; /* since start */
	struct counters rows;	     /* of all that ended so */
	uint64_t bytes, cpu_us;
};

/* Somebody has to do with it: a profile, in force or refused, or files. */
bool tenant_known(const struct tenant *t);
struct tenant *tenants_find(struct ingestd *d, const char *name);
struct tenant *tenants_get(struct ingestd *d, const char *name);
int tenants_open(struct ingestd *d, struct tenant *t, struct fault *f) MUST_CHECK;
int tenants_enforce(struct ingestd *d, struct tenant *t, struct profile *p, struct fault *f) MUST_CHECK;
void tenants_retire(struct ingestd *d, struct tenant *t);
void tenants_free(struct ingestd *d);
void tenants_reopen_logs(struct ingestd *d);
void tenants_flush_logs(struct ingestd *d);
/* What waits in in/ is asked about anew. */
void tenants_look_again(struct ingestd *d, struct tenant *t);
void tenants_file_gone(struct ingestd *d, struct tenant *t);
unsigned tenants_max_workers(const struct ingestd *d, const struct tenant *t);
/* The version of the job, kept on disk before its first use. */
int tenants_version(struct ingestd *d, struct tenant *t, const struct job *j, char hash[VERSION_HASH],
		    struct fault *f) MUST_CHECK;
/* The only sink a job has in this version. */
const struct sink_config *tenants_sink(const struct ingestd *d, const struct job *j);
/*
 * A cluster's indices are all tenants': a name that begins with another's longer index_prefix is that one's (tenants x and x-b: x-b-rows).
 * pattern as profile_index_name gives it, ms: of its dates.  CONFIG: it is another's.  Embedded stores are each tenant's own.
 */
int tenants_check_index(const struct ingestd *d, const struct tenant *t, const struct sink_config *sink, const char *pattern,
			int64_t ms, struct fault *f) MUST_CHECK;
/* What model/ cannot know: the sinks of ingestd.json.  Appends a line for each error. */
void tenants_check_sinks(const struct config *c, const struct profile *p, const char *folder,
			 struct strbuf *errors);

#endif

/*
 * profile - one tenant: formats, limits, arrival, its jobs
 *
 *	profile_load(profiles_dir, "alice", &p, &errors)      profile.json and jobs/ *.json, every error listed
 *	profile_unref(&p)
 *
 * A tenant is a folder below `profiles` with a profile.json, in the own form or the seed's.  Limits: -1 = no limit.
 * Parsed once, immutable, counted.
 */
#ifndef MODEL_PROFILE_H
#define MODEL_PROFILE_H

#include "watcher/model/config.h"
#include "watcher/model/format.h"
#include "watcher/model/job.h"

#define TENANT_NAME_MAX 39

/* How a file is known to be whole (delivery.md, Arrival 3). */
enum arrival_level { LEVEL_PLAIN, LEVEL_SESSION, LEVEL_MANIFEST };

struct profile {
	unsigned refs;
	char *tenant;
	char *client_id;   /* seed form; or NULL */
	char *client_name; /* seed form; or NULL */
	unsigned formats;  /* format_bit */
	int64_t max_file_bytes;
	int64_t max_run_bytes;
	int64_t max_run_files;
	int64_t max_bytes_per_day;
	int64_t max_files_per_day;
	int64_t max_staged_bytes;
	int64_t max_workers; /* -1: ingestd.json's workers */
	uint64_t max_columns;
	uint64_t max_row_bytes;
	enum arrival_level level;
	int64_t settle_ms;
	bool unproven; /* level plain: without leases too */
	bool encryption_required;
	int done_days; /* -1: for ever */
	int failed_days;
	char *index_prefix;
	char **sinks; /* names the tenant may use; sink_count 0 and sinks_given false: all */
	struct sink_credential *credentials; /* beside sinks; one that is not given: the platform's */
	size_t sink_count;
	bool sinks_given;
	struct job **jobs; /* by name */
	size_t job_count;
};

struct profile *profile_ref(struct profile *p);
void profile_unref(struct profile **p);
const char *arrival_level_name(enum arrival_level l);
bool tenant_name_valid(struct span name); /* [a-z0-9][a-z0-9-]{0,38} */

/*
 * What can be read of a tenant with errors, its wrong jobs among the others: to be looked at for more errors, never to be in
 * force.  NULL: the name is none.
 */
struct profile *profile_read(const char *profiles_dir, const char *tenant, struct strbuf *errors);
/* Of that text, without jobs; never NULL, and unref'ed by the caller.  file: what errors call it. */
struct profile *profile_of_text(const char *tenant, const char *file, struct span text, struct strbuf *errors);
int profile_load(const char *profiles_dir, const char *tenant, struct profile **out,
		 struct strbuf *errors) MUST_CHECK;
/* The tenant's own credential at that sink; NULL: it has none, the platform's counts. */
const struct sink_credential *profile_credential(const struct profile *p, const char *sink);
#define PROFILE_JOBS_MAX 1000
/* What only the profile can judge of a job: its index with the prefix, its sinks; a line an error, `file` is what they call it. */
void profile_check_job(const struct profile *p, const struct job *j, const char *file, struct strbuf *errors);
struct job *profile_job(const struct profile *p, const char *name);

/* Which job takes the file?  *count: how many matched; the return is the only one, or NULL. */
struct job *profile_match(const struct profile *p, const char *name, enum job_trigger trigger,
			  size_t *count);

/* The index name before %{+...}: the prefix put before it unless it begins with it; malloc'ed. */
char *profile_index_name(const struct profile *p, const struct job *j);
/* That with %{+yyyy.MM.dd} (yyyy MM dd HH) filled in; checked against the server's rules for index names. */
bool index_name_valid(const char *name, struct fault *f);
int index_name_at(const char *pattern, int64_t ms, char **out, struct fault *f) MUST_CHECK;

#endif

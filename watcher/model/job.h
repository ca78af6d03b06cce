/*
 * job - a job specification, parsed once and immutable
 *
 * Read from profiles/<tenant>/jobs/<job>.json in its own form or the seed's (profiles.md); what this version does not build
 * is refused by name.  Faults are FAULT_CONFIG and say file, JSON path, what was found, what is allowed, the nearest key;
 * job_read collects every error of the file, not only the first.
 * Ownership: a job owns its strings; counted, since deliveries outlive reloads.
 */
#ifndef MODEL_JOB_H
#define MODEL_JOB_H

#include "watcher/base/strbuf.h"
#include "watcher/model/mapping.h"
#include "watcher/model/resources.h"

enum job_trigger { TRIGGER_ARRIVAL, TRIGGER_MANUAL, TRIGGER_MANIFEST };
#define TRIGGERS (TRIGGER_MANIFEST + 1)
enum same_name { SAME_NAME_HOLD, SAME_NAME_ADD, SAME_NAME_REPLACE };

const char *same_name_word(enum same_name s); /* "hold", "add", "replace" */
enum input_format { INPUT_BY_EXTENSION, INPUT_CSV, INPUT_TXT };

struct job {
	unsigned refs;
	char *name;
	char *pattern;   /* shell glob on the whole name */
	char *client_id; /* the seed's, kept and shown, never trusted; or NULL */
	char *job_name;  /* the seed's, kept; or NULL */
	enum job_trigger trigger;
	struct {
		enum input_format format;
		bool header;
	} input;
	char *filter;        /* the text, "" = none */
	char *filter_origin; /* what error messages call it: "jobs/vmtable.json filter" or "jobs/vmtable.conf" */
	char *vars_json;     /* what ${NAME} means in it: an object of strings; "{}" when absent */
	bool lenient;        /* compat logstash-8.6 */
	char *index_name;    /* as written, before the tenant's prefix */
	char *mappings_json; /* "{}" when absent */
	char *settings_json;
	struct mapping mapping;
	char **sinks; /* names; empty: default_sinks */
	size_t sink_count;
	enum same_name same_name;
	enum resources resources;
	struct {
		double max_ratio;
		int64_t max_rows; /* -1: no limit */
	} rejects;
	bool on_failure_tag_index;
	bool keep_message;
	bool provenance;
	bool start_finish_times;
	char *pipeline; /* NULL: none */
	char *webhook;	/* who is told of a run's end; NULL: nobody */
	bool seed_form;
	bool wrong; /* read with errors: to be looked at for more of them, never to be run */
};

struct job *job_ref(struct job *j);
void job_unref(struct job **j);

/*
 * The file's content; dir_fd is the jobs/ folder for filter_file (a bare name, opened beneath), or -1.  file is for messages.
 * errors has a line for each error; with any the job is wrong, and NULL when the text is no JSON.
 */
struct job *job_read(struct span text, const char *file, int dir_fd, struct strbuf *errors);

/* [A-Za-z0-9][A-Za-z0-9_.-]{0,62}: a job's file without .json */
bool job_name_valid(struct span name);
/*
 * Does the file name match, with or without its layers' extensions?  fnmatch without flags that cross; a leading dot is nothing
 * special: such names are no data.
 */
bool job_matches(const struct job *j, const char *name);
const char *job_trigger_name(enum job_trigger t);

#endif

/*
 * profile - one tenant's profile.json and jobs; see the header
 *
 * Called at start and at each reload.  Both forms end in the same struct; every error of every file is collected.
 */
#include "watcher/base/base.h"
#include "watcher/model/profile.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/keys.h"
#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#define FORMATS_LATER "tsv|ndjson|json|fixed|gz|zst|xz|age|compressed"
#define LIMIT_MAX 9007199254740992.0

static const struct key profile_keys[] = {
	{.name = "tenant", .type = KEY_STRING},
	{.name = "formats", .type = KEY_STRINGS, .choices = "csv|txt", .later = FORMATS_LATER},
	{.name = "limits", .type = KEY_OBJECT},
	{.name = "arrival", .type = KEY_OBJECT},
	{.name = "index_prefix", .type = KEY_STRING},
	{.name = "sinks", .type = KEY_OBJECT},
	{.name = "encryption", .type = KEY_OBJECT},
	{.name = "retention", .type = KEY_OBJECT},
};

static const struct key limit_keys[] = {
	{.name = "max_file_bytes", .type = KEY_INT, .null_ok = true, .min = 0, .max = LIMIT_MAX},
	{.name = "max_run_bytes", .type = KEY_INT, .null_ok = true, .min = 0, .max = LIMIT_MAX},
	{.name = "max_run_files", .type = KEY_INT, .null_ok = true, .min = 0, .max = LIMIT_MAX},
	{.name = "max_bytes_per_day", .type = KEY_INT, .later = "*"},
	{.name = "max_files_per_day", .type = KEY_INT, .later = "*"},
	{.name = "max_staged_bytes", .type = KEY_INT, .later = "*"},
	{.name = "max_workers", .type = KEY_INT, .null_ok = true, .min = 1, .max = 256},
	{.name = "max_columns", .type = KEY_INT, .min = 1, .max = 100000},
	{.name = "max_row_bytes", .type = KEY_INT, .min = 16, .max = 16777216},
};

static const struct key arrival_keys[] = {
	{.name = "level", .type = KEY_STRING, .choices = "plain", .later = "session|manifest"},
	{.name = "settle_seconds", .type = KEY_NUMBER, .min = 0, .max = 3600},
	{.name = "unproven", .type = KEY_BOOL, .later = "*"},
};

static const struct key encryption_keys[] = {
	{.name = "required", .type = KEY_BOOL, .later = "*"},
};

static const struct key retention_keys[] = {
	{.name = "done_days", .type = KEY_INT, .later = "*"},
	{.name = "failed_days", .type = KEY_INT, .later = "*"},
};

static const struct key seed_keys[] = {
	{.name = "_id", .type = KEY_ANY},
	{.name = "client_id", .type = KEY_STRING},
	{.name = "client_name", .type = KEY_STRING},
	{.name = "max_file_size", .type = KEY_INT, .min = 0, .max = LIMIT_MAX},
	{.name = "max_number_of_files", .type = KEY_INT, .min = 0, .max = LIMIT_MAX},
	{.name = "file_format", .type = KEY_STRINGS, .choices = "csv|txt", .later = FORMATS_LATER},
	{.name = "max_filebeat_workers", .type = KEY_INT, .min = 1, .max = 256},
	{.name = "max_logstash_workers", .type = KEY_INT, .min = 1, .max = 256},
};

struct profile *profile_ref(struct profile *p)
{
	p->refs++;
	return p;
}

void profile_unref(struct profile **pp)
{
	struct profile *p = *pp;

	*pp = NULL;
	if (!p || --p->refs)
		return;
	for (size_t i = 0; i < p->job_count; i++)
		job_unref(&p->jobs[i]);
	free(p->jobs);
	strings_free(p->sinks, p->sink_count);
	free(p->tenant);
	free(p->client_id);
	free(p->client_name);
	free(p->index_prefix);
	free(p);
}

bool tenant_name_valid(struct span name)
{
	if (!name.n || name.n > TENANT_NAME_MAX || name.p[0] == '-')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return true;
}

static unsigned formats_of(const json_t *list, unsigned otherwise)
{
	unsigned bits = 0;
	size_t i;
	json_t *v;

	if (!list)
		return otherwise;
	json_array_foreach(list, i, v)
		bits |= json_string_value(v)[0] == 'c' ? FORMAT_CSV : FORMAT_TXT;
	return bits;
}

static void take_sinks(struct profile *p, const json_t *sinks, const char *file,
		       struct strbuf *errors)
{
	const char *name;
	json_t *v;

	if (!sinks)
		return;
	p->sinks_given = true;
	p->sinks = xcalloc(json_object_size(sinks), sizeof(char *));
	json_object_foreach((json_t *)(uintptr_t)sinks, name, v) {
		p->sinks[p->sink_count++] = xstrdup(name);
		if (!json_is_object(v) || json_object_size(v))
			keys_error(errors, file, "$.sinks",
				   "\"%s\": credentials of a tenant: not in this version; allowed: {}",
				   name);
	}
}

static void parse_own(struct profile *p, const json_t *root, const char *file,
		      struct strbuf *errors)
{
	const json_t *limits = json_object_get(root, "limits");
	const json_t *arrival = json_object_get(root, "arrival");
	const char *name = json_string_value(json_object_get(root, "tenant"));
	int bad = keys_check(root, "$", profile_keys, ARRAY_LEN(profile_keys), file, errors);

	bad |= keys_check(limits, "$.limits", limit_keys, ARRAY_LEN(limit_keys), file, errors);
	bad |= keys_check(arrival, "$.arrival", arrival_keys, ARRAY_LEN(arrival_keys), file, errors);
	bad |= keys_check(json_object_get(root, "encryption"), "$.encryption", encryption_keys,
			  ARRAY_LEN(encryption_keys), file, errors);
	bad |= keys_check(json_object_get(root, "retention"), "$.retention", retention_keys,
			  ARRAY_LEN(retention_keys), file, errors);
	if (bad)
		return;
	if (name && strcmp(name, p->tenant) != 0)
		keys_error(errors, file, "$.tenant", "\"%s\" must be the folder's name, \"%s\"", name,
			   p->tenant);
	p->formats = formats_of(json_object_get(root, "formats"), FORMAT_CSV | FORMAT_TXT);
	p->max_file_bytes = keys_int(limits, "max_file_bytes", -1);
	p->max_run_bytes = keys_int(limits, "max_run_bytes", -1);
	p->max_run_files = keys_int(limits, "max_run_files", -1);
	p->max_workers = keys_int(limits, "max_workers", -1);
	p->max_columns = (uint64_t)keys_int(limits, "max_columns", 4096);
	p->max_row_bytes = (uint64_t)keys_int(limits, "max_row_bytes", 1048576);
	p->settle_ms = (int64_t)(keys_number(arrival, "settle_seconds", 5) * 1000);
	p->index_prefix = keys_string(root, "index_prefix", NULL);
	take_sinks(p, json_object_get(root, "sinks"), file, errors);
}

static void parse_seed(struct profile *p, const json_t *root, const char *file,
		       struct strbuf *errors)
{
	int64_t filebeat, logstash;

	if (keys_check(root, "$", seed_keys, ARRAY_LEN(seed_keys), file, errors) < 0)
		return;
	p->client_id = keys_string(root, "client_id", NULL);
	p->client_name = keys_string(root, "client_name", NULL);
	p->formats = formats_of(json_object_get(root, "file_format"), FORMAT_CSV | FORMAT_TXT);
	p->max_file_bytes = -1;
	/* the seed's max_file_size is the total of a run: that is what its text says and does */
	p->max_run_bytes = keys_int(root, "max_file_size", -1);
	p->max_run_files = keys_int(root, "max_number_of_files", -1);
	filebeat = keys_int(root, "max_filebeat_workers", -1);
	logstash = keys_int(root, "max_logstash_workers", -1);
	p->max_workers = filebeat < 0 || (logstash >= 0 && logstash < filebeat) ? logstash : filebeat;
	p->max_columns = 4096;
	p->max_row_bytes = 1048576;
	p->settle_ms = 5000;
}

static int read_json(const char *path, struct strbuf *text, struct strbuf *errors)
{
	struct fault f = FAULT_INIT;

	strbuf_reset(text);
	if (fs_read_file(path, 1024 * 1024, text, &f) < 0) {
		strbuf_addf(errors, "%s\n", f.text);
		return -1;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct job *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void check_index(struct profile *p, const struct job *j, const char *file,
			struct strbuf *errors)
{
	struct fault f = FAULT_INIT;
	char *pattern = profile_index_name(p, j), *name = NULL;

	if (index_name_at(pattern, 0, &name, &f) < 0)
		keys_error(errors, file, "$.index.name", "%s", f.text);
	free(name);
	free(pattern);
}

static void load_job(struct profile *p, const char *path, int dir_fd, struct strbuf *errors)
{
	struct strbuf text = STRBUF_INIT;
	struct job *j = NULL;

	if (read_json(path, &text, errors) == 0 &&
	    job_parse(strbuf_span(&text), path, dir_fd, &j, errors) == 0) {
		check_index(p, j, path, errors);
		for (size_t i = 0; i < j->sink_count && p->sinks_given; i++) {
			bool found = false;

			for (size_t k = 0; k < p->sink_count; k++)
				found |= strcmp(p->sinks[k], j->sinks[i]) == 0;
			if (!found)
				keys_error(errors, path, "$.sinks",
					   "\"%s\" is not among the sinks of the tenant's profile",
					   j->sinks[i]);
		}
		p->jobs = xrealloc(p->jobs, (p->job_count + 1) * sizeof(*p->jobs));
		p->jobs[p->job_count++] = j;
	}
	strbuf_release(&text);
}

static void load_jobs(struct profile *p, const char *folder, struct strbuf *errors)
{
	char *jobs = xasprintf("%s/jobs", folder);
	DIR *d = opendir(jobs);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		struct span name = span_of(e->d_name);
		char *path;

		if (name.p[0] == '.' || !span_ends(name, SPAN_LITERAL(".json")) || name.n < 6)
			continue;
		path = xasprintf("%s/%s", jobs, e->d_name);
		load_job(p, path, dirfd(d), errors);
		free(path);
	}
	if (d)
		closedir(d);
	else if (errno != ENOENT)
		strbuf_addf(errors, "%s: cannot be read: %s\n", jobs, strerror(errno));
	if (p->job_count)
		qsort(p->jobs, p->job_count, sizeof(*p->jobs), by_name);
	free(jobs);
}

int profile_load(const char *profiles_dir, const char *tenant, struct profile **out,
		 struct strbuf *errors)
{
	struct profile *p = xcalloc(1, sizeof(*p));
	char *folder = xasprintf("%s/%s", profiles_dir, tenant);
	char *file = xasprintf("%s/profile.json", folder);
	struct strbuf text = STRBUF_INIT;
	size_t before = errors->n;
	json_t *root = NULL;

	p->refs = 1;
	p->tenant = xstrdup(tenant);
	if (!tenant_name_valid(span_of(tenant)))
		strbuf_addf(errors, "%s: a tenant's folder is named [a-z0-9][a-z0-9-]{0,38}\n", folder);
	else if (read_json(file, &text, errors) == 0)
		root = keys_load(strbuf_span(&text), file, errors);
	if (root) {
		if (json_object_get(root, "client_id") || json_object_get(root, "file_format"))
			parse_seed(p, root, file, errors);
		else
			parse_own(p, root, file, errors);
		if (!p->index_prefix)
			p->index_prefix = xasprintf("%s-", tenant);
		load_jobs(p, folder, errors);
	}
	json_decref(root);
	strbuf_release(&text);
	free(folder);
	free(file);
	if (errors->n > before) {
		profile_unref(&p);
		return -1;
	}
	*out = p;
	return 0;
}

struct job *profile_job(const struct profile *p, const char *name)
{
	for (size_t i = 0; i < p->job_count; i++)
		if (strcmp(p->jobs[i]->name, name) == 0)
			return p->jobs[i];
	return NULL;
}

struct job *profile_match(const struct profile *p, const char *name, enum job_trigger trigger,
			  size_t *count)
{
	struct job *found = NULL;

	*count = 0;
	for (size_t i = 0; i < p->job_count; i++)
		if (p->jobs[i]->trigger == trigger && job_matches(p->jobs[i], name)) {
			found = p->jobs[i];
			++*count;
		}
	return *count == 1 ? found : NULL;
}

unsigned format_of_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (dot && strcasecmp(dot, ".csv") == 0)
		return FORMAT_CSV;
	if (dot && strcasecmp(dot, ".txt") == 0)
		return FORMAT_TXT;
	return 0;
}

const char *format_name(enum format_bit b)
{
	return b == FORMAT_CSV ? "csv" : "txt";
}

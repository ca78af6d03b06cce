/*
 * profile - one tenant's profile.json; see the header (its jobs are read in profile_jobs.c)
 *
 * Called at start and at each reload.  Both forms end in the same struct; every error of every file is collected, also those
 * of the jobs when the profile itself is wrong.
 */
#include "watcher/base/base.h"
#include "watcher/model/profile.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/config_sink.h"
#include "watcher/model/profile_jobs.h"
#include "watcher/model/tables.h"

#define COLUMNS_DEFAULT 4096
#define ROW_BYTES_DEFAULT 1048576
#define SETTLE_DEFAULT 5
#define SETTLE_MAX 3600

struct profile *profile_ref(struct profile *p)
{
	CHECK(p->refs > 0);
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
	for (size_t i = 0; i < p->sink_count; i++)
		sink_credential_release(&p->credentials[i]);
	free(p->credentials);
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

/* The words were checked; a list of layers alone says nothing of the records. */
static unsigned formats_of(const json_t *list)
{
	unsigned bits = 0;
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (json_is_string(v))
			bits |= format_bits_of(span_of(json_string_value(v)));
	return bits & FORMAT_RECORDS ? bits : bits | FORMAT_RECORDS;
}

static void take_sinks(struct profile *p, const json_t *sinks, struct keys_report *r)
{
	const char *name;
	json_t *v;

	p->sinks_given = sinks != NULL;
	p->sinks = xcalloc(json_object_size(sinks) + 1, sizeof(char *));
	p->credentials = xcalloc(json_object_size(sinks) + 1, sizeof(*p->credentials));
	json_object_foreach((json_t *)(uintptr_t)sinks, name, v) {
		char *where = keys_path("$.sinks", name);

		sink_credential_take(&p->credentials[p->sink_count], v, NULL, where, r);
		p->sinks[p->sink_count++] = xstrdup(name);
		free(where);
	}
}

const struct sink_credential *profile_credential(const struct profile *p, const char *sink)
{
	for (size_t i = 0; i < p->sink_count; i++)
		if (strcmp(p->sinks[i], sink) == 0 && sink_credential_given(&p->credentials[i]))
			return &p->credentials[i];
	return NULL;
}

static void check_prefix(const struct profile *p, struct keys_report *r)
{
	char *sample = xasprintf("%sx", p->index_prefix), *name = NULL;
	struct fault f = FAULT_INIT;

	if (index_name_at(sample, 0, &name, &f) < 0)
		keys_error(r, "$.index_prefix", "with \"x\" behind it: %s", f.text);
	free(name);
	free(sample);
}

static const char *const level_names[] = {"plain", "session", "manifest"};

const char *arrival_level_name(enum arrival_level l)
{
	CHECK((size_t)l < ARRAY_LEN(level_names));
	return level_names[l];
}

/* Another name is an error of keys_check's. */
static enum arrival_level level_of(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_LEN(level_names); i++)
		if (strcmp(name, level_names[i]) == 0)
			return (enum arrival_level)i;
	return LEVEL_PLAIN;
}

static void parse_own(struct profile *p, const json_t *root, struct keys_report *r)
{
	const json_t *limits = json_object_get(root, "limits");
	const json_t *arrival = json_object_get(root, "arrival");
	const char *name = json_string_value(json_object_get(root, "tenant"));
	double settle = keys_number(arrival, "settle_seconds", SETTLE_DEFAULT);

	keys_check(root, "$", &profile_table, r);
	if (name && strcmp(name, p->tenant) != 0)
		keys_error(r, "$.tenant", "\"%.60s\"; allowed: the folder's name, \"%s\"", name,
			   p->tenant);
	p->formats = formats_of(json_object_get(root, "formats"));
	p->max_file_bytes = keys_int(limits, "max_file_bytes", -1);
	p->max_run_bytes = keys_int(limits, "max_run_bytes", -1);
	p->max_run_files = keys_int(limits, "max_run_files", -1);
	p->max_bytes_per_day = keys_int(limits, "max_bytes_per_day", -1);
	p->max_files_per_day = keys_int(limits, "max_files_per_day", -1);
	p->max_staged_bytes = keys_int(limits, "max_staged_bytes", -1);
	p->max_workers = keys_int(limits, "max_workers", -1);
	p->done_days = (int)keys_int(json_object_get(root, "retention"), "done_days", -1);
	p->failed_days = (int)keys_int(json_object_get(root, "retention"), "failed_days", -1);
	p->max_columns = (uint64_t)keys_int(limits, "max_columns", COLUMNS_DEFAULT);
	p->max_row_bytes = (uint64_t)keys_int(limits, "max_row_bytes", ROW_BYTES_DEFAULT);
	p->level = level_of(json_string_value(json_object_get(arrival, "level")));
	p->unproven = keys_bool(arrival, "unproven", false);
	if (settle >= 0 && settle <= SETTLE_MAX)
		p->settle_ms = (int64_t)(settle * 1000 + 0.5);
	p->encryption_required = keys_bool(json_object_get(root, "encryption"), "required", false);
	if (p->encryption_required && !(p->formats & FORMAT_AGE))
		keys_error(r, "$.encryption.required", "true, but $.formats does not have \"age\": no file could be taken");
	p->index_prefix = keys_string(root, "index_prefix", NULL);
	if (p->index_prefix)
		check_prefix(p, r);
	take_sinks(p, json_object_get(root, "sinks"), r);
}

static int64_t smaller(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static void parse_seed(struct profile *p, const json_t *root, struct keys_report *r)
{
	keys_check(root, "$", &profile_seed_table, r);
	p->client_id = keys_string(root, "client_id", NULL);
	p->client_name = keys_string(root, "client_name", NULL);
	p->formats = formats_of(json_object_get(root, "file_format"));
	p->max_file_bytes = -1;
	/* the seed's max_file_size is the total of a run: that is what its text says and does */
	p->max_run_bytes = keys_int(root, "max_file_size", -1);
	p->max_run_files = keys_int(root, "max_number_of_files", -1);
	p->max_bytes_per_day = p->max_files_per_day = p->max_staged_bytes = -1;
	p->max_workers = smaller(keys_int(root, "max_filebeat_workers", -1),
				 keys_int(root, "max_logstash_workers", -1));
	p->done_days = p->failed_days = -1;
	p->max_columns = COLUMNS_DEFAULT;
	p->max_row_bytes = ROW_BYTES_DEFAULT;
	p->settle_ms = SETTLE_DEFAULT * 1000;
}

static void parse_text(struct profile *p, const char *file, struct span text, struct strbuf *errors)
{
	struct keys_report r = {.file = file, .errors = errors};
	json_t *root = keys_load(text, &r);

	if (root && keys_any_of(root, &profile_seed_table, &profile_table))
		parse_seed(p, root, &r);
	else if (root)
		parse_own(p, root, &r);
	json_decref(root);
}

static void parse_file(struct profile *p, const char *file, struct strbuf *errors)
{
	struct keys_report r = {.file = file, .errors = errors};
	struct strbuf text = STRBUF_INIT;
	struct fault f = FAULT_INIT;

	if (fs_read_file(file, KEYS_FILE_MAX, &text, &f) < 0)
		keys_error(&r, "$", "%s", f.text);
	else
		parse_text(p, file, strbuf_span(&text), errors);
	if (!p->index_prefix)
		p->index_prefix = xasprintf("%s-", p->tenant);
	strbuf_release(&text);
}

struct profile *profile_of_text(const char *tenant, const char *file, struct span text, struct strbuf *errors)
{
	struct profile *p = xcalloc(1, sizeof(*p));

	p->refs = 1;
	p->tenant = xstrdup(tenant);
	parse_text(p, file, text, errors);
	if (!p->index_prefix)
		p->index_prefix = xasprintf("%s-", tenant);
	return p;
}

struct profile *profile_read(const char *profiles_dir, const char *tenant, struct strbuf *errors)
{
	struct keys_report r = {.file = profiles_dir, .errors = errors};
	struct profile *p;
	char *folder, *file;

	if (!tenant_name_valid(span_of(tenant))) {
		keys_error(&r, "$", "\"%s\": a tenant's folder is named [a-z0-9][a-z0-9-]{0,38}", tenant);
		return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	folder = fs_join(profiles_dir, tenant);
	file = fs_join(folder, "profile.json");
	p->refs = 1;
	p->tenant = xstrdup(tenant);
	parse_file(p, file, errors);
	profile_load_jobs(p, folder, errors);
	free(folder);
	free(file);
	return p;
}

int profile_load(const char *profiles_dir, const char *tenant, struct profile **out,
		 struct strbuf *errors)
{
	size_t before = errors->n;
	struct profile *p = profile_read(profiles_dir, tenant, errors);

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

/*
 * job - a job specification in its own form or the seed's; see the header
 *
 * Called by profile when a tenant is loaded, and by version for the worker.  The form is told by the seed's own keys.
 */
#include "watcher/base/base.h"
#include "watcher/model/job.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/keys.h"
#include <fcntl.h>
#include <fnmatch.h>
#include <unistd.h>

#define FILTER_MAX (1024 * 1024)

static const struct key job_keys[] = {
	{.name = "job", .type = KEY_STRING},
	{.name = "pattern", .type = KEY_STRING},
	{.name = "kind", .type = KEY_STRING, .choices = "batch", .later = "stream"},
	{.name = "trigger", .type = KEY_STRING, .choices = "arrival|manual", .later = "manifest"},
	{.name = "input", .type = KEY_OBJECT},
	{.name = "filter", .type = KEY_STRING},
	{.name = "filter_file", .type = KEY_STRING},
	{.name = "vars", .type = KEY_OBJECT, .later = "*"},
	{.name = "index", .type = KEY_OBJECT},
	{.name = "sinks", .type = KEY_STRINGS},
	{.name = "same_name", .type = KEY_STRING, .choices = "hold|add", .later = "replace"},
	{.name = "compat", .type = KEY_STRING, .choices = "logstash-8.14", .later = "logstash-8.6"},
	{.name = "provenance", .type = KEY_BOOL, .later = "*"},
	{.name = "rejects", .type = KEY_OBJECT},
	{.name = "on_failure_tag", .type = KEY_STRING, .choices = "reject|index"},
	{.name = "keep_message", .type = KEY_BOOL},
	{.name = "start_finish_times", .type = KEY_BOOL, .later = "*"},
	{.name = "quality", .type = KEY_ARRAY, .later = "*"},
	{.name = "resources", .type = KEY_STRING, .choices = "medium", .later = "small|large"},
	{.name = "notify", .type = KEY_OBJECT, .later = "*"},
};

static const struct key input_keys[] = {
	{.name = "format", .type = KEY_STRING, .choices = "csv|txt",
	 .later = "tsv|ndjson|json|fixed|gz|zst|xz|age"},
	{.name = "header", .type = KEY_BOOL},
	{.name = "encoding", .type = KEY_STRING, .choices = "utf-8"},
};

static const struct key index_keys[] = {
	{.name = "name", .type = KEY_STRING},
	{.name = "mappings", .type = KEY_OBJECT},
	{.name = "settings", .type = KEY_OBJECT},
};

static const struct key reject_keys[] = {
	{.name = "max_ratio", .type = KEY_NUMBER, .min = 0, .max = 1},
	{.name = "max_rows", .type = KEY_INT, .null_ok = true, .min = 0, .max = 1e15},
};

static const struct key seed_keys[] = {
	{.name = "client_id", .type = KEY_STRING},
	{.name = "job_name", .type = KEY_STRING},
	{.name = "filebeat_config_args", .type = KEY_OBJECT},
	{.name = "logstash_config_args", .type = KEY_OBJECT},
	{.name = "logstash_pipeline_config_args", .type = KEY_OBJECT},
	{.name = "elasticsearch_index_config", .type = KEY_OBJECT},
};

static const struct key seed_filebeat_keys[] = {
	{.name = "job_name", .type = KEY_STRING},
	{.name = "filename_pattern", .type = KEY_STRING},
};

static const struct key seed_logstash_keys[] = {
	{.name = "queue_type", .type = KEY_STRING, .choices = "memory|persisted"},
};

static const struct key seed_pipeline_keys[] = {
	{.name = "filter", .type = KEY_STRING},
	{.name = "index_name", .type = KEY_STRING},
};

static const struct key seed_index_keys[] = {
	{.name = "mappings", .type = KEY_OBJECT},
	{.name = "settings", .type = KEY_OBJECT},
};

struct job *job_ref(struct job *j)
{
	j->refs++;
	return j;
}

void job_unref(struct job **jp)
{
	struct job *j = *jp;

	*jp = NULL;
	if (!j || --j->refs)
		return;
	free(j->name);
	free(j->pattern);
	free(j->client_id);
	free(j->filter);
	free(j->filter_origin);
	free(j->index_name);
	free(j->mappings_json);
	free(j->settings_json);
	mapping_release(&j->mapping);
	strings_free(j->sinks, j->sink_count);
	free(j);
}

static char *dump(const json_t *v)
{
	char *s = v ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	return s ? s : xstrdup("{}");
}

static void take_index(struct job *j, const json_t *index, const char *path, const char *file,
		       struct strbuf *errors)
{
	struct fault f = FAULT_INIT;

	j->mappings_json = dump(json_object_get(index, "mappings"));
	j->settings_json = dump(json_object_get(index, "settings"));
	if (mapping_parse(span_of(j->mappings_json), &j->mapping, &f) < 0)
		keys_error(errors, file, path, "mappings: %s", f.text);
}

/* The text of a filter file beside the job. */
static void take_filter_file(struct job *j, const char *name, int dir_fd, const char *file,
			     struct strbuf *errors)
{
	struct strbuf text = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	int fd = -1;

	if (!fs_is_bare_name(span_of(name))) {
		keys_error(errors, file, "$.filter_file",
			   "\"%s\" must be a bare name of a file beside the job", name);
		return;
	}
	if (dir_fd >= 0)
		fd = fs_open_beneath(dir_fd, name, O_RDONLY, 0);
	if (fd < 0 || fs_read_fd(fd, FILTER_MAX, &text, &f) < 0) {
		keys_error(errors, file, "$.filter_file", "cannot read \"%s\" beside the job%s%s", name,
			   f.text[0] ? ": " : "", f.text);
		strbuf_release(&text);
	} else {
		j->filter = strbuf_detach(&text);
		j->filter_origin = xstrdup(name);
	}
	fs_close(&fd);
}

static void take_filter(struct job *j, const json_t *root, int dir_fd, const char *file,
			struct strbuf *errors)
{
	const char *name = json_string_value(json_object_get(root, "filter_file"));

	if (name && json_object_get(root, "filter"))
		keys_error(errors, file, "$", "filter and filter_file: only one of them");
	else if (name)
		take_filter_file(j, name, dir_fd, file, errors);
	if (!j->filter) {
		j->filter = keys_string(root, "filter", "");
		j->filter_origin = xasprintf("%s filter", file);
	}
}

static void parse_own(struct job *j, const json_t *root, int dir_fd, const char *file,
		      struct strbuf *errors)
{
	const json_t *input = json_object_get(root, "input");
	const json_t *index = json_object_get(root, "index");
	const json_t *rejects = json_object_get(root, "rejects");
	char *format, *trigger, *same, *tag;
	int bad = keys_check(root, "$", job_keys, ARRAY_LEN(job_keys), file, errors);

	bad |= keys_check(input, "$.input", input_keys, ARRAY_LEN(input_keys), file, errors);
	bad |= keys_check(index, "$.index", index_keys, ARRAY_LEN(index_keys), file, errors);
	bad |= keys_check(rejects, "$.rejects", reject_keys, ARRAY_LEN(reject_keys), file, errors);
	if (bad)
		return;
	format = keys_string(input, "format", "");
	trigger = keys_string(root, "trigger", "arrival");
	same = keys_string(root, "same_name", "hold");
	tag = keys_string(root, "on_failure_tag", "reject");
	j->pattern = keys_string(root, "pattern", NULL);
	j->trigger = strcmp(trigger, "manual") == 0 ? TRIGGER_MANUAL : TRIGGER_ARRIVAL;
	j->input.format = *format == 'c' ? INPUT_CSV : *format == 't' ? INPUT_TXT : INPUT_BY_EXTENSION;
	j->input.header = keys_bool(input, "header", false);
	j->index_name = keys_string(index, "name", j->name);
	j->sinks = keys_strings(root, "sinks", &j->sink_count);
	j->same_name = *same == 'a' ? SAME_NAME_ADD : SAME_NAME_HOLD;
	j->on_failure_tag_index = *tag == 'i';
	j->keep_message = keys_bool(root, "keep_message", false);
	j->rejects.max_ratio = keys_number(rejects, "max_ratio", 0.10);
	j->rejects.max_rows = keys_int(rejects, "max_rows", -1);
	take_index(j, index, "$.index", file, errors);
	take_filter(j, root, dir_fd, file, errors);
	if (!j->pattern)
		keys_error(errors, file, "$.pattern", "is missing: a shell glob of file names");
	if (j->sink_count > 1)
		keys_error(errors, file, "$.sinks", "several sinks: not in this version");
	if (json_object_get(root, "job") &&
	    strcmp(json_string_value(json_object_get(root, "job")), j->name) != 0)
		keys_error(errors, file, "$.job", "must be the file's own name, \"%s\"", j->name);
	free(format);
	free(trigger);
	free(same);
	free(tag);
}

static void parse_seed(struct job *j, const json_t *root, const char *file, struct strbuf *errors)
{
	const json_t *filebeat = json_object_get(root, "filebeat_config_args");
	const json_t *logstash = json_object_get(root, "logstash_config_args");
	const json_t *pipeline = json_object_get(root, "logstash_pipeline_config_args");
	const json_t *index = json_object_get(root, "elasticsearch_index_config");
	int bad = keys_check(root, "$", seed_keys, ARRAY_LEN(seed_keys), file, errors);

	bad |= keys_check(filebeat, "$.filebeat_config_args", seed_filebeat_keys,
			  ARRAY_LEN(seed_filebeat_keys), file, errors);
	bad |= keys_check(logstash, "$.logstash_config_args", seed_logstash_keys,
			  ARRAY_LEN(seed_logstash_keys), file, errors);
	bad |= keys_check(pipeline, "$.logstash_pipeline_config_args", seed_pipeline_keys,
			  ARRAY_LEN(seed_pipeline_keys), file, errors);
	bad |= keys_check(index, "$.elasticsearch_index_config", seed_index_keys,
			  ARRAY_LEN(seed_index_keys), file, errors);
	if (bad)
		return;
	j->seed_form = true;
	j->client_id = keys_string(root, "client_id", NULL);
	j->pattern = keys_string(filebeat, "filename_pattern", NULL);
	j->trigger = TRIGGER_MANUAL;
	j->index_name = keys_string(pipeline, "index_name", j->name);
	j->filter = keys_string(pipeline, "filter", "");
	j->filter_origin = xasprintf("%s filter", file);
	j->sinks = xcalloc(1, sizeof(char *));
	j->rejects.max_ratio = 0.10;
	j->rejects.max_rows = -1;
	take_index(j, index, "$.elasticsearch_index_config", file, errors);
	if (!j->pattern)
		keys_error(errors, file, "$.filebeat_config_args.filename_pattern", "is missing");
}

static char *stem_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash ? slash + 1 : file;
	size_t n = strlen(base);

	return xstrndup(base, n > 5 && strcmp(base + n - 5, ".json") == 0 ? n - 5 : n);
}

int job_parse(struct span text, const char *file, int dir_fd, struct job **out,
	      struct strbuf *errors)
{
	size_t before = errors->n;
	json_t *root = keys_load(text, file, errors);
	struct job *j;

	if (!root)
		return -1;
	j = xcalloc(1, sizeof(*j));
	j->refs = 1;
	j->name = stem_of(file);
	mapping_init(&j->mapping);
	if (json_object_get(root, "filebeat_config_args") ||
	    json_object_get(root, "logstash_pipeline_config_args"))
		parse_seed(j, root, file, errors);
	else
		parse_own(j, root, dir_fd, file, errors);
	json_decref(root);
	if (errors->n > before) {
		job_unref(&j);
		return -1;
	}
	*out = j;
	return 0;
}

bool job_matches(const struct job *j, const char *name)
{
	return fnmatch(j->pattern, name, 0) == 0;
}

const char *job_trigger_name(enum job_trigger t)
{
	switch (t) {
	case TRIGGER_ARRIVAL:
		return "arrival";
	case TRIGGER_MANUAL:
		return "manual";
	}
	return "";
}

/*
 * job - a job specification in its own form or the seed's; see the header
 *
 * Called by profile when a tenant is loaded.  The form is told by keys that only the seed's has; both end in the same struct.
 * The tables say what a key may hold; here stands what no table can say.
 */
#include "watcher/base/base.h"
#include "watcher/model/job.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/utf8.h"
#include "watcher/model/format.h"
#include "watcher/model/tables.h"
#include <fcntl.h>
#include <fnmatch.h>
#include <unistd.h>

#define NAME_MAX_BYTES 63
#define RATIO_DEFAULT 0.10

struct job *job_ref(struct job *j)
{
	CHECK(j->refs > 0);
	j->refs++;
	return j;
}

const char *same_name_word(enum same_name s)
{
	static const char *const words[] = {"hold", "add", "replace"};

	CHECK((size_t)s < ARRAY_LEN(words));
	return words[s];
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
	free(j->job_name);
	free(j->filter);
	free(j->filter_origin);
	free(j->vars_json);
	free(j->index_name);
	free(j->mappings_json);
	free(j->settings_json);
	free(j->pipeline);
	free(j->webhook);
	mapping_release(&j->mapping);
	strings_free(j->sinks, j->sink_count);
	free(j);
}

bool job_name_valid(struct span name)
{
	if (!name.n || name.n > NAME_MAX_BYTES || strchr("_.-", name.p[0]))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '.' || c == '-'))
			return false;
	}
	return true;
}

static void check_property(const json_t *v, const char *path, struct keys_report *r)
{
	const json_t *type = json_object_get(v, "type");
	char *where = keys_path(path, "type");
	const char *near = NULL;

	if (!json_is_object(v))
		keys_error(r, path, "must be an object like {\"type\": \"keyword\"}");
	else if (type && !json_is_string(type))
		keys_error(r, where, "must be a string");
	else if (type && !mapping_type_known(json_string_value(type), &near))
		keys_error(r, where, "\"%.60s\" is no type of a field%s%s%s", json_string_value(type),
			   near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	free(where);
}

/* Every property with a wrong type, not only the first. */
static void check_properties(const json_t *mappings, const char *path, struct keys_report *r)
{
	const json_t *properties = json_object_get(mappings, "properties");
	char *where = keys_path(path, "properties");
	const char *name;
	json_t *v;

	if (properties && !json_is_object(properties))
		keys_error(r, where, "must be an object");
	json_object_foreach((json_t *)(uintptr_t)properties, name, v) {
		char *one = keys_path(where, name);

		check_property(v, one, r);
		free(one);
	}
	free(where);
}

static void take_index(struct job *j, const json_t *index, const char *path, struct keys_report *r)
{
	const json_t *mappings = json_object_get(index, "mappings");
	const json_t *settings = json_object_get(index, "settings");
	char *where = keys_path(path, "mappings");
	size_t before = r->count;
	struct fault f = FAULT_INIT;

	check_properties(mappings, where, r);
	j->mappings_json = keys_dump(json_is_object(mappings) ? mappings : NULL, "{}");
	j->settings_json = keys_dump(json_is_object(settings) ? settings : NULL, "{}");
	if (r->count == before && mapping_parse(span_of(j->mappings_json), &j->mapping, &f) < 0)
		keys_error(r, where, "%s", f.text);
	free(where);
}

static void take_pattern(struct job *j, const json_t *object, const char *path, const char *name,
			 struct keys_report *r)
{
	char *where = keys_path(path, name);

	j->pattern = keys_string(object, name, "");
	if (strchr(j->pattern, '/'))
		keys_error(r, where, "\"%.60s\" holds a /; it is matched against a bare file name",
			   j->pattern);
	free(where);
}

/* Text in UTF-8 without a NUL; -1 and a fault that says where it is none. */
static int check_text(struct span text, struct fault *f)
{
	size_t valid = utf8_valid_prefix(text), line = 1;
	const char *nul = valid ? memchr(text.p, '\0', valid) : NULL;
	size_t at = nul ? (size_t)(nul - text.p) : valid, from = 0;

	if (at == text.n)
		return 0;
	for (size_t i = 0; i < at; i++)
		if (text.p[i] == '\n') {
			line++;
			from = i + 1;
		}
	return fault_set(f, FAULT_CONFIG, "line %zu, byte %zu: %s: a filter is text in UTF-8", line, at - from + 1,
			 nul ? "a NUL byte" : "a byte that is not UTF-8");
}

/* The text of a filter file beside the job; NULL and a fault: it cannot be used. */
static char *read_filter(int dir_fd, const char *name, struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	int fd = fs_open_beneath(dir_fd, name, O_RDONLY, 0);
	struct stat st;
	char *out = NULL;

	if (fd < 0)
		fault_errno(f, FAULT_CONFIG, "cannot open it beside the job");
	else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		fault_set(f, FAULT_CONFIG, "is no regular file");
	else if (fs_read_fd(fd, KEYS_FILE_MAX, &text, f) < 0)
		fault_prefix(f, "cannot read it");
	else if (check_text(strbuf_span(&text), f) == 0)
		out = strbuf_detach(&text);
	strbuf_release(&text);
	fs_close(&fd);
	return out;
}

static void take_filter_file(struct job *j, const char *name, int dir_fd, struct keys_report *r)
{
	struct fault f = FAULT_INIT;

	if (!fs_is_bare_name(span_of(name)) || name[0] == '.') {
		keys_error(r, "$.filter_file", "\"%.60s\"; allowed: a bare name of a file beside the job",
			   name);
		return;
	}
	if (dir_fd < 0) {
		keys_error(r, "$.filter_file", "\"%.60s\": there is no folder here to take it from", name);
		return;
	}
	j->filter = read_filter(dir_fd, name, &f);
	if (!j->filter)
		keys_error(r, "$.filter_file", "\"%.60s\": %s", name, f.text);
}

static void take_filter(struct job *j, const json_t *root, int dir_fd, struct keys_report *r)
{
	char *name = keys_string(root, "filter_file", NULL);

	if (name && !json_object_get(root, "filter"))
		take_filter_file(j, name, dir_fd, r);
	if (j->filter)
		j->filter_origin = xasprintf("jobs/%s", name);
	else
		j->filter = keys_string(root, "filter", "");
	free(name);
}

static bool is_var_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");

	return n > 0 && name[n] == '\0' && !(name[0] >= '0' && name[0] <= '9');
}

static void take_vars(struct job *j, const json_t *root, struct keys_report *r)
{
	json_t *vars = json_object_get(root, "vars"), *v;
	const char *name;

	j->vars_json = keys_dump(json_is_object(vars) ? vars : NULL, "{}");
	json_object_foreach(vars, name, v) {
		char *where = keys_path("$.vars", name);

		if (!is_var_name(name))
			keys_error(r, where, "allowed: a name of letters, digits, _ and ., no digit first");
		else if (!json_is_string(v))
			keys_error(r, where, "must be a string");
		free(where);
	}
}

static bool says(const json_t *object, const char *key, const char *word)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s && strcmp(s, word) == 0;
}

static void check_own(const struct job *j, const json_t *root, struct keys_report *r)
{
	const char *name = json_string_value(json_object_get(root, "job"));

	keys_check(root, "$", &job_table, r);
	if (name && strcmp(name, j->name) != 0)
		keys_error(r, "$.job", "\"%.80s\"; allowed: the file's own name, \"%s\"", name, j->name);
	if (json_array_size(json_object_get(root, "sinks")) > 1)
		keys_error(r, "$.sinks", "more than one sink a job: not in this version");
}

static void parse_own(struct job *j, const json_t *root, int dir_fd, struct keys_report *r)
{
	const json_t *input = json_object_get(root, "input");
	const json_t *index = json_object_get(root, "index");
	const json_t *rejects = json_object_get(root, "rejects");

	check_own(j, root, r);
	take_pattern(j, root, "$", "pattern", r);
	j->trigger = says(root, "trigger", "manual")	? TRIGGER_MANUAL :
		     says(root, "trigger", "manifest") ? TRIGGER_MANIFEST :
							  TRIGGER_ARRIVAL;
	j->input.format = says(input, "format", "csv") ? INPUT_CSV :
			  says(input, "format", "txt") ? INPUT_TXT :
							 INPUT_BY_EXTENSION;
	j->input.header = keys_bool(input, "header", false);
	j->index_name = keys_string(index, "name", j->name);
	j->sinks = keys_strings(root, "sinks", &j->sink_count);
	j->resources = says(root, "resources", "small") ? RESOURCES_SMALL :
		       says(root, "resources", "large") ? RESOURCES_LARGE :
							  RESOURCES_MEDIUM;
	j->same_name = says(root, "same_name", "add") ? SAME_NAME_ADD :
		       says(root, "same_name", "replace") ? SAME_NAME_REPLACE :
							    SAME_NAME_HOLD;
	j->on_failure_tag_index = says(root, "on_failure_tag", "index");
	j->keep_message = keys_bool(root, "keep_message", false);
	j->provenance = keys_bool(root, "provenance", false);
	j->start_finish_times = keys_bool(root, "start_finish_times", false);
	j->webhook = keys_string(json_object_get(root, "notify"), "webhook", NULL);
	j->pipeline = keys_string(json_object_get(root, "index"), "pipeline", NULL);
	j->rejects.max_ratio = keys_number(rejects, "max_ratio", RATIO_DEFAULT);
	j->rejects.max_rows = keys_int(rejects, "max_rows", -1);
	take_index(j, index, "$.index", r);
	take_filter(j, root, dir_fd, r);
	take_vars(j, root, r);
	j->lenient = says(root, "compat", "logstash-8.6");
}

static void parse_seed(struct job *j, const json_t *root, struct keys_report *r)
{
	const json_t *filebeat = json_object_get(root, "filebeat_config_args");
	const json_t *pipeline = json_object_get(root, "logstash_pipeline_config_args");

	keys_check(root, "$", &job_seed_table, r);
	j->seed_form = true;
	j->client_id = keys_string(root, "client_id", NULL);
	j->job_name = keys_string(root, "job_name", NULL);
	take_pattern(j, filebeat, "$.filebeat_config_args", "filename_pattern", r);
	j->trigger = TRIGGER_MANUAL;
	j->index_name = keys_string(pipeline, "index_name", j->name);
	j->filter = keys_string(pipeline, "filter", "");
	j->vars_json = xstrdup("{}");
	j->sinks = xcalloc(1, sizeof(char *));
	j->rejects.max_ratio = RATIO_DEFAULT;
	j->rejects.max_rows = -1;
	take_index(j, json_object_get(root, "elasticsearch_index_config"),
		   "$.elasticsearch_index_config", r);
}

static char *stem_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	struct span name = span_of(slash ? slash + 1 : file);

	if (span_ends(name, SPAN_LITERAL(".json")))
		name.n -= strlen(".json");
	return xstrndup(name.p, name.n);
}

struct job *job_read(struct span text, const char *file, int dir_fd, struct strbuf *errors)
{
	struct keys_report r = {.file = file, .errors = errors};
	struct job *j = xcalloc(1, sizeof(*j));
	json_t *root = keys_load(text, &r);

	j->refs = 1;
	j->name = stem_of(file);
	mapping_init(&j->mapping);
	if (!job_name_valid(span_of(j->name)))
		keys_error(&r, "$", "a job's file is named [A-Za-z0-9][A-Za-z0-9_.-]{0,62}.json");
	if (root && keys_any_of(root, &job_seed_table, &job_table))
		parse_seed(j, root, &r);
	else if (root)
		parse_own(j, root, dir_fd, &r);
	if (!j->filter_origin)
		j->filter_origin = xasprintf("jobs/%s.json filter", j->name);
	j->wrong = r.count > 0;
	if (!root)
		job_unref(&j);
	json_decref(root);
	return j;
}

bool job_matches(const struct job *j, const char *name)
{
	struct name_format n = format_of_name(name);
	char *bare;
	bool found;

	if (fnmatch(j->pattern, name, 0) == 0)
		return true;
	if (!n.layers)
		return false;
	bare = xstrndup(name, n.bare);
	found = fnmatch(j->pattern, bare, 0) == 0;
	free(bare);
	return found;
}

const char *job_trigger_name(enum job_trigger t)
{
	switch (t) {
	case TRIGGER_ARRIVAL:
		return "arrival";
	case TRIGGER_MANUAL:
		return "manual";
	case TRIGGER_MANIFEST:
		return "manifest";
	}
	return "";
}

/*
 * manifest - NAME.manifest.json, what a sender states of one file or of a run's; see the header
 *
 * Called in a worker.  Read by tables of keys as a profile is, so that an unknown key has its nearest right one.
 */
#include "watcher/base/base.h"
#include "watcher/model/manifest.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/map.h"
#include "watcher/model/keys.h"
#include "watcher/model/sidecar.h"

#define SIZE_MAX_JSON 9007199254740992.0 /* 2^53 */

static const struct key manifest_keys[] = {
	{.name = "files", .type = KEY_ARRAY, .required = true},
	{.name = "job", .type = KEY_STRING, .min = 1, .max = 255},
};
static const struct key file_keys[] = {
	{.name = "name", .type = KEY_STRING, .required = true, .min = 1, .max = 255},
	{.name = "size", .type = KEY_INT, .required = true, .min = 0, .max = SIZE_MAX_JSON},
	{.name = "sha256", .type = KEY_STRING, .required = true, .min = 64, .max = 64},
	{.name = "rows", .type = KEY_INT, .min = 0, .max = SIZE_MAX_JSON},
};
static const struct key_table manifest_table = {"a manifest", manifest_keys, ARRAY_LEN(manifest_keys), {NULL, NULL}};
static const struct key_table file_table = {"a manifest's file", file_keys, ARRAY_LEN(file_keys), {NULL, NULL}};

static void take_digest(const char *hex, const char *path, struct manifest *m, struct keys_report *r)
{
	char small[DIGEST_HEX] = "";

	for (size_t i = 0; hex[i] && i < sizeof(small) - 1; i++)
		small[i] = hex[i] >= 'A' && hex[i] <= 'F' ? (char)(hex[i] + 32) : hex[i];
	if (strlen(hex) == DIGEST_HEX - 1 && !digest_parse_hex(span_of(small), m->sha256))
		keys_error(r, path, "\"%.64s\"; allowed: 64 hexadecimal digits", hex);
}

/* Its bare name, or NULL: the report has why. */
static const char *take_file(const json_t *o, size_t at, struct manifest *m, struct keys_report *r)
{
	const char *hex = json_string_value(json_object_get(o, "sha256"));
	const char *name = json_string_value(json_object_get(o, "name"));
	char path[64], inner[80];

	snprintf(path, sizeof(path), "$.files[%zu]", at);
	if (!json_is_object(o)) {
		keys_error(r, path, "not an object; allowed: name, size, sha256, rows");
		return NULL;
	}
	keys_check(o, path, &file_table, r);
	if (name && !fs_is_bare_name(span_of(name))) {
		snprintf(inner, sizeof(inner), "%s.name", path);
		keys_error(r, inner, "\"%.200s\"; allowed: the bare name of a file beside the manifest", name);
		name = NULL;
	}
	snprintf(inner, sizeof(inner), "%s.sha256", path);
	if (hex)
		take_digest(hex, inner, m, r);
	m->size = (uint64_t)keys_int(o, "size", 0);
	m->has_rows = json_is_integer(json_object_get(o, "rows"));
	m->rows = (uint64_t)keys_int(o, "rows", 0);
	return name;
}

static json_t *load(struct span text, struct keys_report *r)
{
	json_t *root = keys_load(text, r);

	if (root)
		keys_check(root, "$", &manifest_table, r);
	return root;
}

/* The first error says it; -1: there is one. */
static int report(const struct keys_report *r, struct fault *f)
{
	if (!r->count)
		return 0;
	return fault_set(f, FAULT_DATA, "%.*s", (int)strcspn(r->errors->p, "\n"), r->errors->p);
}

/* --- beside its file --- */

#define ALONE \
	"; beside a file it is of that file alone: one that starts a run is for a job with \"trigger\": \"manifest\", under a name that " \
	"no other job takes"

static void take_one(const json_t *root, const char *file, struct manifest *m, struct keys_report *r)
{
	const json_t *files = json_object_get(root, "files"), *job = json_object_get(root, "job");
	const char *name;

	if (json_is_string(job))
		keys_error(r, "$.job", "\"%.200s\"" ALONE, json_string_value(job));
	if (json_array_size(files) > 1)
		keys_error(r, "$.files", "%zu files" ALONE, json_array_size(files));
	else if (json_is_array(files) && !json_array_size(files))
		keys_error(r, "$.files", "empty; allowed: the file whose manifest this is");
	if (json_array_size(files) != 1)
		return;
	name = take_file(json_array_get(files, 0), 0, m, r);
	if (name && strcmp(name, file) != 0)
		keys_error(r, "$.files[0].name", "\"%.200s\"; allowed: \"%.200s\", the file whose manifest this is", name, file);
}

int manifest_parse(struct span text, const char *file, struct manifest *out, struct fault *f)
{
	struct strbuf errors = STRBUF_INIT;
	char *name = xasprintf("%s" MANIFEST_SUFFIX, file);
	struct keys_report r = {.file = name, .errors = &errors};
	struct manifest m = {0};
	json_t *root = load(text, &r);
	int result;

	if (root)
		take_one(root, file, &m, &r);
	json_decref(root);
	result = report(&r, f);
	if (result == 0)
		*out = m;
	free(name);
	strbuf_release(&errors);
	return result;
}

/* --- of a run --- */

static void take_all(const json_t *root, struct manifest_run *run, struct keys_report *r)
{
	const json_t *files = json_object_get(root, "files");
	size_t count = json_array_size(files);
	struct map seen;

	if (!json_object_get(root, "job"))
		keys_error(r, "$.job", "missing; allowed: the job with \"trigger\": \"manifest\" that is to take the files");
	if (json_is_array(files) && !count)
		keys_error(r, "$.files", "empty; allowed: the files of the run");
	if (count > MANIFEST_RUN_FILES) {
		keys_error(r, "$.files", "%zu files; allowed: at most %d, the others in a run of their own", count, MANIFEST_RUN_FILES);
		return;
	}
	run->names = xcalloc(count + 1, sizeof(*run->names));
	run->files = xcalloc(count + 1, sizeof(*run->files));
	map_init(&seen);
	for (size_t i = 0; i < count && r->count < KEYS_ERRORS; i++) {
		const char *name = take_file(json_array_get(files, i), i, &run->files[run->count], r);
		char path[64];

		if (!name)
			continue;
		if (map_get(&seen, span_of(name))) {
			snprintf(path, sizeof(path), "$.files[%zu].name", i);
			keys_error(r, path, "\"%.200s\" stands there twice; allowed: each file once", name);
			continue;
		}
		map_put(&seen, span_of(name), run);
		run->names[run->count++] = xstrdup(name);
	}
	map_release(&seen);
}

int manifest_run_parse(struct span text, const char *name, struct manifest_run *out, struct fault *f)
{
	struct strbuf errors = STRBUF_INIT;
	struct keys_report r = {.file = name, .errors = &errors};
	struct manifest_run run = {0};
	json_t *root = load(text, &r);
	int result;

	if (root) {
		take_all(root, &run, &r);
		run.job = keys_string(root, "job", "");
	}
	json_decref(root);
	result = report(&r, f);
	if (result == 0)
		*out = run;
	else
		manifest_run_release(&run);
	strbuf_release(&errors);
	return result;
}

const struct manifest *manifest_run_find(const struct manifest_run *run, const char *file)
{
	for (size_t i = 0; i < run->count; i++)
		if (strcmp(run->names[i], file) == 0)
			return &run->files[i];
	return NULL;
}

void manifest_run_release(struct manifest_run *run)
{
	for (size_t i = 0; i < run->count; i++)
		free(run->names[i]);
	free(run->names);
	free(run->files);
	free(run->job);
	memset(run, 0, sizeof(*run));
}

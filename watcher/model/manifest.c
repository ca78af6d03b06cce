/*
 * manifest - NAME.manifest.json, what the sender of NAME states of it; see the header
 *
 * Called in a worker.  Read by tables of keys as a profile is, so that an unknown key has its nearest right one.
 */
#include "watcher/base/base.h"
#include "watcher/model/manifest.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/keys.h"
#include "watcher/model/sidecar.h"

#define SIZE_MAX_JSON 9007199254740992.0 /* 2^53 */

static const struct key manifest_keys[] = {
	{.name = "files", .type = KEY_ARRAY, .required = true},
	{.name = "job", .type = KEY_STRING, .later = "*"},
};
static const struct key file_keys[] = {
	{.name = "name", .type = KEY_STRING, .required = true, .min = 1, .max = 255},
	{.name = "size", .type = KEY_INT, .required = true, .min = 0, .max = SIZE_MAX_JSON},
	{.name = "sha256", .type = KEY_STRING, .required = true, .min = 64, .max = 64},
	{.name = "rows", .type = KEY_INT, .min = 0, .max = SIZE_MAX_JSON},
};
static const struct key_table manifest_table = {"a manifest", manifest_keys, ARRAY_LEN(manifest_keys), {NULL, NULL}};
static const struct key_table file_table = {"a manifest's file", file_keys, ARRAY_LEN(file_keys), {NULL, NULL}};

static void check_name(const char *name, const char *file, struct keys_report *r)
{
	if (!fs_is_bare_name(span_of(name)))
		keys_error(r, "$.files[0].name", "\"%.200s\"; allowed: the bare name of a file beside the manifest", name);
	else if (strcmp(name, file) != 0)
		keys_error(r, "$.files[0].name", "\"%.200s\"; allowed: \"%.200s\", the file whose manifest this is", name, file);
}

static void take_file(const json_t *o, const char *file, struct manifest *m, struct keys_report *r)
{
	const char *hex = json_string_value(json_object_get(o, "sha256"));
	const char *name = json_string_value(json_object_get(o, "name"));
	char small[DIGEST_HEX] = "";

	if (!json_is_object(o)) {
		keys_error(r, "$.files[0]", "not an object; allowed: name, size, sha256, rows");
		return;
	}
	keys_check(o, "$.files[0]", &file_table, r);
	if (name)
		check_name(name, file, r);
	for (size_t i = 0; hex && hex[i] && i < sizeof(small) - 1; i++)
		small[i] = hex[i] >= 'A' && hex[i] <= 'F' ? (char)(hex[i] + 32) : hex[i];
	if (hex && strlen(hex) == 64 && !digest_parse_hex(span_of(small), m->sha256))
		keys_error(r, "$.files[0].sha256", "\"%.64s\"; allowed: 64 hexadecimal digits", hex);
	m->size = (uint64_t)keys_int(o, "size", 0);
	m->has_rows = json_is_integer(json_object_get(o, "rows"));
	m->rows = (uint64_t)keys_int(o, "rows", 0);
}

int manifest_parse(struct span text, const char *file, struct manifest *out, struct fault *f)
{
	struct strbuf errors = STRBUF_INIT;
	char *name = xasprintf("%s" MANIFEST_SUFFIX, file);
	struct keys_report r = {.file = name, .errors = &errors};
	struct manifest m = {0};
	json_t *root = keys_load(text, &r), *files;

	if (root)
		keys_check(root, "$", &manifest_table, &r);
	files = json_object_get(root, "files");
	if (json_array_size(files) > 1)
		keys_error(&r, "$.files", "%zu files: a run of several files is not in this version; give each file a manifest or a "
			   "NAME" SIDECAR_SUFFIX, json_array_size(files));
	else if (json_is_array(files) && !json_array_size(files))
		keys_error(&r, "$.files", "empty; allowed: the file whose manifest this is");
	else if (json_is_array(files))
		take_file(json_array_get(files, 0), file, &m, &r);
	json_decref(root);
	if (errors.n)
		fault_set(f, FAULT_DATA, "%.*s", (int)strcspn(errors.p, "\n"), errors.p);
	else
		*out = m;
	free(name);
	strbuf_release(&errors);
	return r.count ? -1 : 0;
}

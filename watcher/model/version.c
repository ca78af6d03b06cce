/*
 * version - a job version as one canonical JSON text; see the header
 *
 * Written by the daemon, read by the worker.  Keys stand in a fixed order, so equal meaning is equal bytes.
 */
#include "watcher/base/base.h"
#include "watcher/model/version.h"
#include "watcher/base/digest.h"
#include "watcher/base/json_out.h"
#include "watcher/model/keys.h"

void version_write(const struct profile *p, const struct job *j, struct strbuf *text,
		   char hash[VERSION_HASH])
{
	char *index = profile_index_name(p, j);
	size_t from = text->n;
	unsigned char digest[DIGEST_SIZE];
	char long_hash[48];
	struct digest d;

	strbuf_addc(text, '{');
	json_pair_string(text, "tenant", p->tenant);
	json_pair_string(text, "job", j->name);
	json_pair_string(text, "pattern", j->pattern);
	json_pair_u64(text, "format", (uint64_t)j->input.format);
	json_pair_bool(text, "header", j->input.header);
	json_pair_string(text, "filter", j->filter);
	json_pair_string(text, "filter_origin", j->filter_origin);
	json_add_key(text, "vars");
	strbuf_adds(text, j->vars_json);
	json_pair_bool(text, "lenient", j->lenient);
	json_pair_string(text, "index", index);
	json_add_key(text, "mappings");
	strbuf_adds(text, j->mappings_json);
	json_add_key(text, "settings");
	strbuf_adds(text, j->settings_json);
	json_add_key(text, "max_ratio");
	strbuf_addf(text, "%.17g", j->rejects.max_ratio);
	json_pair_i64(text, "max_rows", j->rejects.max_rows);
	json_pair_bool(text, "on_failure_tag_index", j->on_failure_tag_index);
	json_pair_bool(text, "keep_message", j->keep_message);
	/* only what is set: the versions of before keep their hashes */
	if (j->provenance)
		json_pair_bool(text, "provenance", true);
	if (j->start_finish_times)
		json_pair_bool(text, "start_finish_times", true);
	if (j->pipeline)
		json_pair_string(text, "pipeline", j->pipeline);
	if (p->encryption_required)
		json_pair_bool(text, "encryption_required", true);
	json_pair_u64(text, "formats", p->formats);
	json_pair_u64(text, "max_columns", p->max_columns);
	json_pair_u64(text, "max_row_bytes", p->max_row_bytes);
	json_pair_i64(text, "max_file_bytes", p->max_file_bytes);
	strbuf_adds(text, "}\n");
	digest_init(&d);
	digest_add(&d, text->p + from, text->n - from);
	digest_end(&d, digest);
	digest_release(&d);
	base64url_encode(digest, 15, long_hash);
	memcpy(hash, long_hash, VERSION_HASH - 1);
	hash[VERSION_HASH - 1] = '\0';
	free(index);
}

static char *dump(const json_t *v)
{
	char *s = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS);

	return s ? s : xstrdup("{}");
}

static int fill_job(const json_t *root, struct job *j, struct fault *f)
{
	j->refs = 1;
	j->name = keys_string(root, "job", "");
	j->pattern = keys_string(root, "pattern", "");
	j->input.format = (enum input_format)keys_int(root, "format", 0);
	j->input.header = keys_bool(root, "header", false);
	j->filter = keys_string(root, "filter", "");
	j->filter_origin = keys_string(root, "filter_origin", "filter");
	j->vars_json = dump(json_object_get(root, "vars"));
	j->lenient = keys_bool(root, "lenient", false);
	j->index_name = keys_string(root, "index", "");
	j->mappings_json = dump(json_object_get(root, "mappings"));
	j->settings_json = dump(json_object_get(root, "settings"));
	j->rejects.max_ratio = keys_number(root, "max_ratio", 0.10);
	j->rejects.max_rows = keys_int(root, "max_rows", -1);
	j->on_failure_tag_index = keys_bool(root, "on_failure_tag_index", false);
	j->keep_message = keys_bool(root, "keep_message", false);
	j->provenance = keys_bool(root, "provenance", false);
	j->start_finish_times = keys_bool(root, "start_finish_times", false);
	j->pipeline = keys_string(root, "pipeline", NULL);
	mapping_init(&j->mapping);
	return mapping_parse(span_of(j->mappings_json), &j->mapping, f);
}

int version_parse(struct span text, struct version **out, struct fault *f)
{
	json_error_t e;
	json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &e);
	unsigned char digest[DIGEST_SIZE];
	char long_hash[48];
	struct version *v;
	struct digest d;
	int r;

	if (!json_is_object(root)) {
		json_decref(root);
		return fault_set(f, FAULT_SYSTEM, "job version is no JSON object: %s", e.text);
	}
	v = xcalloc(1, sizeof(*v));
	v->job = xcalloc(1, sizeof(*v->job));
	r = fill_job(root, v->job, f);
	v->tenant = keys_string(root, "tenant", "");
	v->formats = (unsigned)keys_int(root, "formats", FORMAT_CSV | FORMAT_TXT);
	v->max_columns = (uint64_t)keys_int(root, "max_columns", 4096);
	v->max_row_bytes = (uint64_t)keys_int(root, "max_row_bytes", 1048576);
	v->max_file_bytes = keys_int(root, "max_file_bytes", -1);
	v->encryption_required = keys_bool(root, "encryption_required", false);
	v->index_pattern = xstrdup(v->job->index_name);
	json_decref(root);
	digest_init(&d);
	digest_add(&d, text.p, text.n);
	digest_end(&d, digest);
	digest_release(&d);
	base64url_encode(digest, 15, long_hash);
	memcpy(v->hash, long_hash, VERSION_HASH - 1);
	if (r < 0) {
		version_free(&v);
		return -1;
	}
	*out = v;
	return 0;
}

void version_free(struct version **vp)
{
	struct version *v = *vp;

	if (!v)
		return;
	job_unref(&v->job);
	free(v->tenant);
	free(v->index_pattern);
	free(v);
	*vp = NULL;
}

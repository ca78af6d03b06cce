/*
 * wish - undo, retry, release and rerun of one file, or rerun of a job's files since a time
 *
 * Commands of commands.def.  One file: the daemon's answer.  Several: an array (a table) with one record a file, `begun` or why not; some
 * refused: partly.
 */
#include "watcher/base/base.h"
#include "watcher/ctl/own.h"
#include "watcher/ctl/table.h"
#include "watcher/base/clock.h"
#include <unistd.h>

#define PAGE 1000

/* /v1/files/ID/VERB or, for a path, /v1/files/-/VERB?path=... */
static void file_path(const char *arg, const char *verb, struct strbuf *out)
{
	char *whole = strchr(arg, '/') || access(arg, F_OK) == 0 ? realpath(arg, NULL) : NULL;

	strbuf_adds(out, "/v1/files/");
	if (whole)
		strbuf_addc(out, '-');
	else
		api_add_escaped(out, arg);
	strbuf_addf(out, "/%s", verb);
	if (whole) {
		strbuf_adds(out, "?path=");
		api_add_escaped(out, whole);
	}
	free(whole);
}

static int wish_one(const struct ctl_options *o, const char *verb)
{
	struct strbuf path = STRBUF_INIT;
	struct api_reply reply = {0};
	int rc;

	if (o->arg_count != 1)
		return ctl_usage(o);
	file_path(o->args[0], verb, &path);
	rc = ctl_ask(o, "POST", path.p, &reply);
	strbuf_release(&path);
	if (rc != CTL_OK)
		return rc;
	ctl_print(o, reply.json, "");
	api_reply_release(&reply);
	return CTL_OK;
}

int command_retry(const struct ctl_options *o)
{
	return wish_one(o, "retry");
}

int command_release(const struct ctl_options *o)
{
	return wish_one(o, "release");
}

int command_undo(const struct ctl_options *o)
{
	return wish_one(o, "undo");
}

/* --- rerun of many --- */

static const char *text_of(const json_t *record, const char *key)
{
	const char *s = json_string_value(json_object_get(record, key));

	return s ? s : "";
}

/* Adds those of one page, newest first; false: the next page is older than since, or empty. */
static bool take_page(const json_t *page, const char *since, json_t *files)
{
	const json_t *record;
	size_t i;

	json_array_foreach(page, i, record) {
		json_t *copy;

		if (strcmp(text_of(json_object_get(record, "times"), "claimed"), since) < 0)
			return false;
		copy = json_pack("{ss ss}", "id", text_of(record, "id"), "file", text_of(record, "file"));
		json_array_insert_new(files, 0, copy);
	}
	return json_array_size(page) == PAGE;
}

/* Oldest first. */
static int list_done(const struct ctl_options *o, const char *tenant, const char *job, const char *since, json_t *files)
{
	bool more = true;

	while (more) {
		struct strbuf path = STRBUF_INIT;
		struct api_reply reply = {0};
		int rc;

		strbuf_adds(&path, "/v1/files?state=done&tenant=");
		api_add_escaped(&path, tenant);
		strbuf_adds(&path, "&job=");
		api_add_escaped(&path, job);
		strbuf_addf(&path, "&limit=%d", PAGE);
		if (json_array_size(files))
			strbuf_addf(&path, "&before=%s", text_of(json_array_get(files, 0), "id"));
		rc = ctl_ask(o, "GET", path.p, &reply);
		strbuf_release(&path);
		if (rc != CTL_OK)
			return rc;
		more = take_page(reply.json, since, files);
		api_reply_release(&reply);
	}
	return CTL_OK;
}

static int rerun_each(const struct ctl_options *o, json_t *files)
{
	json_t *record;
	size_t i;
	int result = CTL_OK;

	json_array_foreach(files, i, record) {
		struct strbuf path = STRBUF_INIT;
		struct api_reply reply = {0};
		int rc;

		strbuf_addf(&path, "/v1/files/%s/rerun", text_of(record, "id"));
		rc = ctl_ask(o, "POST", path.p, &reply);
		strbuf_release(&path);
		json_object_set_new(record, "begun", json_boolean(rc == CTL_OK));
		api_reply_release(&reply);
		if (rc == CTL_UNREACHABLE)
			return rc;
		if (rc != CTL_OK)
			result = CTL_PARTLY;
	}
	return result;
}

static int rerun_many(const struct ctl_options *o)
{
	const char *slash = strchr(o->job, '/');
	char since[CLOCK_TEXT];
	int64_t ms;
	char *tenant;
	json_t *files;
	int rc;

	if (!slash || slash == o->job || !slash[1]) {
		fprintf(stderr, "ingestctl: --job %s is no TENANT/JOB\n", o->job);
		return CTL_USAGE;
	}
	if (!clock_parse(o->since, &ms)) {
		fprintf(stderr, "ingestctl: --since %s is no time; " CLOCK_FORMS " are\n", o->since);
		return CTL_USAGE;
	}
	clock_format(ms, since); /* as record times are written, so that they compare as text */
	tenant = xstrndup(o->job, (size_t)(slash - o->job));
	files = json_array();
	rc = list_done(o, tenant, slash + 1, since, files);
	if (rc == CTL_OK)
		rc = rerun_each(o, files);
	if (rc == CTL_OK || rc == CTL_PARTLY)
		ctl_print(o, files, "id file begun");
	json_decref(files);
	free(tenant);
	return rc;
}

int command_rerun(const struct ctl_options *o)
{
	if (!o->job && !o->since)
		return wish_one(o, "rerun");
	if (!o->job || !o->since || o->arg_count)
		return ctl_usage(o);
	return rerun_many(o);
}

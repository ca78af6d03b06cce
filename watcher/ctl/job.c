/*
 * job - ingestctl's verbs about jobs: job list, show, create, remove, stop
 *
 * Each is one request to the daemon; job start is start.c's.
 */
#include "watcher/base/base.h"
#include "watcher/ctl/own.h"

static int jobs_of(const struct ctl_options *o, const char *tenant, json_t *all)
{
	struct strbuf path = STRBUF_INIT;
	struct api_reply reply = {0};
	int rc;

	strbuf_adds(&path, "/v1/tenants/");
	api_add_escaped(&path, tenant);
	strbuf_adds(&path, "/jobs");
	rc = ctl_ask(o, "GET", path.p, &reply);
	if (rc == CTL_OK) {
		json_array_extend(all, reply.json);
		api_reply_release(&reply);
	}
	strbuf_release(&path);
	return rc;
}

int command_jobs(const struct ctl_options *o)
{
	json_t *all, *row;
	struct api_reply reply = {0};
	int rc = CTL_OK;
	size_t i;

	if (o->arg_count > 1)
		return ctl_usage(o);
	all = json_array();
	if (o->arg_count == 1) {
		rc = jobs_of(o, o->args[0], all);
	} else {
		rc = ctl_ask(o, "GET", "/v1/tenants", &reply);
		json_array_foreach(reply.json, i, row) {
			const char *t = json_string_value(json_object_get(row, "tenant"));

			if (t && rc == CTL_OK)
				rc = jobs_of(o, t, all);
		}
		api_reply_release(&reply);
	}
	if (rc == CTL_OK)
		ctl_print(o, all, "tenant job trigger pattern index state reason");
	json_decref(all);
	return rc;
}

bool ctl_job_path(const char *name, const char *tail, struct strbuf *path)
{
	const char *slash = strchr(name, '/');
	char *tenant;

	if (!slash || slash == name || !slash[1])
		return false;
	tenant = xstrndup(name, (size_t)(slash - name));
	strbuf_adds(path, "/v1/tenants/");
	api_add_escaped(path, tenant);
	strbuf_adds(path, "/jobs/");
	api_add_escaped(path, slash + 1);
	strbuf_adds(path, tail);
	free(tenant);
	return true;
}

static int ask_of_job(const struct ctl_options *o, const char *method, const char *tail)
{
	struct strbuf path = STRBUF_INIT;
	int rc;

	if (o->arg_count != 1 || !ctl_job_path(o->args[0], tail, &path))
		return ctl_usage(o);
	rc = ctl_ask_and_print(o, method, path.p, "");
	strbuf_release(&path);
	return rc;
}

int command_job_show(const struct ctl_options *o)
{
	return ask_of_job(o, "GET", "");
}

int command_job_stop(const struct ctl_options *o)
{
	return ask_of_job(o, "POST", "/stop");
}

int command_job_remove(const struct ctl_options *o)
{
	return ask_of_job(o, "DELETE", "");
}

int command_job_create(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	int rc;

	if (o->arg_count != 2 || !ctl_job_path(o->args[0], "", &path))
		return ctl_usage(o);
	rc = ctl_put_file(o, path.p, o->args[1]);
	strbuf_release(&path);
	return rc;
}

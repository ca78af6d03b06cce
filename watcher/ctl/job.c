/*
 * job - ingestctl's verbs about jobs: job list, show, create, remove, stop
 *
 * Each is one request to the daemon; job start is start.c's.
 */
#include "watcher/base/base.h"
#include "watcher/base/fsutil.h"
#include "watcher/ctl/own.h"
#include "watcher/model/keys.h"

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
	json_t *all = json_array(), *row;
	struct api_reply reply = {0};
	int rc = CTL_OK;
	size_t i;

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

static int ask_and_print(const struct ctl_options *o, const char *method, const char *path)
{
	struct api_reply reply = {0};
	int rc = ctl_ask(o, method, path, &reply);

	if (rc != CTL_OK)
		return rc;
	ctl_print(o, reply.json, "");
	api_reply_release(&reply);
	return CTL_OK;
}

int command_job_show(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	int rc;

	if (o->arg_count != 1 || !ctl_job_path(o->args[0], "", &path))
		return ctl_usage("job show T/J");
	rc = ask_and_print(o, "GET", path.p);
	strbuf_release(&path);
	return rc;
}

int command_job_stop(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	int rc;

	if (o->arg_count != 1 || !ctl_job_path(o->args[0], "/stop", &path))
		return ctl_usage("job stop T/J");
	rc = ask_and_print(o, "POST", path.p);
	strbuf_release(&path);
	return rc;
}

int command_job_remove(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	int rc;

	if (o->arg_count != 1 || !ctl_job_path(o->args[0], "", &path))
		return ctl_usage("job remove T/J");
	rc = ask_and_print(o, "DELETE", path.p);
	strbuf_release(&path);
	return rc;
}

int command_job_create(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT, text = STRBUF_INIT;
	struct api_reply reply = {0};
	struct fault f = FAULT_INIT;
	int rc;

	if (o->arg_count != 2 || !ctl_job_path(o->args[0], "", &path))
		return ctl_usage("job create T/J FILE");
	if (fs_read_argument(strcmp(o->args[1], "-") == 0 ? "/dev/stdin" : o->args[1], KEYS_FILE_MAX, &text, &f) < 0) {
		fprintf(stderr, "ingestctl: %s\n", f.text);
		rc = CTL_USAGE;
	} else {
		rc = ctl_send(o, "PUT", path.p, strbuf_span(&text), &reply);
	}
	if (rc == CTL_OK)
		ctl_print(o, reply.json, "");
	api_reply_release(&reply);
	strbuf_release(&text);
	strbuf_release(&path);
	return rc;
}

/* Without a file the daemon makes a profile to begin with. */
int command_tenant_add(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT, text = STRBUF_INIT;
	struct api_reply reply = {0};
	struct fault f = FAULT_INIT;
	int rc;

	if (o->arg_count != 1 && o->arg_count != 2)
		return ctl_usage("tenant add T [FILE|-]");
	strbuf_adds(&path, "/v1/tenants/");
	api_add_escaped(&path, o->args[0]);
	if (o->arg_count == 2 &&
	    fs_read_argument(strcmp(o->args[1], "-") == 0 ? "/dev/stdin" : o->args[1], KEYS_FILE_MAX, &text, &f) < 0) {
		fprintf(stderr, "ingestctl: %s\n", f.text);
		rc = CTL_USAGE;
	} else {
		rc = ctl_send(o, "PUT", path.p, strbuf_span(&text), &reply);
	}
	if (rc == CTL_OK)
		ctl_print(o, reply.json, "");
	api_reply_release(&reply);
	strbuf_release(&text);
	strbuf_release(&path);
	return rc;
}

int command_tenant_remove(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	struct api_reply reply = {0};
	int rc;

	if (o->arg_count != 1)
		return ctl_usage("tenant remove T");
	strbuf_adds(&path, "/v1/tenants/");
	api_add_escaped(&path, o->args[0]);
	rc = ctl_ask(o, "DELETE", path.p, &reply);
	strbuf_release(&path);
	if (rc == CTL_OK)
		ctl_print(o, reply.json, "");
	api_reply_release(&reply);
	return rc;
}

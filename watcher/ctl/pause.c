/*
 * pause - pause, resume and drain
 *
 * Each is one request to the daemon; drain asks on until nothing is in work any more.
 */
#include "watcher/base/base.h"
#include "watcher/ctl/own.h"
#include <unistd.h>

#define LOOK_US 100000

/* T, T/J or sink NAME -> the path with its verb; false: none of them. */
static bool path_of(const struct ctl_options *o, const char *verb, struct strbuf *path)
{
	bool sink = o->arg_count == 2 && strcmp(o->args[0], "sink") == 0;

	if (!sink && o->arg_count != 1)
		return false;
	if (!sink && strchr(o->args[0], '/'))
		return ctl_job_path(o->args[0], verb, path);
	strbuf_adds(path, sink ? "/v1/sinks/" : "/v1/tenants/");
	api_add_escaped(path, o->args[o->arg_count - 1]);
	strbuf_adds(path, verb);
	return true;
}

static int ask(const struct ctl_options *o, const char *verb)
{
	struct strbuf path = STRBUF_INIT;
	int rc = CTL_USAGE;

	if (path_of(o, verb, &path)) {
		ctl_add_query(&path, "reason", o->reason);
		rc = ctl_ask_and_print(o, "POST", path.p, "");
	} else {
		(void)ctl_usage(o);
	}
	strbuf_release(&path);
	return rc;
}

int command_pause(const struct ctl_options *o)
{
	return ask(o, "/pause");
}

int command_resume(const struct ctl_options *o)
{
	return o->arg_count ? ask(o, "/resume") : ctl_ask_and_print(o, "POST", "/v1/resume", "");
}

/* What is left behind, of all tenants. */
static json_t *left(const json_t *status)
{
	json_int_t queued = 0, waiting = 0;
	const json_t *tenant;
	size_t i;

	json_array_foreach(json_object_get(status, "tenants"), i, tenant) {
		queued += json_integer_value(json_object_get(tenant, "queued"));
		waiting += json_integer_value(json_object_get(tenant, "waiting"));
	}
	return json_pack("{sO sI sI}", "state", json_object_get(status, "state"), "queued", queued, "waiting", waiting);
}

/* Until somebody resumes it, too. */
static int wait_drained(const struct ctl_options *o, struct api_reply *reply)
{
	int rc;

	while ((rc = ctl_ask(o, "GET", "/v1/status", reply)) == CTL_OK) {
		const char *state = json_string_value(json_object_get(reply->json, "state"));

		if (!state || strcmp(state, "draining") != 0)
			return rc;
		api_reply_release(reply);
		usleep(LOOK_US);
	}
	return rc;
}

int command_drain(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	struct api_reply reply = {0};
	json_t *v;
	int rc;

	if (o->arg_count)
		return ctl_usage(o);
	strbuf_adds(&path, "/v1/drain");
	ctl_add_query(&path, "reason", o->reason);
	rc = ctl_ask(o, "POST", path.p, &reply);
	strbuf_release(&path);
	api_reply_release(&reply);
	if (rc == CTL_OK)
		rc = wait_drained(o, &reply);
	if (rc != CTL_OK)
		return rc;
	v = left(reply.json);
	ctl_print(o, v, "");
	rc = strcmp(json_string_value(json_object_get(v, "state")), "drained") == 0 ? CTL_OK : CTL_PARTLY;
	json_decref(v);
	api_reply_release(&reply);
	return rc;
}

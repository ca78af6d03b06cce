/*
 * commands - ingestctl's verbs that ask the daemon; see the header
 *
 * Most are one GET and a table.  Those about jobs are in job.c and start.c, those about tenants in tenant.c.
 */
#include "watcher/base/base.h"
#include "watcher/base/fsutil.h"
#include "watcher/ctl/own.h"
#include "watcher/ctl/table.h"
#include "watcher/model/keys.h"
#include <unistd.h>

int ctl_config(const struct ctl_options *o, struct config **out, struct strbuf *errors)
{
	struct fault f = FAULT_INIT;
	char *file = NULL;
	int r = config_find(o->config, &file, &f);

	if (r < 0)
		strbuf_addf(errors, "%s\n", f.text);
	else
		r = config_load(file, out, errors);
	free(file);
	return r;
}

/* The socket's path from the configuration; malloc'ed, or NULL with the errors printed. */
static char *socket_path(const struct ctl_options *o)
{
	struct strbuf errors = STRBUF_INIT;
	struct config *c = NULL;
	char *path = NULL;

	if (ctl_config(o, &c, &errors) < 0)
		fprintf(stderr, "ingestctl: %s", errors.p);
	else
		path = xstrdup(c->admin.socket);
	config_free(&c);
	strbuf_release(&errors);
	return path;
}

/* Several errors are a list; one is the sentence. */
static void say_refused(const json_t *problem)
{
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const json_t *errors = json_object_get(problem, "errors"), *line;
	size_t i;

	if (!json_array_size(errors))
		fprintf(stderr, "ingestctl: %s\n", detail ? detail : "refused");
	json_array_foreach(errors, i, line)
		fprintf(stderr, "ingestctl: %s\n", json_string_value(line) ? json_string_value(line) : "");
}

int ctl_ask(const struct ctl_options *o, const char *method, const char *path, struct api_reply *reply)
{
	return ctl_send(o, method, path, SPAN_NONE, reply);
}

int ctl_send(const struct ctl_options *o, const char *method, const char *path, struct span body, struct api_reply *reply)
{
	struct fault f = FAULT_INIT;
	char *socket = socket_path(o);
	int r;

	if (!socket)
		return CTL_USAGE;
	r = api_call(socket, method, path, body, reply, &f);
	free(socket);
	if (r < 0) {
		fprintf(stderr, "ingestctl: %s\n", f.text);
		return CTL_UNREACHABLE;
	}
	if (reply->status >= 400) {
		say_refused(reply->json);
		api_reply_release(reply);
		return CTL_REFUSED;
	}
	return CTL_OK;
}

static void print_json(const json_t *v)
{
	/* 15 digits: what the daemon wrote with three comes out as it was */
	json_dumpf(v, stdout, JSON_INDENT(1) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	fputc('\n', stdout);
}

void ctl_print(const struct ctl_options *o, const json_t *v, const char *columns)
{
	if (o->json)
		print_json(v);
	else if (json_is_array(v))
		table_print(stdout, v, columns);
	else
		object_print(stdout, v);
}

/* One request; a list becomes a table of the columns, an object lines. */
int ctl_ask_and_print(const struct ctl_options *o, const char *method, const char *path, const char *columns)
{
	struct api_reply reply = {0};
	int rc = ctl_ask(o, method, path, &reply);

	if (rc != CTL_OK)
		return rc;
	ctl_print(o, reply.json, columns);
	api_reply_release(&reply);
	return CTL_OK;
}

int ctl_put_file(const struct ctl_options *o, const char *path, const char *file)
{
	struct strbuf text = STRBUF_INIT;
	struct api_reply reply = {0};
	struct fault f = FAULT_INIT;
	int rc;

	if (file && fs_read_argument(strcmp(file, "-") == 0 ? "/dev/stdin" : file, KEYS_FILE_MAX, &text, &f) < 0) {
		fprintf(stderr, "ingestctl: %s\n", f.text);
		rc = CTL_USAGE;
	} else {
		rc = ctl_send(o, "PUT", path, strbuf_span(&text), &reply);
	}
	if (rc == CTL_OK)
		ctl_print(o, reply.json, "");
	api_reply_release(&reply);
	strbuf_release(&text);
	return rc;
}

int ctl_usage(const struct ctl_options *o)
{
	fprintf(stderr, "ingestctl: usage: ingestctl %s%s%s\n", o->words, o->arguments[0] ? " " : "", o->arguments);
	return CTL_USAGE;
}

/* One row under the other tables. */
static void print_row(const json_t *row, const char *columns)
{
	json_t *list = json_pack("[O]", row);

	table_print(stdout, list, columns);
	json_decref(list);
}

static bool is_well(const json_t *disk)
{
	const char *state = json_string_value(json_object_get(disk, "state"));

	return state && strcmp(state, "well") == 0;
}

/* What lies in in/ and is not taken, of all tenants, with what can be done about it. */
static void print_lying(const json_t *tenants)
{
	json_t *all = json_array(), *tenant;
	size_t i;

	json_array_foreach(tenants, i, tenant)
		json_array_extend(all, json_object_get(tenant, "lying_files"));
	if (json_array_size(all))
		table_print(stdout, all, "tenant file rule since reason remedy");
	json_decref(all);
}

int command_status(const struct ctl_options *o)
{
	struct api_reply reply = {0};
	const json_t *tenants, *records, *disk;
	int rc = o->arg_count ? ctl_usage(o) : ctl_ask(o, "GET", "/v1/status", &reply);

	if (rc != CTL_OK)
		return rc;
	if (o->json) {
		print_json(reply.json);
	} else {
		tenants = json_object_get(reply.json, "tenants");
		table_print(stdout, tenants,
			    "tenant state arriving queued running waiting held last_file last_state reason");
		print_lying(tenants);
		table_print(stdout, json_object_get(reply.json, "sinks"),
			    "sink type state credential index waiting fault reason");
		records = json_object_get(reply.json, "records");
		if (json_is_string(json_object_get(records, "store")))
			print_row(records, "store database state backlog oldest refused fault reason");
		if (json_array_size(json_object_get(records, "kept")))
			table_print(stdout, json_object_get(records, "kept"), "kind key since reason");
		if (json_array_size(json_object_get(reply.json, "webhooks")))
			table_print(stdout, json_object_get(reply.json, "webhooks"), "webhook state backlog last_told since reason");
		if (json_array_size(json_object_get(reply.json, "pauses")))
			table_print(stdout, json_object_get(reply.json, "pauses"), "what name since reason");
		disk = json_object_get(reply.json, "disk");
		if (!is_well(disk))
			print_row(disk, "folder state free_bytes min_free_bytes largest_tenant largest_tenant_bytes reason");
		print_row(json_object_get(reply.json, "containment"), "daemon_user worker_user landlock kernel_lacks");
	}
	api_reply_release(&reply);
	return CTL_OK;
}

void ctl_add_query(struct strbuf *sb, const char *key, const char *value)
{
	if (!value)
		return;
	strbuf_addc(sb, strchr(sb->p, '?') ? '&' : '?');
	strbuf_addf(sb, "%s=", key);
	api_add_escaped(sb, value);
}

int command_files(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	int rc;

	if (o->arg_count)
		return ctl_usage(o);
	strbuf_adds(&path, "/v1/files");
	ctl_add_query(&path, "tenant", o->tenant);
	ctl_add_query(&path, "state", o->state);
	ctl_add_query(&path, "limit", o->limit);
	rc = ctl_ask_and_print(o, "GET", path.p,
			   "id tenant job file state rows.read rows.indexed rows.rejected reason");
	strbuf_release(&path);
	return rc;
}

int command_show(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	char *whole = NULL;
	int rc;

	if (o->arg_count != 1)
		return ctl_usage(o);
	if (strchr(o->args[0], '/') || access(o->args[0], F_OK) == 0)
		whole = realpath(o->args[0], NULL);
	strbuf_adds(&path, "/v1/files/");
	if (whole) {
		strbuf_addc(&path, '-');
		ctl_add_query(&path, "path", whole);
	} else {
		api_add_escaped(&path, o->args[0]);
	}
	rc = ctl_ask_and_print(o, "GET", path.p, "");
	strbuf_release(&path);
	free(whole);
	return rc;
}

int command_runs(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	int rc;

	if (o->arg_count > 1)
		return ctl_usage(o);
	strbuf_adds(&path, "/v1/runs");
	if (o->arg_count == 1) {
		strbuf_addc(&path, '/');
		api_add_escaped(&path, o->args[0]);
	}
	ctl_add_query(&path, "tenant", o->tenant);
	ctl_add_query(&path, "limit", o->limit);
	rc = ctl_ask_and_print(o, "GET", path.p, "run tenant job trigger state files done failed reason");
	strbuf_release(&path);
	return rc;
}

/* A profile that is refused leaves its tenant under the one before: partly. */
int command_reload(const struct ctl_options *o)
{
	struct api_reply reply = {0};
	int rc = o->arg_count ? ctl_usage(o) : ctl_ask(o, "POST", "/v1/reload", &reply);

	if (rc != CTL_OK)
		return rc;
	if (json_array_size(json_object_get(reply.json, "refused")))
		rc = CTL_PARTLY;
	ctl_print(o, reply.json, "");
	api_reply_release(&reply);
	return rc;
}

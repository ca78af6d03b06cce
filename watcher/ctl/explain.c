/*
 * explain - ingestctl explain PATH: the daemon's rule, and who has the file open
 *
 * The daemon says which rule keeps the file (model/rules.def); for one that is open, the processes are looked for here, with the rights of
 * whoever asks.
 */
#include "watcher/base/base.h"
#include "watcher/ctl/own.h"
#include "watcher/ctl/table.h"
#include "watcher/ctl/writers.h"

/* The folder's real path and the name as given: a link is asked about, not what it points to, and the name may be gone. */
static char *real_folder_of(const char *path)
{
	struct strbuf at = STRBUF_INIT;
	const char *slash = strrchr(path, '/');
	char *folder;

	strbuf_add(&at, path, slash ? (size_t)(slash - path) + 1 : 0);
	folder = realpath(slash ? at.p : ".", NULL);
	strbuf_reset(&at);
	if (folder)
		strbuf_addf(&at, "%s/%s", folder, slash ? slash + 1 : path);
	free(folder);
	return at.n ? strbuf_detach(&at) : NULL;
}

static bool is_open(const json_t *explanation)
{
	const char *rule = json_string_value(json_object_get(explanation, "rule"));

	return rule && strcmp(rule, "open") == 0;
}

/* For people the processes stand below the rest, a line each. */
static void print_explanation(const struct ctl_options *o, json_t *explanation, const json_t *list, size_t hidden)
{
	if (o->json) {
		ctl_print(o, explanation, "");
		return;
	}
	json_object_del(explanation, "processes");
	object_print(stdout, explanation);
	if (json_array_size(list))
		table_print(stdout, list, "pid program how");
	if (hidden)
		printf("%zu processes could not be looked into: ask as root\n", hidden);
}

int command_explain(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	struct api_reply reply = {0};
	json_t *list = NULL;
	size_t hidden = 0;
	char *whole;
	int rc;

	if (o->arg_count != 1)
		return ctl_usage(o);
	whole = real_folder_of(o->args[0]);
	strbuf_adds(&path, "/v1/explain");
	ctl_add_query(&path, "path", whole ? whole : o->args[0]);
	rc = ctl_ask(o, "GET", path.p, &reply);
	if (rc == CTL_OK) {
		list = is_open(reply.json) ? writers_of(o->args[0], &hidden) : json_array();
		json_object_set(reply.json, "processes", list);
		print_explanation(o, reply.json, list, hidden);
		json_decref(list);
		api_reply_release(&reply);
	}
	strbuf_release(&path);
	free(whole);
	return rc;
}

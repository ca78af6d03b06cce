/*
 * stats - ingestctl stats: what became of the files of a time, as tables or JSON
 *
 * One request to the daemon, which has a child of its read the journal.  A table for the whole, one for each way to divide it, one for the
 * reasons; those without a line are left out.
 */
#include "watcher/base/base.h"
#include "watcher/ctl/own.h"
#include "watcher/ctl/table.h"

#define FIGURES \
	"files done failed held duplicate success_rate rows.indexed rows_per_second bytes_per_second" \
	" arrival_to_indexed.p50 arrival_to_indexed.p95 arrival_to_indexed.p99"

static void print_tables(json_t *stats)
{
	static const struct {
		const char *list, *columns;
	} tables[] = {
		{"tenants", "tenant " FIGURES},
		{"jobs", "tenant job " FIGURES},
		{"hours", "hour " FIGURES},
		{"reasons", "files reason"},
	};
	const json_t *runs;
	json_t *total = json_pack("[O]", json_object_get(stats, "total"));

	table_print(stdout, total, FIGURES);
	json_decref(total);
	runs = json_object_get(stats, "runs");
	if (json_array_size(json_object_get(runs, "reasons"))) {
		puts("\nfailed runs");
		table_print(stdout, json_object_get(runs, "reasons"), "runs reason");
	}
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		const json_t *list = json_object_get(stats, tables[i].list);

		if (!json_array_size(list))
			continue;
		printf("\n%s\n", tables[i].list);
		table_print(stdout, list, tables[i].columns);
	}
}

int command_stats(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	struct api_reply reply = {0};
	int rc;

	if (o->arg_count)
		return ctl_usage(o);
	strbuf_adds(&path, "/v1/stats");
	ctl_add_query(&path, "tenant", o->tenant);
	ctl_add_query(&path, "since", o->since);
	ctl_add_query(&path, "until", o->until);
	rc = ctl_ask(o, "GET", path.p, &reply);
	if (rc == CTL_OK && o->json)
		ctl_print(o, reply.json, NULL);
	else if (rc == CTL_OK)
		print_tables(reply.json);
	api_reply_release(&reply);
	strbuf_release(&path);
	return rc;
}

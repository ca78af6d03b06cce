/*
 * usage - ingestctl usage: what each tenant used, by day or in all; as a table, JSON or CSV
 *
 * One request to the daemon.  CSV has a header, the columns of the JSON's keys, and amounts that need no quoting.
 */
#include "watcher/base/base.h"
#include "watcher/ctl/own.h"

#define COLUMNS "tenant day files rows rows_indexed bytes_in bytes_indexed cpu_seconds storage_byte_days"

static void print_csv_value(const json_t *v)
{
	if (json_is_string(v))
		fputs(json_string_value(v), stdout);
	else if (json_is_integer(v))
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		printf("%.6f", json_real_value(v));
}

static void print_csv(const json_t *list)
{
	static const char *const keys[] = {"tenant", "day", "files", "rows", "rows_indexed", "bytes_in", "bytes_indexed",
					   "cpu_seconds", "storage_byte_days"};
	const json_t *line;
	size_t at;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		printf("%s%s", i ? "," : "", keys[i]);
	putchar('\n');
	json_array_foreach(list, at, line) {
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			if (i)
				putchar(',');
			print_csv_value(json_object_get(line, keys[i]));
		}
		putchar('\n');
	}
}

int command_usage(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	struct api_reply reply = {0};
	int rc;

	if (o->arg_count || (o->csv && o->json))
		return ctl_usage(o);
	strbuf_adds(&path, "/v1/usage");
	ctl_add_query(&path, "tenant", o->tenant);
	ctl_add_query(&path, "day", o->day);
	ctl_add_query(&path, "month", o->month);
	ctl_add_query(&path, "total", o->total ? "true" : NULL);
	rc = ctl_ask(o, "GET", path.p, &reply);
	if (rc == CTL_OK && o->csv)
		print_csv(reply.json);
	else if (rc == CTL_OK)
		ctl_print(o, reply.json, COLUMNS);
	api_reply_release(&reply);
	strbuf_release(&path);
	return rc;
}

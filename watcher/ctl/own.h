/*
 * own - what the files of ingestctl share
 *
 *	ctl_config(o, &config, &errors)             the configuration that -c, the folder or /etc names; config_free
 *	rc = ctl_ask(o, "GET", path, &reply)        one request; what was wrong is on standard error when rc is not CTL_OK
 *	ctl_add_query(&path, "limit", value)        ?limit=VALUE or &limit=VALUE, escaped; nothing for NULL
 *	ctl_print(o, list, "tenant state")          as JSON, as a table of these columns, or as an object's lines
 *	return ctl_usage(o)                         the command's line of commands.def
 *	return ctl_become("ingest-worker", argv)    by exec, the program beside this one; argv[0] is set
 */
#ifndef CTL_OWN_H
#define CTL_OWN_H

#include "watcher/ctl/api.h"
#include "watcher/ctl/commands.h"
#include "watcher/model/config.h"

int ctl_config(const struct ctl_options *o, struct config **out, struct strbuf *errors) MUST_CHECK;
int ctl_ask(const struct ctl_options *o, const char *method, const char *path, struct api_reply *reply);
void ctl_add_query(struct strbuf *sb, const char *key, const char *value);
/* The same with a body. */
int ctl_send(const struct ctl_options *o, const char *method, const char *path, struct span body, struct api_reply *reply);
/* "T/J" -> "/v1/tenants/T/jobs/J" + tail; false: not of that form */
bool ctl_job_path(const char *name, const char *tail, struct strbuf *path);
/* An array becomes a table of these columns, an object lines; with --json it is printed as it is. */
void ctl_print(const struct ctl_options *o, const json_t *v, const char *columns);
int ctl_ask_and_print(const struct ctl_options *o, const char *method, const char *path, const char *columns);
/* PUT of a file, "-" standard input, NULL nothing; the answer is printed. */
int ctl_put_file(const struct ctl_options *o, const char *path, const char *file);
int ctl_usage(const struct ctl_options *o);
int ctl_become(const char *program, char **argv);

#endif

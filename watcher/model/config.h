/*
 * config - ingestd.json
 *
 *	config_find(argument_of_c_or_NULL, &path, &f)      -c FILE, ./ingestd.json, /etc/ingestd/ingestd.json
 *	config_load(path, &c, &errors)                     every error, with JSON path and nearest key
 *	c = config_read(path, &errors)                     the same, for who looks for more errors: c->wrong
 *	config_free(&c)
 *
 * Relative paths are made absolute against the file's folder.  Unknown keys are errors; what this version does not build
 * (ndjson and kafka sinks) is refused by name.
 */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include "watcher/base/fault.h"
#include "watcher/base/log.h"
#include "watcher/base/strbuf.h"

enum sink_type { SINK_SQLITE, SINK_ELASTICSEARCH };

/* Who we are at a sink; the files are absolute paths, of the platform's credentials, or bare names, of a tenant's; NULL: none. */
struct sink_credential {
	char *username;
	char *password_file;
	char *api_key_file;
	char *client_cert_file;
	char *client_key_file;
};

struct sink_config {
	char *name;
	enum sink_type type;
	char *path;  /* sqlite: the folder that holds <tenant>/data.db; absolute */
	char **urls; /* elasticsearch: without a slash at the end */
	size_t url_count;
	char *ca_file; /* absolute; NULL: the system's authorities */
	struct sink_credential credential;
};

/* Where the recorder writes: one of uri and uri_file, or none. */
struct mongodb_config {
	char *uri;
	char *uri_file; /* absolute */
	char *database;
};

/* The HTTP API. */
struct admin_config {
	char *socket;	   /* absolute */
	char *http;	   /* "127.0.0.1:8370"; NULL: no TCP listener */
	char *tokens_file; /* absolute; NULL: none */
	unsigned requests_per_second; /* of one token */
};

/* Who can be told of ends, by name. */
struct webhook_config {
	char *name;
	char *url;
	char *secret_file; /* absolute; NULL: what goes there is not signed */
};

struct config {
	char *file; /* absolute */
	char *staging;
	char *profiles;
	char *logs;
	char *state;
	struct sink_config *sinks;
	size_t sink_count;
	char **default_sinks;
	size_t default_sink_count;
	struct mongodb_config mongodb;
	struct webhook_config *webhooks;
	size_t webhook_count;
	unsigned workers;
	enum log_format log_format;
	unsigned rescan_seconds;
	int64_t min_free_bytes; /* -1: by the size of the filesystem */
	int journal_days; /* -1: for ever */
	char *user;	   /* NULL: whoever starts it */
	char *worker_user; /* NULL: see daemon/privileges.h */
	struct admin_config admin;
	bool wrong; /* read with errors: never to be run with */
};

int config_find(const char *given, char **path, struct fault *f) MUST_CHECK;
int config_load(const char *path, struct config **out, struct strbuf *errors) MUST_CHECK;
/* What can be read of a file with errors; NULL: nothing, it is no JSON. */
struct config *config_read(const char *path, struct strbuf *errors);
void config_free(struct config **c);
const struct sink_config *config_sink(const struct config *c, const char *name);
/* Of one of its urls; the scheme's own where it names none. */
unsigned sink_url_port(const char *url);
const struct webhook_config *config_webhook(const struct config *c, const char *name);
const char *sink_type_name(enum sink_type t);

bool sink_credential_given(const struct sink_credential *c);
void sink_credential_release(struct sink_credential *c);

bool mongodb_on(const struct mongodb_config *m);
/* Read anew at each call; FAULT_KEY.  Ownership: malloc'ed; wipe it. */
int mongodb_uri(const struct mongodb_config *m, char **uri, struct fault *f) MUST_CHECK;

#endif

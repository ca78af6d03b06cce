/*
 * config - ingestd.json; see the header
 *
 * Called by every program at its start.  What a key may hold stands in config_keys.def; here paths are made absolute, once, and
 * sinks are matched with the names that mean them.
 */
#include "watcher/base/base.h"
#include "watcher/model/config.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/nearest.h"
#include "watcher/model/config_admin.h"
#include "watcher/model/config_mongodb.h"
#include "watcher/model/config_sink.h"
#include "watcher/model/config_webhook.h"
#include "watcher/model/tables.h"
#include <errno.h>
#include <unistd.h>

#define STORE_DEFAULT "var/data"
#define SINK_DEFAULT "local"
#define SINK_NAME_MAX 64
#define JOURNAL_DAYS 90

int config_find(const char *given, char **path, struct fault *f)
{
	static const char *const places[] = {"ingestd.json", "/etc/ingestd/ingestd.json"};

	if (given) {
		*path = xstrdup(given);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (access(places[i], F_OK) == 0) {
			*path = xstrdup(places[i]);
			return 0;
		}
	return fault_set(f, FAULT_CONFIG,
			 "no ingestd.json here or in /etc/ingestd; name one with -c FILE");
}

static char *absolute(const char *folder, const json_t *object, const char *key, const char *otherwise)
{
	char *value = keys_string(object, key, otherwise);
	char *path = fs_join(folder, value);

	free(value);
	return path;
}

/* A sink's name stands in receipts, logs and URLs. */
static bool sink_name_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t n = strlen(name);

	return n > 0 && n <= SINK_NAME_MAX && name[0] != '.' && name[0] != '-' &&
	       strspn(name, letters) == n;
}

static void take_path(struct config *c, struct sink_config *s, const json_t *v, const char *folder,
		      const char *where, struct keys_report *r)
{
	s->path = absolute(folder, v, "path", STORE_DEFAULT);
	for (size_t i = 0; i < c->sink_count; i++)
		if (c->sinks[i].path && strcmp(c->sinks[i].path, s->path) == 0)
			keys_error(r, where, "has the same path as sink \"%s\"", c->sinks[i].name);
}

static void take_sink(struct config *c, const char *name, const json_t *v, const char *folder,
		      struct keys_report *r)
{
	struct sink_config *s = &c->sinks[c->sink_count];
	const char *type = json_string_value(json_object_get(v, "type"));
	char *where = keys_path("$.sinks", name);

	if (!sink_name_valid(name))
		keys_error(r, where, "a sink's name has 1 to %d of A-Z a-z 0-9 _ . -", SINK_NAME_MAX);
	s->name = xstrdup(name);
	s->type = type && strcmp(type, "elasticsearch") == 0 ? SINK_ELASTICSEARCH : SINK_SQLITE;
	config_sink_keys(s, v, where, r);
	if (s->type == SINK_SQLITE)
		take_path(c, s, v, folder, where, r);
	else
		config_sink_server(s, v, folder, where, r);
	c->sink_count++;
	free(where);
}

static void take_sinks(struct config *c, const json_t *root, const char *folder,
		       struct keys_report *r)
{
	const json_t *sinks = json_object_get(root, "sinks");
	const char *name;
	json_t *v;

	c->sinks = xcalloc(json_object_size(sinks) + 1, sizeof(*c->sinks));
	json_object_foreach((json_t *)(uintptr_t)sinks, name, v)
		take_sink(c, name, v, folder, r);
	if (!sinks)
		take_sink(c, SINK_DEFAULT, NULL, folder, r);
}

static void check_default(const struct config *c, const char *name, struct keys_report *r)
{
	const char **names, *near;

	if (config_sink(c, name))
		return;
	names = xcalloc(c->sink_count + 1, sizeof(*names));
	for (size_t i = 0; i < c->sink_count; i++)
		names[i] = c->sinks[i].name;
	near = nearest_name(span_of(name), names, c->sink_count);
	keys_error(r, "$.default_sinks", "no sink \"%.80s\" in $.sinks%s%s%s", name,
		   near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	free(names);
}

static void take_defaults(struct config *c, const json_t *root, struct keys_report *r)
{
	c->default_sinks = keys_strings(root, "default_sinks", &c->default_sink_count);
	if (!json_object_get(root, "default_sinks")) {
		bool only = c->sink_count == 1;

		c->default_sinks[0] = xstrdup(only ? c->sinks[0].name : SINK_DEFAULT);
		c->default_sink_count = 1;
	}
	if (!c->default_sink_count) {
		/* said by the table: something stands there for what looks on */
		c->default_sinks[0] = xstrdup(SINK_DEFAULT);
		c->default_sink_count = 1;
		return;
	}
	if (c->default_sink_count > 1)
		keys_error(r, "$.default_sinks", "more than one sink a job: not in this version");
	for (size_t i = 0; i < c->default_sink_count; i++)
		check_default(c, c->default_sinks[i], r);
}

static char *given_string(const json_t *object, const char *key)
{
	return json_object_get(object, key) ? keys_string(object, key, "") : NULL;
}

static void fill(struct config *c, const json_t *root, const char *folder, struct keys_report *r)
{
	const char *format = json_string_value(json_object_get(root, "log_format"));

	c->staging = absolute(folder, root, "staging", "staging");
	c->profiles = absolute(folder, root, "profiles", "profiles");
	c->logs = absolute(folder, root, "logs", "logs");
	c->state = absolute(folder, root, "state", "var");
	c->workers = (unsigned)keys_int(root, "workers", 2);
	c->log_format = format && strcmp(format, "ecs") == 0 ? LOG_FORMAT_ECS : LOG_FORMAT_TEXT;
	c->rescan_seconds = (unsigned)keys_int(root, "rescan_seconds", 60);
	c->user = given_string(root, "user");
	c->worker_user = given_string(root, "worker_user");
	c->min_free_bytes = keys_int(root, "min_free_bytes", -1);
	c->journal_days = json_is_null(json_object_get(root, "journal_days")) ?
				  -1 :
				  (int)keys_int(root, "journal_days", JOURNAL_DAYS);
	config_admin_take(&c->admin, json_object_get(root, "admin"), folder, c->state, r);
	config_mongodb_take(&c->mongodb, json_object_get(root, "mongodb"), folder, r);
	config_webhooks_take(c, json_object_get(root, "webhooks"), folder, r);
	take_sinks(c, root, folder, r);
	take_defaults(c, root, r);
}

static json_t *read_root(struct keys_report *r)
{
	struct strbuf text = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	json_t *root = NULL;

	if (fs_read_file(r->file, KEYS_FILE_MAX, &text, &f) < 0)
		keys_error(r, "$", "%s", f.text);
	else
		root = keys_load(strbuf_span(&text), r);
	strbuf_release(&text);
	return root;
}

struct config *config_read(const char *path, struct strbuf *errors)
{
	struct keys_report r = {.file = path, .errors = errors};
	struct config *c = xcalloc(1, sizeof(*c));
	json_t *root = NULL;

	c->file = realpath(path, NULL);
	if (!c->file) {
		keys_error(&r, "$", "cannot be read: %s", strerror(errno));
	} else {
		r.file = c->file;
		root = read_root(&r);
	}
	if (root) {
		char *folder = xstrndup(c->file, (size_t)(strrchr(c->file, '/') - c->file) + 1);

		keys_check(root, "$", &config_table, &r);
		fill(c, root, folder, &r);
		free(folder);
	} else {
		config_free(&c);
	}
	json_decref(root);
	if (c)
		c->wrong = r.count > 0;
	return c;
}

int config_load(const char *path, struct config **out, struct strbuf *errors)
{
	struct config *c = config_read(path, errors);

	if (!c || c->wrong) {
		config_free(&c);
		return -1;
	}
	*out = c;
	return 0;
}

void config_free(struct config **cp)
{
	struct config *c = *cp;

	if (!c)
		return;
	for (size_t i = 0; i < c->sink_count; i++)
		sink_config_release(&c->sinks[i]);
	free(c->sinks);
	strings_free(c->default_sinks, c->default_sink_count);
	config_mongodb_release(&c->mongodb);
	free(c->file);
	free(c->staging);
	free(c->profiles);
	free(c->logs);
	free(c->state);
	config_admin_release(&c->admin);
	config_webhooks_release(c);
	free(c->user);
	free(c->worker_user);
	free(c);
	*cp = NULL;
}

const struct sink_config *config_sink(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->sink_count; i++)
		if (strcmp(c->sinks[i].name, name) == 0)
			return &c->sinks[i];
	return NULL;
}

const char *sink_type_name(enum sink_type t)
{
	switch (t) {
	case SINK_SQLITE:
		return "sqlite";
	case SINK_ELASTICSEARCH:
		return "elasticsearch";
	}
	return "";
}

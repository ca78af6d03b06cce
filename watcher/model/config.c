/*
 * config - ingestd.json; see the header
 *
 * Called by every program at its start.  Keys stand in tables; paths are made absolute here, once.
 */
#include "watcher/base/base.h"
#include "watcher/model/config.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/keys.h"
#include <unistd.h>

static const struct key top_keys[] = {
	{.name = "staging", .type = KEY_STRING},
	{.name = "profiles", .type = KEY_STRING},
	{.name = "logs", .type = KEY_STRING},
	{.name = "state", .type = KEY_STRING},
	{.name = "sinks", .type = KEY_OBJECT},
	{.name = "default_sinks", .type = KEY_STRINGS},
	{.name = "webhooks", .type = KEY_OBJECT, .later = "*"},
	{.name = "mongodb", .type = KEY_OBJECT, .later = "*"},
	{.name = "workers", .type = KEY_INT, .min = 1, .max = 256},
	{.name = "log_format", .type = KEY_STRING, .choices = "text|ecs"},
	{.name = "rescan_seconds", .type = KEY_INT, .min = 1, .max = 86400},
	{.name = "admin", .type = KEY_OBJECT},
};

static const struct key admin_keys[] = {
	{.name = "socket", .type = KEY_STRING},
	{.name = "http", .type = KEY_ANY, .later = "*"},
	{.name = "tokens_file", .type = KEY_STRING, .choices = ""},
};

static const struct key sink_keys[] = {
	{.name = "type", .type = KEY_STRING, .choices = "sqlite", .later = "elasticsearch|kafka|ndjson"},
	{.name = "path", .type = KEY_STRING},
};

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

static void load_sink(const char *name, const json_t *v, const char *folder, struct config *c,
		      struct strbuf *errors)
{
	char *path = xasprintf("$.sinks.%s", name);
	struct sink_config *s = &c->sinks[c->sink_count];

	if (!json_is_object(v)) {
		keys_error(errors, c->file, path, "must be an object");
	} else if (!keys_among("sqlite", json_string_value(json_object_get(v, "type"))
						 ? json_string_value(json_object_get(v, "type"))
						 : "")) {
		const json_t *type = json_object_get(v, "type");
		const char *word = json_string_value(type);

		if (word && keys_among("elasticsearch|kafka|ndjson", word))
			keys_error(errors, c->file, path, "type \"%s\": not in this version", word);
		else
			keys_error(errors, c->file, path, "type: must be \"sqlite\"");
	} else if (keys_check(v, path, sink_keys, ARRAY_LEN(sink_keys), c->file, errors) == 0) {
		s->name = xstrdup(name);
		s->type = SINK_SQLITE;
		s->path = absolute(folder, v, "path", "var/data");
		c->sink_count++;
	}
	free(path);
}

static void load_sinks(const json_t *root, const char *folder, struct config *c,
		       struct strbuf *errors)
{
	json_t *sinks = json_object_get(root, "sinks");
	const char *name;
	json_t *v;

	c->sinks = xcalloc(json_object_size(sinks) + 1, sizeof(*c->sinks));
	json_object_foreach(sinks, name, v)
		load_sink(name, v, folder, c, errors);
	if (!sinks) {
		c->sinks[0] = (struct sink_config){.name = xstrdup("local"), .type = SINK_SQLITE,
						   .path = fs_join(folder, "var/data")};
		c->sink_count = 1;
	}
	c->default_sinks = keys_strings(root, "default_sinks", &c->default_sink_count);
	if (!json_object_get(root, "default_sinks")) {
		free(c->default_sinks);
		c->default_sinks = xcalloc(1, sizeof(char *));
		c->default_sinks[0] = xstrdup("local");
		c->default_sink_count = 1;
	}
	if (c->default_sink_count != 1)
		keys_error(errors, c->file, "$.default_sinks",
			   "must name one sink; several: not in this version");
	for (size_t i = 0; i < c->default_sink_count && !errors->n; i++)
		if (!config_sink(c, c->default_sinks[i]))
			keys_error(errors, c->file, "$.default_sinks", "no sink \"%s\" in $.sinks",
				   c->default_sinks[i]);
}

static void fill(const json_t *root, const char *folder, struct config *c, struct strbuf *errors)
{
	const json_t *admin = json_object_get(root, "admin");
	char *format = keys_string(root, "log_format", "text");

	c->staging = absolute(folder, root, "staging", "staging");
	c->profiles = absolute(folder, root, "profiles", "profiles");
	c->logs = absolute(folder, root, "logs", "logs");
	c->state = absolute(folder, root, "state", "var");
	c->workers = (unsigned)keys_int(root, "workers", 2);
	c->log_format = strcmp(format, "ecs") == 0 ? LOG_FORMAT_ECS : LOG_FORMAT_TEXT;
	c->rescan_seconds = (unsigned)keys_int(root, "rescan_seconds", 60);
	if (admin && keys_check(admin, "$.admin", admin_keys, ARRAY_LEN(admin_keys), c->file,
				errors) == 0 &&
	    json_object_get(admin, "socket"))
		c->admin_socket = absolute(folder, admin, "socket", NULL);
	else
		c->admin_socket = fs_join(c->state, "ingestd.sock");
	load_sinks(root, folder, c, errors);
	free(format);
}

static int read_text(const char *path, char **file, struct strbuf *text, struct strbuf *errors)
{
	struct fault f = FAULT_INIT;

	*file = realpath(path, NULL);
	if (!*file) {
		strbuf_addf(errors, "%s: cannot be read: no such file\n", path);
		return -1;
	}
	if (fs_read_file(*file, 1024 * 1024, text, &f) < 0) {
		strbuf_addf(errors, "%s\n", f.text);
		return -1;
	}
	return 0;
}

int config_load(const char *path, struct config **out, struct strbuf *errors)
{
	struct config *c = xcalloc(1, sizeof(*c));
	struct strbuf text = STRBUF_INIT;
	size_t before = errors->n;
	json_t *root = NULL;

	if (read_text(path, &c->file, &text, errors) == 0)
		root = keys_load(strbuf_span(&text), c->file, errors);
	if (root && keys_check(root, "$", top_keys, ARRAY_LEN(top_keys), c->file, errors) == 0) {
		char *folder = xstrndup(c->file, (size_t)(strrchr(c->file, '/') - c->file) + 1);

		fill(root, folder, c, errors);
		free(folder);
	}
	json_decref(root);
	strbuf_release(&text);
	if (errors->n > before) {
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
	for (size_t i = 0; i < c->sink_count; i++) {
		free(c->sinks[i].name);
		free(c->sinks[i].path);
	}
	free(c->sinks);
	strings_free(c->default_sinks, c->default_sink_count);
	free(c->file);
	free(c->staging);
	free(c->profiles);
	free(c->logs);
	free(c->state);
	free(c->admin_socket);
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
	}
	return "";
}

/*
 * keys - loading, reporting and reading; see the header (the check by a table is keys_check.c)
 *
 * Called by config, profile, job and version.  Comments are blanked out before jansson reads the text, so its line numbers
 * stay right; duplicate keys are refused by jansson.
 */
#include "watcher/base/base.h"
#include "watcher/base/json_out.h" /* before jansson, which has a macro of one of its names */
#include "watcher/model/keys.h"
#include "watcher/base/fault.h"
#include "watcher/model/json_comments.h"

#define PATH_NAME_MAX 80 /* bytes of one key's name in a path */

static void add_line(struct keys_report *r, const char *text)
{
	struct fault clean = FAULT_INIT;

	if (++r->count > KEYS_ERRORS + 1)
		return;
	if (r->count == KEYS_ERRORS + 1)
		text = ": more errors than these are not listed";
	/* a fault's text is one line of bounded length without control bytes */
	fault_set(&clean, FAULT_CONFIG, "%s", text);
	strbuf_addf(r->errors, "%s%s\n", r->file, clean.text);
}

void keys_error(struct keys_report *r, const char *path, const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT;
	va_list ap;

	strbuf_addf(&text, ": %s: ", path);
	va_start(ap, fmt);
	strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	add_line(r, text.p);
	strbuf_release(&text);
}

static void syntax_error(struct keys_report *r, int line, int column, const char *why)
{
	char *text = xasprintf(":%d:%d: no valid JSON: %s", line, column, why);

	add_line(r, text);
	free(text);
}

json_t *keys_load(struct span text, struct keys_report *r)
{
	struct strbuf plain = STRBUF_INIT;
	json_t *root = NULL;
	json_error_t e;
	size_t line = 0;

	if (text.n > KEYS_FILE_MAX) {
		keys_error(r, "$", "the file is larger than %d bytes", KEYS_FILE_MAX);
		return NULL;
	}
	if (json_comments_blank(text, &plain, &line) < 0) {
		syntax_error(r, (int)line, 1, "a comment that begins with /* has no end");
	} else {
		root = json_loadb(plain.p, plain.n, JSON_REJECT_DUPLICATES, &e);
		if (!root)
			syntax_error(r, e.line, e.column, e.text);
	}
	strbuf_release(&plain);
	if (root && !json_is_object(root)) {
		keys_error(r, "$", "must be an object, { ... }");
		json_decref(root);
		return NULL;
	}
	return root;
}

static bool is_plain(const char *name)
{
	if (!*name)
		return false;
	for (const char *c = name; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_' || *c == '-' ||
		      (*c >= '0' && *c <= '9')))
			return false;
	return true;
}

char *keys_path(const char *parent, const char *name)
{
	struct strbuf sb = STRBUF_INIT;
	size_t n = strlen(name);

	strbuf_adds(&sb, parent);
	if (n <= PATH_NAME_MAX && is_plain(name)) {
		strbuf_addf(&sb, ".%s", name);
	} else {
		strbuf_addc(&sb, '[');
		json_add_lossy(&sb, (struct span){name, n < PATH_NAME_MAX ? n : PATH_NAME_MAX});
		strbuf_adds(&sb, n > PATH_NAME_MAX ? "...]" : "]");
	}
	return strbuf_detach(&sb);
}

bool keys_among(const char *choices, const char *word)
{
	size_t n = strlen(word);

	while (choices && *choices) {
		size_t len = strcspn(choices, "|");

		if (len == n && strncmp(choices, word, n) == 0)
			return true;
		choices += len + (choices[len] == '|');
	}
	return false;
}

static bool knows(const struct key_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->keys[i].name, name) == 0)
			return true;
	return false;
}

bool keys_any_of(const json_t *object, const struct key_table *table, const struct key_table *other)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)object, name, v)
		if (knows(table, name) && !knows(other, name))
			return true;
	return false;
}

char *keys_string(const json_t *object, const char *name, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(object, name));

	if (!s)
		s = otherwise;
	return s ? xstrdup(s) : NULL;
}

int64_t keys_int(const json_t *object, const char *name, int64_t otherwise)
{
	const json_t *v = json_object_get(object, name);

	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

double keys_number(const json_t *object, const char *name, double otherwise)
{
	const json_t *v = json_object_get(object, name);

	return json_is_number(v) ? json_number_value(v) : otherwise;
}

bool keys_bool(const json_t *object, const char *name, bool otherwise)
{
	const json_t *v = json_object_get(object, name);

	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

char **keys_strings(const json_t *object, const char *name, size_t *count)
{
	const json_t *v = json_object_get(object, name), *item;
	char **list = xcalloc(json_array_size(v) + 1, sizeof(*list));
	size_t i;

	*count = 0;
	json_array_foreach(v, i, item)
		if (json_is_string(item))
			list[(*count)++] = xstrdup(json_string_value(item));
	return list;
}

void strings_free(char **list, size_t count)
{
	for (size_t i = 0; list && i < count; i++)
		free(list[i]);
	free(list);
}

char *keys_dump(const json_t *v, const char *otherwise)
{
	char *s = v ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	return s ? s : xstrdup(otherwise);
}

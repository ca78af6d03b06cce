/*
 * keys - JSON configuration files read by a table of keys; see the header
 *
 * Called by config, profile and job.  Comments are blanked out before jansson reads the text, so its line numbers stay right.
 */
#include "watcher/base/base.h"
#include "watcher/model/keys.h"
#include "watcher/base/nearest.h"

#define FILE_MAX (1024 * 1024)
#define KEYS_MAX 64

static void blank_comments(char *p, size_t n)
{
	bool string = false;
	size_t i = 0;

	while (i < n) {
		if (string) {
			if (p[i] == '\\')
				i++;
			else if (p[i] == '"')
				string = false;
			i++;
			continue;
		}
		if (p[i] == '"')
			string = true;
		if (p[i] == '/' && i + 1 < n && p[i + 1] == '/') {
			while (i < n && p[i] != '\n')
				p[i++] = ' ';
			continue;
		}
		if (p[i] == '/' && i + 1 < n && p[i + 1] == '*') {
			while (i < n && !(p[i] == '*' && i + 1 < n && p[i + 1] == '/')) {
				if (p[i] != '\n')
					p[i] = ' ';
				i++;
			}
			for (size_t k = 0; k < 2 && i < n; k++)
				p[i++] = ' ';
			continue;
		}
		i++;
	}
}

void keys_error(struct strbuf *errors, const char *file, const char *path, const char *fmt, ...)
{
	va_list ap;

	strbuf_addf(errors, "%s: %s: ", file, path);
	va_start(ap, fmt);
	strbuf_vaddf(errors, fmt, ap);
	va_end(ap);
	strbuf_addc(errors, '\n');
}

json_t *keys_load(struct span text, const char *file, struct strbuf *errors)
{
	json_error_t e;
	json_t *root;
	char *copy;

	if (text.n > FILE_MAX) {
		keys_error(errors, file, "$", "the file is larger than %d bytes", FILE_MAX);
		return NULL;
	}
	copy = xstrndup(text.p, text.n);
	blank_comments(copy, text.n);
	root = json_loadb(copy, text.n, JSON_REJECT_DUPLICATES, &e);
	free(copy);
	if (!root) {
		strbuf_addf(errors, "%s:%d:%d: no valid JSON: %s\n", file, e.line, e.column, e.text);
		return NULL;
	}
	if (!json_is_object(root)) {
		keys_error(errors, file, "$", "is no object");
		json_decref(root);
		return NULL;
	}
	return root;
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

static const char *type_words(enum key_type t)
{
	switch (t) {
	case KEY_STRING:
		return "a string";
	case KEY_BOOL:
		return "true or false";
	case KEY_INT:
		return "a whole number";
	case KEY_NUMBER:
		return "a number";
	case KEY_STRINGS:
		return "a list of strings";
	case KEY_OBJECT:
		return "an object";
	case KEY_ARRAY:
		return "a list";
	case KEY_ANY:
		return "any value";
	}
	return "";
}

static bool has_type(const json_t *v, enum key_type t)
{
	size_t i;
	json_t *item;

	switch (t) {
	case KEY_STRING:
		return json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v);
	case KEY_BOOL:
		return json_is_boolean(v);
	case KEY_INT:
		return json_is_integer(v);
	case KEY_NUMBER:
		return json_is_number(v);
	case KEY_STRINGS:
		json_array_foreach(v, i, item)
			if (!has_type(item, KEY_STRING))
				return false;
		return json_is_array(v);
	case KEY_OBJECT:
		return json_is_object(v);
	case KEY_ARRAY:
		return json_is_array(v);
	case KEY_ANY:
		return true;
	}
	return false;
}

static bool says_nothing(const json_t *v)
{
	return json_is_null(v) || json_is_false(v) ||
	       (json_is_array(v) && json_array_size(v) == 0) ||
	       (json_is_object(v) && json_object_size(v) == 0);
}

static void check_word(const struct key *k, const char *word, const char *path, const char *file,
		       struct strbuf *errors)
{
	if (k->later && keys_among(k->later, word))
		keys_error(errors, file, path, "\"%s\": not in this version; allowed: %s", word,
			   k->choices);
	else if (k->choices && !keys_among(k->choices, word))
		keys_error(errors, file, path, "\"%s\"; allowed: %s", word, k->choices);
}

static void check_value(const json_t *v, const struct key *k, const char *path, const char *file,
			struct strbuf *errors)
{
	size_t i;
	json_t *item;

	if (k->null_ok && json_is_null(v))
		return;
	if (k->later && strcmp(k->later, "*") == 0) {
		if (!says_nothing(v))
			keys_error(errors, file, path, "not in this version");
		return;
	}
	if (!has_type(v, k->type)) {
		keys_error(errors, file, path, "must be %s", type_words(k->type));
		return;
	}
	if (json_is_number(v) && (json_number_value(v) < k->min || json_number_value(v) > k->max))
		keys_error(errors, file, path, "%.15g is out of range; allowed: %.15g to %.15g",
			   json_number_value(v), k->min, k->max);
	if (k->type == KEY_STRING)
		check_word(k, json_string_value(v), path, file, errors);
	if (k->type == KEY_STRINGS)
		json_array_foreach(v, i, item)
			check_word(k, json_string_value(item), path, file, errors);
}

int keys_check(const json_t *object, const char *path, const struct key *table, size_t count,
	       const char *file, struct strbuf *errors)
{
	size_t before = errors->n;
	const char *names[KEYS_MAX];
	const char *name;
	json_t *v;

	CHECK(count <= KEYS_MAX);
	for (size_t i = 0; i < count; i++)
		names[i] = table[i].name;
	json_object_foreach((json_t *)(uintptr_t)object, name, v) {
		char *where = xasprintf("%s.%s", path, name);
		const struct key *k = NULL;
		const char *near;

		for (size_t i = 0; i < count && !k; i++)
			if (strcmp(table[i].name, name) == 0)
				k = &table[i];
		if (k) {
			check_value(v, k, where, file, errors);
		} else {
			near = nearest_name(span_of(name), names, count);
			keys_error(errors, file, where, "unknown key%s%s%s",
				   near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
		}
		free(where);
	}
	return errors->n == before ? 0 : -1;
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
	const json_t *v = json_object_get(object, name);
	char **list;

	*count = json_array_size(v);
	list = xcalloc(*count, sizeof(*list));
	for (size_t i = 0; i < *count; i++)
		list[i] = xstrdup(json_string_value(json_array_get(v, i)));
	return list;
}

void strings_free(char **list, size_t count)
{
	for (size_t i = 0; list && i < count; i++)
		free(list[i]);
	free(list);
}

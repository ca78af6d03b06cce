/*
 * keys_check - one object of a configuration file against its table of keys; see keys.h
 *
 * Called by config, profile and job.  Walks down by itself, so that every error of a file is found in one pass; says of each
 * what was found and what is allowed.  Owns nothing.
 */
#include "watcher/base/base.h"
#include "watcher/model/keys.h"
#include "watcher/base/nearest.h"
#include "watcher/base/utf8.h"

#define KEYS_MAX 64
#define FOUND_MAX 60 /* bytes of a string that was found */

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
	case KEY_MAP:
		return "an object";
	case KEY_ARRAY:
		return "a list";
	case KEY_ANY:
		return "any value";
	}
	return "";
}

static void add_choices(struct strbuf *sb, const char *choices)
{
	for (; *choices; choices++)
		if (*choices == '|')
			strbuf_adds(sb, ", ");
		else
			strbuf_addc(sb, *choices);
}

static void add_number(struct strbuf *sb, double n)
{
	strbuf_addf(sb, n >= -1e15 && n <= 1e17 && n == (double)(int64_t)n ? "%.0f" : "%.15g", n);
}

static void add_allowed(struct strbuf *sb, const struct key *k)
{
	strbuf_adds(sb, "; allowed: ");
	if (k->type == KEY_STRINGS && k->choices)
		strbuf_adds(sb, "a list of ");
	if (k->choices)
		add_choices(sb, k->choices);
	else
		strbuf_adds(sb, type_words(k->type));
	if (k->type == KEY_INT || k->type == KEY_NUMBER) {
		strbuf_adds(sb, " from ");
		add_number(sb, k->min);
		strbuf_adds(sb, " to ");
		add_number(sb, k->max);
	}
	if (k->type == KEY_STRING && k->max > 0)
		strbuf_addf(sb, " of %.0f to %.0f bytes", k->min, k->max);
	if (k->null_ok)
		strbuf_adds(sb, ", or null");
}

static void add_found(struct strbuf *sb, const json_t *v)
{
	const char *s = json_string_value(v);
	size_t n = s ? strlen(s) : 0;

	if (s && n <= FOUND_MAX)
		strbuf_addf(sb, "the string \"%s\"", s);
	else if (s)
		strbuf_addf(sb, "the string \"%.*s...\"", FOUND_MAX, s);
	else if (json_is_integer(v))
		strbuf_addf(sb, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		strbuf_addf(sb, "%.15g", json_real_value(v));
	else if (json_is_null(v))
		strbuf_adds(sb, "null");
	else if (json_is_boolean(v))
		strbuf_adds(sb, json_is_true(v) ? "true" : "false");
	else
		strbuf_adds(sb, json_is_array(v) ? "a list" : "an object");
}

static void refuse(struct keys_report *r, const char *path, const struct key *k, const json_t *found,
		   const char *why)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_adds(&sb, "found ");
	add_found(&sb, found);
	strbuf_adds(&sb, why);
	add_allowed(&sb, k);
	keys_error(r, path, "%s", sb.p);
	strbuf_release(&sb);
}

static bool is_type(const json_t *v, enum key_type t)
{
	const json_t *item;
	size_t i;

	switch (t) {
	case KEY_STRING:
		return json_is_string(v);
	case KEY_BOOL:
		return json_is_boolean(v);
	case KEY_INT:
		return json_is_integer(v);
	case KEY_NUMBER:
		return json_is_number(v);
	case KEY_STRINGS:
		json_array_foreach(v, i, item)
			if (!json_is_string(item))
				return false;
		return json_is_array(v);
	case KEY_OBJECT:
	case KEY_MAP:
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
	       (json_is_string(v) && json_string_length(v) == 0) ||
	       (json_is_array(v) && json_array_size(v) == 0) ||
	       (json_is_object(v) && json_object_size(v) == 0);
}

/* The choice nearest to word, malloc'ed, or NULL. */
static char *nearest_choice(const char *choices, const char *word)
{
	const char *names[KEYS_MAX], *near;
	char *list = xstrdup(choices), *p = list, *found = NULL;
	size_t n = 0;

	while (p && n < KEYS_MAX)
		names[n++] = strsep(&p, "|");
	near = nearest_name(span_of(word), names, n);
	if (near)
		found = xstrdup(near);
	free(list);
	return found;
}

static void check_word(const struct key *k, const char *word, const char *path, struct keys_report *r)
{
	struct strbuf sb = STRBUF_INIT;
	char *near = NULL;

	if (!k->choices || keys_among(k->choices, word))
		return;
	strbuf_addf(&sb, "found \"%.*s\"", FOUND_MAX, word);
	if (k->later && (strcmp(k->later, "?") == 0 || keys_among(k->later, word)))
		strbuf_adds(&sb, ": not in this version");
	else
		near = nearest_choice(k->choices, word);
	add_allowed(&sb, k);
	if (near)
		strbuf_addf(&sb, "; did you mean %s?", near);
	keys_error(r, path, "%s", sb.p);
	free(near);
	strbuf_release(&sb);
}

/* A name or path with such bytes is a mistake, or meant to deceive whoever reads it. */
static bool has_hidden(const char *s)
{
	struct span rest = span_of(s);
	unsigned code;

	for (; rest.n; rest.p++, rest.n--)
		if (utf8_hidden(rest, &code))
			return true;
	return false;
}

static void check_string(const json_t *v, const struct key *k, const char *path,
			 struct keys_report *r)
{
	const char *s = json_string_value(v);
	double n = (double)json_string_length(v);

	if (k->max > 0 && (n < k->min || n > k->max))
		refuse(r, path, k, v, n < k->min ? ", too short" : ", too long");
	else if (!k->text && has_hidden(s))
		refuse(r, path, k, v, ", which holds control characters");
	else
		check_word(k, s, path, r);
}

static void check_strings(const json_t *list, const struct key *k, const char *path,
			  struct keys_report *r)
{
	const json_t *item;
	size_t i;

	if ((double)json_array_size(list) < k->min)
		keys_error(r, path, "the list has %zu items; allowed: at least %.0f",
			   json_array_size(list), k->min);
	json_array_foreach(list, i, item) {
		char *where = xasprintf("%s[%zu]", path, i);

		check_word(k, json_string_value(item), where, r);
		if (has_hidden(json_string_value(item)))
			keys_error(r, where, "the string holds control characters");
		free(where);
	}
}

static void check_map(const json_t *map, const struct key *k, const char *path,
		      struct keys_report *r)
{
	const char *name;
	json_t *v;

	if ((double)json_object_size(map) < k->min)
		keys_error(r, path, "names none; name at least one, or leave the key out");
	json_object_foreach((json_t *)(uintptr_t)map, name, v) {
		char *where = keys_path(path, name);

		if (json_is_object(v))
			keys_check(v, where, k->inner, r);
		else
			keys_error(r, where, "must be an object");
		free(where);
	}
}

static void check_value(const json_t *v, const struct key *k, const char *path,
			struct keys_report *r)
{
	if (k->later && strcmp(k->later, "*") == 0) {
		if (!says_nothing(v))
			keys_error(r, path, "%s", k->why ? k->why : "not in this version; leave it out");
		return;
	}
	if (k->null_ok && json_is_null(v))
		return;
	if (!is_type(v, k->type)) {
		refuse(r, path, k, v, "");
		return;
	}
	if ((k->type == KEY_INT || k->type == KEY_NUMBER) &&
	    (json_number_value(v) < k->min || json_number_value(v) > k->max))
		refuse(r, path, k, v, ", out of range");
	if (k->type == KEY_STRING)
		check_string(v, k, path, r);
	if (k->type == KEY_STRINGS)
		check_strings(v, k, path, r);
	if (k->type == KEY_OBJECT && k->inner)
		keys_check(v, path, k->inner, r);
	if (k->type == KEY_MAP)
		check_map(v, k, path, r);
}

static void unknown_key(const char *name, const char *path, const struct key_table *table,
			struct keys_report *r)
{
	const char *names[KEYS_MAX], *near;

	for (size_t i = 0; i < table->count; i++)
		names[i] = table->keys[i].name;
	near = nearest_name(span_of(name), names, table->count);
	keys_error(r, path, "unknown key of %s%s%s%s", table->title, near ? "; did you mean " : "",
		   near ? near : "", near ? "?" : "");
}

/* The check of one key of the table; false: its error makes the others moot. */
static bool check_key(const json_t *object, const struct key *k, const char *path,
		      struct keys_report *r)
{
	const json_t *v = json_object_get(object, k->name);
	char *where = keys_path(path, k->name);
	size_t before = r->count;

	if (v)
		check_value(v, k, where, r);
	else if (k->required)
		keys_error(r, where, "is missing: %s", k->sentence);
	free(where);
	return !k->selects || r->count == before;
}

void keys_check(const json_t *object, const char *path, const struct key_table *table,
		struct keys_report *r)
{
	const char *name;
	json_t *v;

	CHECK(table->count <= KEYS_MAX);
	for (size_t i = 0; i < table->count; i++)
		if (!check_key(object, &table->keys[i], path, r))
			return;
	json_object_foreach((json_t *)(uintptr_t)object, name, v) {
		bool known = false;
		char *where;

		for (size_t i = 0; i < table->count && !known; i++)
			known = strcmp(table->keys[i].name, name) == 0;
		if (known)
			continue;
		where = keys_path(path, name);
		unknown_key(name, where, table, r);
		free(where);
	}
	if (table->apart[0] && json_object_get(object, table->apart[0]) &&
	    json_object_get(object, table->apart[1]))
		keys_error(r, path, "%s and %s: only one of them", table->apart[0], table->apart[1]);
}

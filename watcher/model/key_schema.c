/*
 * key_schema - a table of keys as a JSON Schema; see the header
 *
 * Called by ingestctl schema.  Walks the tables once; all text is the tables' own.
 */
#include "watcher/base/base.h"
#include "watcher/model/key_schema.h"
#include "watcher/base/json_out.h"
#include "watcher/model/tables.h"

static void open_table(struct strbuf *sb, const struct key_table *t, bool null_ok);
static void add_table(struct strbuf *sb, const struct key_table *t);

/* "a|b|c" as the strings of a list, without its brackets. */
static void add_words(struct strbuf *sb, const char *words)
{
	while (*words) {
		size_t n = strcspn(words, "|");

		json_add_comma(sb);
		json_add_string(sb, (struct span){words, n});
		words += n + (words[n] == '|');
	}
}

static void add_enum(struct strbuf *sb, const char *words, bool null_ok)
{
	json_add_key(sb, "enum");
	strbuf_addc(sb, '[');
	add_words(sb, words);
	if (null_ok)
		strbuf_adds(sb, ",null");
	strbuf_addc(sb, ']');
}

static void add_type(struct strbuf *sb, const char *type, bool null_ok)
{
	json_add_key(sb, "type");
	if (null_ok)
		strbuf_addf(sb, "[\"%s\",\"null\"]", type);
	else
		strbuf_addf(sb, "\"%s\"", type);
}

static void add_range(struct strbuf *sb, const struct key *k, const char *least, const char *most)
{
	if (k->max <= 0 && k->min <= 0)
		return;
	json_add_key(sb, least);
	strbuf_addf(sb, "%.17g", k->min);
	if (k->max > 0) {
		json_add_key(sb, most);
		strbuf_addf(sb, "%.17g", k->max);
	}
}

static void add_string(struct strbuf *sb, const struct key *k)
{
	if (k->choices) {
		add_enum(sb, k->choices, k->null_ok);
		return;
	}
	add_type(sb, "string", k->null_ok);
	add_range(sb, k, "minLength", "maxLength");
}

static void add_strings(struct strbuf *sb, const struct key *k)
{
	add_type(sb, "array", k->null_ok);
	if (k->min > 0)
		json_pair_u64(sb, "minItems", (uint64_t)k->min);
	json_add_key(sb, "items");
	strbuf_adds(sb, "{\"type\":\"string\"");
	if (k->choices)
		add_enum(sb, k->choices, false);
	strbuf_addc(sb, '}');
}

static void add_map(struct strbuf *sb, const struct key *k)
{
	add_type(sb, "object", k->null_ok);
	if (k->min > 0)
		json_pair_u64(sb, "minProperties", (uint64_t)k->min);
	json_add_key(sb, "additionalProperties");
	add_table(sb, k->inner);
}

static void add_kind(struct strbuf *sb, const struct key *k)
{
	switch (k->type) {
	case KEY_STRING:
		add_string(sb, k);
		return;
	case KEY_BOOL:
		add_type(sb, "boolean", k->null_ok);
		return;
	case KEY_INT:
		add_type(sb, "integer", k->null_ok);
		add_range(sb, k, "minimum", "maximum");
		return;
	case KEY_NUMBER:
		add_type(sb, "number", k->null_ok);
		add_range(sb, k, "minimum", "maximum");
		return;
	case KEY_STRINGS:
		add_strings(sb, k);
		return;
	case KEY_OBJECT:
		add_type(sb, "object", k->null_ok);
		return;
	case KEY_MAP:
		add_map(sb, k);
		return;
	case KEY_ARRAY:
		add_type(sb, "array", k->null_ok);
		return;
	case KEY_ANY:
		return;
	}
	CHECK(!"a key's type");
}

static bool is_later(const struct key *k)
{
	return k->later && strcmp(k->later, "*") == 0;
}

static void add_description(struct strbuf *sb, const struct key *k)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_adds(&text, k->sentence);
	if (is_later(k))
		strbuf_addf(&text, "  %s", k->why ? k->why : "Not in this version.");
	else if (k->later && strcmp(k->later, "?") != 0)
		strbuf_addf(&text, "  Not in this version: %s.", k->later);
	json_pair_string(sb, "description", text.p);
	strbuf_release(&text);
}

static void add_key(struct strbuf *sb, const struct key *k)
{
	json_add_key(sb, k->name);
	if (k->inner && k->type == KEY_OBJECT && !is_later(k)) {
		open_table(sb, k->inner, k->null_ok);
	} else {
		strbuf_addc(sb, '{');
		if (is_later(k))
			strbuf_adds(sb, "\"enum\":[null,false,\"\",[],{}]");
		else
			add_kind(sb, k);
	}
	add_description(sb, k);
	if (k->otherwise) {
		json_add_key(sb, "default");
		strbuf_adds(sb, k->otherwise);
	}
	if (k->example) {
		json_add_key(sb, "examples");
		strbuf_addf(sb, "[%s]", k->example);
	}
	strbuf_addc(sb, '}');
}

static void add_required(struct strbuf *sb, const struct key_table *t)
{
	bool any = false;

	for (size_t i = 0; i < t->count; i++)
		any = any || t->keys[i].required;
	if (!any)
		return;
	json_add_key(sb, "required");
	strbuf_addc(sb, '[');
	for (size_t i = 0; i < t->count; i++)
		if (t->keys[i].required) {
			json_add_comma(sb);
			json_add_string(sb, span_of(t->keys[i].name));
		}
	strbuf_addc(sb, ']');
}

/* Without the last brace. */
static void open_table(struct strbuf *sb, const struct key_table *t, bool null_ok)
{
	strbuf_addc(sb, '{');
	add_type(sb, "object", null_ok);
	json_pair_string(sb, "title", t->title);
	json_pair_bool(sb, "additionalProperties", false);
	add_required(sb, t);
	if (t->apart[0]) {
		json_add_key(sb, "not");
		strbuf_addf(sb, "{\"required\":[\"%s\",\"%s\"]}", t->apart[0], t->apart[1]);
	}
	json_add_key(sb, "properties");
	strbuf_addc(sb, '{');
	for (size_t i = 0; i < t->count; i++)
		add_key(sb, &t->keys[i]);
	strbuf_addc(sb, '}');
}

static void add_table(struct strbuf *sb, const struct key_table *t)
{
	open_table(sb, t, false);
	strbuf_addc(sb, '}');
}

static void add_forms(struct strbuf *sb, const struct key_table *own, const struct key_table *seed)
{
	json_add_key(sb, "anyOf");
	strbuf_addc(sb, '[');
	add_table(sb, own);
	strbuf_addc(sb, ',');
	add_table(sb, seed);
	strbuf_addc(sb, ']');
}

bool key_schema_write(const char *file, struct strbuf *sb)
{
	size_t from = sb->n;

	strbuf_adds(sb, "{\"$schema\":\"http://json-schema.org/draft-07/schema#\"");
	if (strcmp(file, "profile") == 0) {
		add_forms(sb, &profile_table, &profile_seed_table);
	} else if (strcmp(file, "job") == 0) {
		add_forms(sb, &job_table, &job_seed_table);
	} else if (strcmp(file, "ingestd") == 0) {
		json_add_key(sb, "allOf");
		strbuf_addc(sb, '[');
		add_table(sb, &config_table);
		strbuf_addc(sb, ']');
	} else {
		strbuf_cut(sb, from);
		return false;
	}
	strbuf_addc(sb, '}');
	return true;
}

/*
 * mapping - types of an index's top-level fields; see the header
 *
 * Called when a job is loaded and when a worker takes a job version.  What a type is to a value in a text stands in one table;
 * a misspelt type is refused here, not by the server at the first row.
 */
#include "watcher/base/base.h"
#include "watcher/model/mapping.h"
#include "watcher/base/nearest.h"
#include <jansson.h>

/* Field types of the Elasticsearch 8 and OpenSearch 2 references. */
static const struct {
	const char *name;
	enum mapping_type type;
} types[] = {
	{"byte", MAPPING_BYTE},
	{"short", MAPPING_SHORT},
	{"integer", MAPPING_INTEGER},
	{"long", MAPPING_LONG},
	{"unsigned_long", MAPPING_UNSIGNED_LONG},
	{"half_float", MAPPING_FLOAT},
	{"float", MAPPING_FLOAT},
	{"double", MAPPING_FLOAT},
	{"scaled_float", MAPPING_FLOAT},
	{"boolean", MAPPING_BOOLEAN},
	{"date", MAPPING_DATE},
	{"date_nanos", MAPPING_DATE},
	{"ip", MAPPING_IP},
	{"object", MAPPING_OTHER},
	{"nested", MAPPING_OTHER},
	{"flattened", MAPPING_OTHER},
	{"flat_object", MAPPING_OTHER},
	{"passthrough", MAPPING_OTHER},
};

/* What says nothing about the form of a value. */
static const char *const string_types[] = {
	"keyword",	"text",		 "constant_keyword", "counted_keyword", "wildcard",
	"binary",	"version",	 "geo_point",	     "geo_shape",
	"point",	"shape",	 "xy_point",	     "xy_shape",	"match_only_text",
	"annotated_text", "search_as_you_type", "completion", "token_count",	"semantic_text",
	"integer_range", "long_range",	 "float_range",	     "double_range",	"date_range",
	"ip_range",	"alias",	 "join",	     "percolator",	"histogram",
	"rank_feature", "rank_features", "rank_vectors",     "dense_vector",	"sparse_vector",
	"knn_vector",	"murmur3",	 "aggregate_metric_double", "derived",	"star_tree",
};

enum mapping_type mapping_type_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	return MAPPING_STRING;
}

bool mapping_type_known(const char *name, const char **near)
{
	const char *names[ARRAY_LEN(types) + ARRAY_LEN(string_types)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		names[n++] = types[i].name;
	for (size_t i = 0; i < ARRAY_LEN(string_types); i++)
		names[n++] = string_types[i];
	*near = nearest_name(span_of(name), names, n);
	return *near && strcmp(*near, name) == 0;
}

void mapping_init(struct mapping *m)
{
	memset(m, 0, sizeof(*m));
	map_init(&m->by_name);
}

void mapping_release(struct mapping *m)
{
	for (size_t i = 0; i < m->len; i++) {
		free(m->fields[i].name);
		free(m->fields[i].type_name);
	}
	free(m->fields);
	map_release(&m->by_name);
	mapping_init(m);
}

static int check_field(const char *name, const json_t *v, struct fault *f)
{
	const json_t *type = json_object_get(v, "type");
	const char *near;

	if (!json_is_object(v))
		return fault_set(f, FAULT_CONFIG, "$.properties.%.80s: must be an object", name);
	if (!type)
		return 0;
	if (!json_is_string(type))
		return fault_set(f, FAULT_CONFIG, "$.properties.%.80s.type: must be a string", name);
	if (mapping_type_known(json_string_value(type), &near))
		return 0;
	return fault_set(f, FAULT_CONFIG, "$.properties.%.80s.type: \"%.60s\" is no type of a field%s%s%s",
			 name, json_string_value(type), near ? "; did you mean " : "", near ? near : "",
			 near ? "?" : "");
}

/* What is left of a type that its field's parameters make milder. */
static enum mapping_type type_by(enum mapping_type type, const json_t *field)
{
	if (type != MAPPING_DATE && type != MAPPING_IP)
		return type;
	/* the server knows the patterns of a format, and it alone judges by them */
	if (type == MAPPING_DATE && json_object_get(field, "format"))
		return MAPPING_STRING;
	return json_is_true(json_object_get(field, "ignore_malformed")) ? MAPPING_STRING : type;
}

static int take_fields(const json_t *properties, struct mapping *m, struct fault *f)
{
	const char *name;
	json_t *v;

	m->fields = xcalloc(json_object_size(properties) + 1, sizeof(*m->fields));
	json_object_foreach((json_t *)(uintptr_t)properties, name, v) {
		struct mapping_field *mf = &m->fields[m->len];
		const char *type = json_string_value(json_object_get(v, "type"));

		if (check_field(name, v, f) < 0)
			return -1;
		mf->name = xstrdup(name);
		mf->type_name = xstrdup(type ? type : "object");
		mf->type = type_by(mapping_type_of(mf->type_name), v);
		m->len++;
	}
	for (size_t i = 0; i < m->len; i++)
		map_put(&m->by_name, span_of(m->fields[i].name), &m->fields[i]);
	return 0;
}

int mapping_parse(struct span text, struct mapping *out, struct fault *f)
{
	struct mapping m;
	json_error_t e = {.text = ""};
	json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &e);
	const json_t *properties = json_object_get(root, "properties");
	int r = 0;

	mapping_init(&m);
	if (!json_is_object(root))
		r = fault_set(f, FAULT_CONFIG, "$: mappings must be a JSON object: %s", e.text);
	else if (properties && !json_is_object(properties))
		r = fault_set(f, FAULT_CONFIG, "$.properties: must be an object");
	else if (properties)
		r = take_fields(properties, &m, f);
	json_decref(root);
	if (r < 0) {
		mapping_release(&m);
		return -1;
	}
	*out = m;
	return 0;
}

const struct mapping_field *mapping_find(const struct mapping *m, struct span name)
{
	return map_get(&m->by_name, name);
}

/*
 * mapping - types of an index's top-level fields; see the header
 *
 * Called when a job is loaded.  The text is the job's own JSON, already parsed once.
 */
#include "watcher/base/base.h"
#include "watcher/model/mapping.h"
#include <jansson.h>

static const struct {
	const char *name;
	enum mapping_type type;
} types[] = {
	{"byte", MAPPING_BYTE},		 {"short", MAPPING_SHORT},
	{"integer", MAPPING_INTEGER},	 {"long", MAPPING_LONG},
	{"unsigned_long", MAPPING_UNSIGNED_LONG},
	{"half_float", MAPPING_FLOAT},	 {"float", MAPPING_FLOAT},
	{"double", MAPPING_FLOAT},	 {"scaled_float", MAPPING_FLOAT},
	{"boolean", MAPPING_BOOLEAN},	 {"date", MAPPING_DATE},
	{"date_nanos", MAPPING_DATE},	 {"object", MAPPING_OTHER},
	{"nested", MAPPING_OTHER},	 {"flattened", MAPPING_OTHER},
};

static enum mapping_type type_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	return MAPPING_STRING;
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

static int take_fields(const json_t *properties, struct mapping *m, struct fault *f)
{
	const char *name;
	json_t *v;

	m->fields = xcalloc(json_object_size(properties), sizeof(*m->fields));
	json_object_foreach((json_t *)(uintptr_t)properties, name, v) {
		const json_t *type = json_object_get(v, "type");
		struct mapping_field *mf = &m->fields[m->len];

		if (!json_is_object(v))
			return fault_set(f, FAULT_CONFIG, "$.properties.%s is no object", name);
		if (type && !json_is_string(type))
			return fault_set(f, FAULT_CONFIG, "$.properties.%s.type is no string", name);
		mf->name = xstrdup(name);
		mf->type_name = xstrdup(type ? json_string_value(type) : "object");
		mf->type = type_of(mf->type_name);
		m->len++;
	}
	for (size_t i = 0; i < m->len; i++)
		map_put(&m->by_name, span_of(m->fields[i].name), &m->fields[i]);
	return 0;
}

int mapping_parse(struct span text, struct mapping *out, struct fault *f)
{
	struct mapping m;
	json_error_t e;
	json_t *root = json_loadb(text.p, text.n, 0, &e);
	const json_t *properties = json_object_get(root, "properties");
	int r = 0;

	mapping_init(&m);
	if (!json_is_object(root))
		r = fault_set(f, FAULT_CONFIG, "mappings are no JSON object: %s", e.text);
	else if (properties && !json_is_object(properties))
		r = fault_set(f, FAULT_CONFIG, "$.properties is no object");
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

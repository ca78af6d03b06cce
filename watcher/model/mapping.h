/*
 * mapping - the top-level properties of an index's mappings: what type each field has
 *
 *	mapping_parse(json_text_of_mappings, &m, &f)     {"properties": {"a": {"type": "integer"}, ...}}
 *	const struct mapping_field *mf = mapping_find(&m, name);     NULL: unmapped
 *	mapping_release(&m);
 *
 * Types of Elasticsearch that say nothing about a CSV value's form (keyword, text, geo_point, ...) are MAPPING_STRING.  So are
 * a date with a `format` of its own, which the server judges, and a date or address with `"ignore_malformed": true`, of which the
 * server takes any text; an object or nested property is MAPPING_OTHER.  A type that no server has is a fault, with the
 * nearest name.  Faults are FAULT_CONFIG with the JSON path.
 */
#ifndef MODEL_MAPPING_H
#define MODEL_MAPPING_H

#include "watcher/base/fault.h"
#include "watcher/base/map.h"

enum mapping_type {
	MAPPING_STRING,
	MAPPING_BYTE,
	MAPPING_SHORT,
	MAPPING_INTEGER,
	MAPPING_LONG,
	MAPPING_UNSIGNED_LONG,
	MAPPING_FLOAT,  /* half_float, float, double, scaled_float */
	MAPPING_BOOLEAN,
	MAPPING_DATE, /* date, date_nanos */
	MAPPING_IP,
	MAPPING_OTHER,
};

struct mapping_field {
	char *name;      /* own */
	char *type_name; /* own: the server's word, "scaled_float" */
	enum mapping_type type;
};

struct mapping {
	struct mapping_field *fields;
	size_t len;
	struct map by_name;
};

int mapping_parse(struct span mappings_json, struct mapping *out, struct fault *f) MUST_CHECK;
void mapping_init(struct mapping *m);
void mapping_release(struct mapping *m);
/* By the name of the type alone: a field's own may be milder, see above. */
enum mapping_type mapping_type_of(const char *type_name);
/* Is it a type of the servers?  *near: the one that may be meant, or NULL. */
bool mapping_type_known(const char *name, const char **near);
const struct mapping_field *mapping_find(const struct mapping *m, struct span name);

#endif

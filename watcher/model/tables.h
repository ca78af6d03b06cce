/*
 * tables - the keys of every configuration file, from profile_keys.def, job_keys.def and config_keys.def
 *
 * One row a key: name, type, default, range, sentence, built or not.  Read by the parsers (keys.h), the JSON Schemas and the
 * manual (key_schema.h).  Constant.
 */
#ifndef MODEL_TABLES_H
#define MODEL_TABLES_H

#include "watcher/model/keys.h"

#define TABLES_LIMIT_MAX 9007199254740992.0 /* 2^53: what every JSON reader holds exactly */

extern const struct key_table profile_table, profile_seed_table;
extern const struct key_table job_table, job_seed_table;
extern const struct key_table config_table;

#endif

/*
 * tables - the .def files as tables of keys; see the header
 *
 * TABLE begins the rows of a table, INNER ends one that only rows further down name, OUTER one of tables.h.
 */
#include "watcher/base/base.h"
#include "watcher/model/tables.h"

#define TABLE(id) static const struct key id##_keys[] = {
#define KEY(word, kind, ...) {.name = word, .type = KEY_##kind, __VA_ARGS__},
#define CONTENT(id, words) {words, id##_keys, ARRAY_LEN(id##_keys), {NULL, NULL}}
#define INNER(id, words) \
	} \
	; \
	static const struct key_table id##_table = CONTENT(id, words);
#define OUTER(id, words) \
	} \
	; \
	const struct key_table id##_table = CONTENT(id, words);
#define OUTER_APART(id, words, one, other) \
	} \
	; \
	const struct key_table id##_table = {words, id##_keys, ARRAY_LEN(id##_keys), {one, other}};

#include "watcher/model/profile_keys.def"

#include "watcher/model/job_keys.def"

#include "watcher/model/config_keys.def"

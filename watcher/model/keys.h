/*
 * keys - JSON configuration files read by a table of keys, every error collected
 *
 *	root = keys_load(text, file, errors);                 comments allowed; NULL: errors has why
 *	keys_check(root, "$", table, n, file, errors);        unknown keys, wrong types, ranges, what is not built
 *	keys_string(root, "name") ...                         reads after a clean check
 *
 * One error is one line: `FILE: $.path: what was found; what is allowed; did you mean KEY?`.  Files of at most 1 MiB.
 */
#ifndef MODEL_KEYS_H
#define MODEL_KEYS_H

#include "watcher/base/strbuf.h"
#include <jansson.h>

enum key_type {
	KEY_STRING,
	KEY_BOOL,
	KEY_INT,     /* min..max */
	KEY_NUMBER,  /* min..max */
	KEY_STRINGS, /* array of strings */
	KEY_OBJECT,
	KEY_ARRAY,
	KEY_ANY,
};

struct key {
	const char *name;
	enum key_type type;
	bool null_ok;
	double min, max;     /* numbers */
	const char *choices; /* strings: "a|b|c" allowed; NULL: any */
	const char *later;   /* strings and lists: named by the contract, refused in this version: "x|y"; "*": any value
				but null, false, [] and {} */
};

json_t *keys_load(struct span text, const char *file, struct strbuf *errors);
/* 0 = nothing added to errors. */
int keys_check(const json_t *object, const char *path, const struct key *table, size_t count,
	       const char *file, struct strbuf *errors) MUST_CHECK;
void keys_error(struct strbuf *errors, const char *file, const char *path, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* Reads with a default; the types were checked. */
char *keys_string(const json_t *object, const char *name, const char *otherwise); /* malloc'ed */
int64_t keys_int(const json_t *object, const char *name, int64_t otherwise);
double keys_number(const json_t *object, const char *name, double otherwise);
bool keys_bool(const json_t *object, const char *name, bool otherwise);
/* malloc'ed array of malloc'ed strings */
char **keys_strings(const json_t *object, const char *name, size_t *count);
void strings_free(char **list, size_t count);
/* Is word one of "a|b|c"? */
bool keys_among(const char *choices, const char *word);

#endif

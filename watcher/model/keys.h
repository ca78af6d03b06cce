/*
 * keys - JSON configuration files read by a table of keys, every error collected
 *
 *	struct keys_report r = {.file = path, .errors = &sb};
 *	root = keys_load(text, &r);                  comments allowed; NULL: the report has why
 *	keys_check(root, "$", &profile_table, &r);   unknown, missing and unbuilt keys, types, ranges, choices, all levels
 *	keys_error(&r, "$.index.name", "...", ...);  what only the caller can judge
 *	keys_string(root, "name", NULL) ...          a value of another type reads as absent
 *	r.count > 0: refused
 *
 * The tables stand in *_keys.def (tables.h); the JSON Schemas and the manual are written from the same rows (key_schema.h).
 * One error is one line, `FILE: $.path: what was found; what is allowed; did you mean KEY?`, control bytes escaped, at most
 * 1 KiB; after KEYS_ERRORS of one file the rest is not listed.  Files of at most KEYS_FILE_MAX bytes.
 */
#ifndef MODEL_KEYS_H
#define MODEL_KEYS_H

#include "watcher/base/strbuf.h"
#include <jansson.h>

#define KEYS_FILE_MAX (1024 * 1024)
#define KEYS_ERRORS 100

enum key_type {
	KEY_STRING,  /* min..max bytes when max > 0; no control bytes unless text */
	KEY_BOOL,
	KEY_INT,     /* min..max */
	KEY_NUMBER,  /* min..max */
	KEY_STRINGS, /* array of at least min strings */
	KEY_OBJECT,  /* inner: its keys; NULL: any */
	KEY_MAP,     /* object of at least min members, each an object with inner's keys */
	KEY_ARRAY,
	KEY_ANY,
};

struct key_table;

struct key {
	const char *name;
	enum key_type type;
	bool null_ok;
	bool required;
	bool text;    /* strings: line breaks and the like are allowed */
	bool selects; /* an error of this key is the only one of its table: the other keys depend on it */
	double min, max;
	const char *choices; /* strings and lists: "a|b|c" allowed; NULL: any */
	const char *later;   /* strings and lists: words of the contract that this version does not build, "x|y"; "?": every
				other word; "*": of any type, only a value that says nothing (null, false, "", [], {}) is
				allowed */
	const char *why;     /* later "*": the reason, instead of "not in this version" */
	const struct key_table *inner;
	const char *otherwise; /* the default as JSON text; NULL: the sentence says it */
	const char *example;   /* JSON text */
	const char *sentence;
};

struct key_table {
	const char *title;
	const struct key *keys;
	size_t count;
	const char *apart[2]; /* two keys of which only one may be there */
};

struct keys_report {
	const char *file;
	struct strbuf *errors;
	size_t count;
};

json_t *keys_load(struct span text, struct keys_report *r);
void keys_check(const json_t *object, const char *path, const struct key_table *table,
		struct keys_report *r);
void keys_error(struct keys_report *r, const char *path, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* parent.name or parent["name"]; malloc'ed */
char *keys_path(const char *parent, const char *name);
/* Has object a key that this table knows and the other does not?  So the form of a file is told. */
bool keys_any_of(const json_t *object, const struct key_table *table, const struct key_table *other);

/* Reads with a default. */
char *keys_string(const json_t *object, const char *name, const char *otherwise); /* malloc'ed */
int64_t keys_int(const json_t *object, const char *name, int64_t otherwise);
double keys_number(const json_t *object, const char *name, double otherwise);
bool keys_bool(const json_t *object, const char *name, bool otherwise);
/* malloc'ed array of malloc'ed strings */
char **keys_strings(const json_t *object, const char *name, size_t *count);
void strings_free(char **list, size_t count);
/* Is word one of "a|b|c"? */
bool keys_among(const char *choices, const char *word);
/* Canonical JSON text (sorted keys, no blanks) of v, or otherwise; malloc'ed */
char *keys_dump(const json_t *v, const char *otherwise);

#endif

/*
 * syntax - the text of a filter to a tree
 *
 *	struct syntax s;
 *	syntax_init(&s, text, "vmtable.conf", &arena, errors);
 *	plugins = syntax_parse(&s);               NULL and s.failed: an error was written
 *	syntax_error(&s, at, "...");              `ORIGIN:LINE:COLUMN: message`, the line, a caret below
 *
 * The grammar is that of Logstash's configuration (inside of `filter { }`): plugins with attributes, values that are strings,
 * barewords, numbers, arrays or hashes, comments.  Conditions (`if`) are refused by name in this version.
 * Ownership: the tree is the arena's and borrows the text.  Source: logstash-core, lscl_grammar.treetop (meaning only).
 */
#ifndef TRANSFORMS_SYNTAX_H
#define TRANSFORMS_SYNTAX_H

#include "watcher/base/arena.h"
#include "watcher/base/strbuf.h"

enum syntax_kind { SYNTAX_STRING, SYNTAX_NUMBER, SYNTAX_ARRAY, SYNTAX_HASH };

struct syntax_pair;

struct syntax_value {
	enum syntax_kind kind;
	size_t at;
	struct span text;           /* STRING, NUMBER */
	struct syntax_value *items; /* ARRAY: linked by next */
	struct syntax_pair *pairs;  /* HASH */
	struct syntax_value *next;
};

struct syntax_pair {
	struct syntax_value key;
	struct syntax_value value;
	struct syntax_pair *next;
};

struct syntax_attribute {
	struct span name;
	size_t at;
	struct syntax_value value;
	struct syntax_attribute *next;
};

struct syntax_plugin {
	struct span name;
	size_t at;
	struct syntax_attribute *attributes;
	struct syntax_plugin *next;
};

struct syntax {
	struct span text;
	const char *origin;
	struct arena *arena;
	struct strbuf *errors;
	size_t at;
	unsigned depth;
	bool failed;
};

void syntax_init(struct syntax *s, struct span text, const char *origin, struct arena *arena,
		 struct strbuf *errors);
struct syntax_plugin *syntax_parse(struct syntax *s);
void syntax_error(struct syntax *s, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif

/*
 * syntax - the text of a filter to a tree
 *
 *	struct syntax s;
 *	syntax_init(&s, &source, &arena, vars);
 *	nodes = syntax_parse(&s);          errors are in the source; parsing goes on behind each
 *
 * The grammar is that of Logstash's configuration: the inside of `filter { }`, or a whole pipeline, of which the filter sections are
 * taken and each setting of an input or output is refused with the key that stands for it here (pipeline.c).  Strings keep their
 * backslashes; `${NAME}` and `${NAME:default}` in strings are put in from vars, never from the environment.
 * Hostile text is bounded by SOURCE_MAX, SYNTAX_DEPTH and SYNTAX_NODES.
 * Ownership: the tree is the arena's and borrows the text.  Source: logstash-core, lscl_grammar.treetop (meaning only).
 */
#ifndef TRANSFORMS_SYNTAX_H
#define TRANSFORMS_SYNTAX_H

#include "watcher/base/arena.h"
#include "transforms/source.h"

#define SYNTAX_DEPTH 64
#define SYNTAX_NODES 100000
#define SYNTAX_ENTRIES 10000
#define SYNTAX_SETTINGS 1000

enum syntax_kind {
	SYNTAX_STRING,
	SYNTAX_WORD, /* a bare word: a string without quotes */
	SYNTAX_NUMBER,
	SYNTAX_ARRAY,
	SYNTAX_HASH,
	/* in conditions only */
	SYNTAX_FIELD,
	SYNTAX_REGEX,
};

struct syntax_pair;

struct syntax_value {
	enum syntax_kind kind;
	size_t at;
	struct span text;           /* all but ARRAY and HASH */
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

enum expression_kind {
	EXPRESSION_ANY, /* or: one of items */
	EXPRESSION_ALL, /* and: each of items */
	EXPRESSION_NOT, /* items: one */
	EXPRESSION_TRUTH,
	EXPRESSION_EQUAL,
	EXPRESSION_UNEQUAL,
	EXPRESSION_LESS,
	EXPRESSION_LESS_EQUAL,
	EXPRESSION_GREATER,
	EXPRESSION_GREATER_EQUAL,
	EXPRESSION_IN,
	EXPRESSION_NOT_IN,
	EXPRESSION_MATCH,
	EXPRESSION_NOT_MATCH,
};

struct syntax_expression {
	enum expression_kind kind;
	size_t at;
	struct syntax_expression *items;
	struct syntax_value left, right;
	struct syntax_expression *next;
};

struct syntax_node;

struct syntax_arm {
	struct syntax_expression *condition; /* NULL: else */
	size_t at;            /* of the condition */
	size_t condition_end; /* behind it */
	struct syntax_node *body;
	struct syntax_arm *next;
};

struct syntax_node {
	bool is_branch;
	size_t at;
	struct span name; /* the filter's */
	struct syntax_attribute *attributes;
	struct syntax_arm *arms;
	struct syntax_node *next;
};

struct filter_var {
	const char *name;
	const char *value;
};

struct filter_vars {
	const struct filter_var *items;
	size_t count;
};

struct syntax {
	struct source *source;
	struct span text;
	struct arena *arena;
	const struct filter_vars *vars;
	size_t at;
	unsigned depth;
	size_t nodes;
	bool lost; /* no sense in going on */
	bool broken_if; /* the branch just left had an error: an else may follow it */
};

void syntax_init(struct syntax *s, struct source *source, struct arena *arena,
		 const struct filter_vars *vars);
struct syntax_node *syntax_parse(struct syntax *s);

#endif

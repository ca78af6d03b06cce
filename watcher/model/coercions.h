/*
 * coercions - lossy conversions, counted per field with the first examples
 *
 *	struct coercions c;
 *	coercions_init(&c);
 *	coercions_note(&c, field, "float", "integer", example);
 *	coercions_add_json(&sb, &c);     [{"field","from","to","count","examples"}]
 *
 * Bounded: 64 entries (field, from, to), further ones are counted under the field "(others)"; 3 examples of at most 64
 * bytes each.  Nothing is allocated after an entry's first note.
 */
#ifndef MODEL_COERCIONS_H
#define MODEL_COERCIONS_H

#include "watcher/base/strbuf.h"

#define COERCIONS_MAX 64
#define COERCION_EXAMPLES 3
#define COERCION_TEXT 64

struct coercion {
	char field[COERCION_TEXT];
	const char *from; /* literals */
	const char *to;
	uint64_t count;
	size_t example_count;
	char examples[COERCION_EXAMPLES][COERCION_TEXT];
};

struct coercions {
	size_t len;
	struct coercion items[COERCIONS_MAX];
};

void coercions_init(struct coercions *c);
void coercions_note(struct coercions *c, struct span field, const char *from, const char *to,
		    struct span example);
void coercions_add_json(struct strbuf *sb, const struct coercions *c);

#endif

/*
 * rule - the table of rules; see the header
 */
#include "watcher/base/base.h"
#include "watcher/model/rule.h"

static const struct {
	const char *word, *remedy;
} table[] = {
	[RULE_NONE] = {NULL, NULL},
#define RULE(id, word, sentence, remedy) [RULE_##id] = {word, remedy},
#include "watcher/model/rules.def"
#undef RULE
};

const char *rule_word(enum rule r)
{
	CHECK((size_t)r < ARRAY_LEN(table));
	return table[r].word;
}

const char *rule_remedy(enum rule r)
{
	CHECK((size_t)r < ARRAY_LEN(table));
	return table[r].remedy;
}

/*
 * rule - why a file is not taken, or not finished: one word, one sentence for the manual, one remedy (rules.def)
 *
 *	rule_word(RULE_OPEN)  "open"    rule_remedy(RULE_OPEN)  "let the upload end, ..."
 *
 * `ingestctl explain`, `status`, the tenant's log and the manual say these words and no others.  arrival/ knows which rule keeps a file
 * in in/, the daemon which one keeps what was taken.  RULE_NONE has no words: NULL.
 */
#ifndef MODEL_RULE_H
#define MODEL_RULE_H

enum rule {
	RULE_NONE,
#define RULE(id, word, sentence, remedy) RULE_##id,
#include "watcher/model/rules.def"
#undef RULE
};

const char *rule_word(enum rule r);
const char *rule_remedy(enum rule r);

#endif

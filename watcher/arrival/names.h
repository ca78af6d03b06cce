/*
 * names - which names are never data, and which must be encoded
 *
 * Looks at the bytes of a name alone.  Never-data names (delivery.md, Arrival 2) stay in in/ for
 * ever; names that no folder, log or terminal should carry are claimed under an encoded name and
 * end in failed/.
 */
#ifndef ARRIVAL_NAMES_H
#define ARRIVAL_NAMES_H

#include "watcher/base/strbuf.h"
#include "watcher/model/rule.h"

#define NAMES_MAX 200     /* bytes of an acceptable name: leaves room for ".ARRIVALID.receipt.json" below NAME_MAX */
#define NAMES_ENCODED 181 /* buffer of an encoded name, with NUL: with ".receipt.json" it stays below NAMES_MAX */

enum names_class {
	NAMES_DATA,
	NAMES_NEVER,  /* stays in in/ */
	NAMES_ENCODE, /* claimed to failed/ under names_encode's name */
};

/* *rule: a phrase for people ("begins with a dot", "ends in .part"), NULL for NAMES_DATA; static. */
enum names_class names_classify(struct span name, const char **rule);
/* Why the name is never data; RULE_NONE: it may be. */
enum rule names_rule(struct span name);
/* It ends in .manifest.json, and nothing else in it keeps it in in/. */
bool names_may_start_run(struct span name);
/* Bad bytes and '%' as %XX; cut with a hash of the whole name in front of its extension.  Always a valid, bare, <= 180 bytes name. */
void names_encode(struct span name, char out[NAMES_ENCODED]);

#endif

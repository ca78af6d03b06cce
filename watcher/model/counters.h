/*
 * counters - the books of one leg
 *
 * read = indexed + duplicates + rejected + filtered + blank + unsent; the name, the receipt key and the sentence of each
 * stand once, in COUNTERS.
 */
#ifndef MODEL_COUNTERS_H
#define MODEL_COUNTERS_H

#include "watcher/base/strbuf.h"

#define COUNTERS(X) \
	X(read, "records cut from the file, header not counted") \
	X(indexed, "rows whose documents are all in the sink") \
	X(duplicates, "rows found there at a first attempt") \
	X(rejected, "rows listed in the rejects file") \
	X(filtered, "rows dropped by the filter") \
	X(blank, "empty lines") \
	X(unsent, "rows not sent because the file failed")

struct counters {
#define X(name, sentence) uint64_t name;
	COUNTERS(X)
#undef X
	uint64_t documents;
	/* the sink's side */
	uint64_t requests;
	uint64_t retries;
	uint64_t bytes_sent;
};

bool counters_balance(const struct counters *c);
/* {"read":..,"indexed":..,...} without documents and the sink's side */
void counters_add_rows_json(struct strbuf *sb, const struct counters *c);

#endif

/*
 * counters - the books of one leg; see the header
 */
#include "watcher/base/base.h"
#include "watcher/model/counters.h"
#include "watcher/base/json_out.h"

bool counters_balance(const struct counters *c)
{
	return c->read == c->indexed + c->duplicates + c->rejected + c->filtered + c->blank + c->unsent;
}

void counters_add_rows_json(struct strbuf *sb, const struct counters *c)
{
	strbuf_addc(sb, '{');
#define X(name, sentence) json_pair_u64(sb, #name, c->name);
	COUNTERS(X)
#undef X
	strbuf_addc(sb, '}');
}

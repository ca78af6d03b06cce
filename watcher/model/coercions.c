/*
 * coercions - lossy conversions counted per field; see the header
 *
 * Called for each such value, so finding the entry must be cheap: few entries, walked from the one used last.
 */
#include "watcher/base/base.h"
#include "watcher/model/coercions.h"
#include "watcher/base/json_out.h"
#include "watcher/base/utf8.h"

void coercions_init(struct coercions *c)
{
	c->len = 0;
}

/* Copies s, cut at a character. */
static void put_text(char out[COERCION_TEXT], struct span s)
{
	if (s.n >= COERCION_TEXT) {
		s.n = COERCION_TEXT - 1;
		s.n = utf8_valid_prefix(s);
	}
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
}

static struct coercion *entry(struct coercions *c, struct span field, const char *from, const char *to)
{
	struct coercion *e;
	char name[COERCION_TEXT];

	put_text(name, field);
	for (size_t i = 0; i < c->len; i++) {
		e = &c->items[i];
		if (strcmp(e->field, name) == 0 && strcmp(e->from, from) == 0 &&
		    strcmp(e->to, to) == 0)
			return e;
	}
	if (c->len >= COERCIONS_MAX - 1) {
		if (c->len == COERCIONS_MAX)
			return &c->items[COERCIONS_MAX - 1];
		put_text(name, SPAN_LITERAL("(others)"));
		from = to = "";
	}
	e = &c->items[c->len++];
	memset(e, 0, sizeof(*e));
	memcpy(e->field, name, sizeof(name));
	e->from = from;
	e->to = to;
	return e;
}

void coercions_note(struct coercions *c, struct span field, const char *from, const char *to,
		    struct span example)
{
	struct coercion *e = entry(c, field, from, to);

	e->count++;
	if (e->example_count < COERCION_EXAMPLES)
		put_text(e->examples[e->example_count++], example);
}

void coercions_add_json(struct strbuf *sb, const struct coercions *c)
{
	strbuf_addc(sb, '[');
	for (size_t i = 0; i < c->len; i++) {
		const struct coercion *e = &c->items[i];

		json_add_comma(sb);
		strbuf_addc(sb, '{');
		json_pair_string(sb, "field", e->field);
		json_pair_string(sb, "from", e->from);
		json_pair_string(sb, "to", e->to);
		json_pair_u64(sb, "count", e->count);
		json_add_key(sb, "examples");
		strbuf_addc(sb, '[');
		for (size_t k = 0; k < e->example_count; k++) {
			json_add_comma(sb);
			json_add_lossy(sb, span_of(e->examples[k]));
		}
		strbuf_adds(sb, "]}");
	}
	strbuf_addc(sb, ']');
}

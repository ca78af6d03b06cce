/*
 * fuzz_answer - hostile answers of a server: the walk over JSON, the items of a bulk, reasons
 *
 * Checked: no crash, no leak; what jansson takes for JSON the walk takes too; an answer that is taken for that of a bulk has every id that
 * was sent, and a status of its own for each.
 */
#include "watcher/base/base.h"
#include "watcher/base/arena.h"
#include "watcher/base/json_in.h"
#include "watcher/sink/sink_elasticsearch_own.h"
#include <jansson.h>

#define ROWS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bulk *sent(void)
{
	static struct bulk *b;
	struct arena arena;

	if (b)
		return b;
	b = bulk_new();
	arena_init(&arena, 1024);
	for (uint64_t row = 1; row <= ROWS; row++) {
		struct event ev;

		event_init(&ev, &arena);
		bulk_begin(b, "AAAAAAAAAAAAAAAAAAAA", row, 0, false);
		event_add_json(&b->body, &ev);
		bulk_end(b);
	}
	arena_release(&arena);
	return b;
}

static size_t ids_in(struct span text)
{
	size_t n = 0;

	for (size_t i = 0; i + 22 <= text.n; i++)
		n += memcmp(text.p + i, "AAAAAAAAAAAAAAAAAAAA-", 21) == 0;
	return n;
}

static void try_walk(struct span text)
{
	json_t *other = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);
	struct json_in in;

	json_in_init(&in, text);
	json_in_skip(&in);
	/* jansson takes a NUL behind a number for the end of the text */
	if (other && !memchr(text.p, '\0', text.n))
		CHECK(json_in_end(&in));
	json_decref(other);
}

/* index NULL: in order; else by ids, and what has another is known as moved. */
static void try_answer(struct span text, const char *index, struct strbuf *reason)
{
	const struct answer_to to = {"AAAAAAAAAAAAAAAAAAAA", index};
	struct answer_item items[ROWS];
	size_t moved = 0;
	char why[128];

	if (answer_read(text, sent(), &to, items, why) < 0)
		return;
	for (size_t i = 0; i < ROWS; i++) {
		CHECK(items[i].status >= 200 && items[i].status < 600);
		moved += items[i].moved;
		es_add_reason(reason, items[i].error);
	}
	CHECK(ids_in(text) + moved >= ROWS && (index || !moved));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {(const char *)data, size};
	struct strbuf reason = STRBUF_INIT;

	try_walk(text);
	try_answer(text, NULL, &reason);
	try_answer(text, "rows", &reason);
	es_add_reason(&reason, text);
	strbuf_release(&reason);
	return 0;
}

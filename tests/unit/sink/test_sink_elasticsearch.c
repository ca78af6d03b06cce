/* sink_elasticsearch: bodies, their halves, what is an answer to them, nodes that go and come back. */
#include "watcher/base/base.h"
#include "watcher/base/arena.h"
#include "watcher/base/clock.h"
#include "watcher/sink/sink_elasticsearch_own.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define D "AAAAAAAAAAAAAAAAAAAA"

static const struct answer_to ours = {D, NULL}, placed = {D, "rows"};

static struct bulk *bulk_of(size_t rows)
{
	struct bulk *b = bulk_new();
	struct arena arena;

	arena_init(&arena, 1024);
	for (size_t i = 1; i <= rows; i++) {
		struct event ev;

		arena_reset(&arena);
		event_init(&ev, &arena);
		event_append(&ev, SPAN_LITERAL("a"), value_string(SPAN_LITERAL("x\ny")));
		bulk_begin(b, D, i, 0, i == 3);
		if (i != 3)
			event_add_json(&b->body, &ev);
		bulk_end(b);
	}
	arena_release(&arena);
	return b;
}

/* Counted up or made anew, an id is the same; where a digit is added, where rows are left out, and with parts. */
static void ids_one_after_another(void **state)
{
	static const uint64_t firsts[] = {1, 35, 36, 1295, 46655, 60466175, UINT64_MAX - 2};
	struct document_ids ids = {.row = 0};
	char want[DOCUMENT_ID_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(firsts); i++)
		for (uint64_t row = firsts[i]; row && row < firsts[i] + 3; row++)
			for (unsigned part = 0; part < (row % 2 ? 1 : 3); part++) {
				size_t n = document_id(D, row, part, want);

				assert_true(span_equal(document_ids_at(&ids, D, row, part), (struct span){want, n}));
			}
	for (uint64_t row = 1; row < 100000; row++) {
		size_t n = document_id(D, row, 0, want);

		assert_true(span_equal(document_ids_at(&ids, D, row, 0), (struct span){want, n}));
	}
}

/* A line break in a value is no line break in the body: nothing can be injected. */
static void body_as_the_reference_has_it(void **state)
{
	struct bulk *b = bulk_of(3);

	(void)state;
	assert_string_equal(b->body.p, "{\"create\":{\"_id\":\"" D "-1\"}}\n{\"a\":\"x\\ny\"}\n"
				       "{\"create\":{\"_id\":\"" D "-2\"}}\n{\"a\":\"x\\ny\"}\n"
				       "{\"delete\":{\"_id\":\"" D "-3\"}}\n");
	bulk_free(&b);
}

static void some_stay(void **state)
{
	struct bulk *b = bulk_of(40);
	bool keep[40];

	(void)state;
	for (size_t i = 0; i < 40; i++)
		keep[i] = i == 0 || i == 35;
	bulk_keep(b, keep);
	assert_int_equal(b->len, 2);
	assert_string_equal(b->body.p, "{\"create\":{\"_id\":\"" D "-1\"}}\n{\"a\":\"x\\ny\"}\n"
				       "{\"create\":{\"_id\":\"" D "-10\"}}\n{\"a\":\"x\\ny\"}\n");
	assert_int_equal(b->documents[1].row, 36);
	bulk_free(&b);
}

/* Down to one document, with every byte and in order. */
static void halves(void **state)
{
	(void)state;
	for (size_t n = 2; n < 50; n++) {
		struct bulk *b = bulk_of(n), *half = bulk_new(), *whole = bulk_of(n);

		bulk_split(b, half);
		assert_int_equal(b->len + half->len, n);
		assert_true(b->len > 0 && half->len > 0);
		assert_int_equal(b->documents[b->len - 1].row + 1, half->documents[0].row);
		strbuf_addspan(&b->body, strbuf_span(&half->body));
		assert_string_equal(b->body.p, whole->body.p);
		bulk_free(&b);
		bulk_free(&half);
		bulk_free(&whole);
	}
}

#define I1 "{\"create\":{\"_id\":\"" D "-1\",\"status\":201}}"
#define I2 "{\"create\":{\"_id\":\"" D "-2\",\"status\":409,\"error\":{\"type\":\"t\"}}}"
#define I3 "{\"delete\":{\"status\":404,\"_id\":\"" D "-3\"}}"

static const struct {
	const char *text;
	bool good;
} answers[] = {
	{"{\"took\":1,\"errors\":true,\"items\":[" I1 "," I2 "," I3 "]}", true},
	{"{\"items\":[" I1 "," I2 "," I3 "],\"took\":5}", true},
	{"{\"items\":[" I1 "," I2 "]}", false},				  /* partial */
	{"{\"items\":[" I1 "," I2 "," I3 "," I3 "]}", false},		  /* one more */
	{"{\"items\":[" I2 "," I1 "," I3 "]}", false},			  /* swapped */
	{"{\"items\":[" I1 "," I1 "," I3 "]}", false},			  /* another's */
	{"{\"items\":[" I1 "," I2 ",{\"create\":{\"status\":201,\"_id\":\"" D "-3\"}}]}", false}, /* another op */
	{"{\"items\":[" I1 "," I2 ",{\"delete\":{\"_id\":\"" D "-3\"}}]}", false}, /* no status */
	{"{\"items\":[" I1 "," I2 ",{\"delete\":{\"status\":\"200\",\"_id\":\"" D "-3\"}}]}", false},
	{"{\"items\":[" I1 "," I2 ",{\"delete\":{\"status\":100,\"_id\":\"" D "-3\"}}]}", false},
	{"{\"items\":[" I1 "," I2 ",{}]}", false},
	{"{\"items\":[" I1 "," I2 "," I3 "]", false},			  /* cut */
	{"{\"items\":{}}", false},
	{"{\"took\":1,\"errors\":false}", false},
	{"[]", false},
	{"", false},
	{"<html>", false},
};

static void an_answer_is_whole_and_in_order(void **state)
{
	struct bulk *b = bulk_of(3);
	struct answer_item items[3];
	char why[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		int r = answer_read(span_of(answers[i].text), b, &ours, items, why);

		if ((r == 0) != answers[i].good)
			fail_msg("%s", answers[i].text);
		if (r < 0)
			continue;
		assert_int_equal(items[0].status, 201);
		assert_int_equal(items[1].status, 409);
		assert_true(span_is(items[1].error, "{\"type\":\"t\"}"));
		assert_int_equal(items[2].status, 404);
	}
	bulk_free(&b);
}

#define AT(id, index) "{\"create\":{\"_index\":\"" index "\",\"_id\":\"" id "\",\"status\":201}}"

static const struct {
	const char *text;
	bool good, moved;
} places[] = {
	{"{\"items\":[" AT(D "-1", "rows") "," AT(D "-2", "rows") "]}", true, false},
	{"{\"items\":[" AT(D "-1", "rows") "," AT(D "-2", "elsewhere") "]}", true, true},
	{"{\"items\":[" AT(D "-1", "rows") "," AT("mine", "rows") "]}", true, true},
	{"{\"items\":[" AT(D "-1", "rows") "," AT("mine", "elsewhere") "]}", true, true},
	{"{\"items\":[" AT(D "-2", "rows") "," AT(D "-1", "rows") "]}", true, false}, /* swapped, as OpenSearch does */
	{"{\"items\":[" AT(D "-2", "elsewhere") "," AT(D "-1", "rows") "]}", true, true},
	{"{\"items\":[" AT(D "-1", "rows") "," AT(D "-1", "rows") "]}", false, false}, /* twice */
	{"{\"items\":[" AT(D "-1", "rows") "," AT(D "-4", "rows") "]}", false, false}, /* not sent */
	{"{\"items\":[" AT(D "-1", "rows") "," AT(D "-02", "rows") "]}", false, false},
	{"{\"items\":[" AT(D "-1", "rows") "," AT(D "-2.1", "rows") "]}", false, false},
	{"{\"items\":[" AT(D "-1", "rows") "]}", false, false},
	{"{\"items\":[" AT(D "-1", "rows") "," AT(D "-2", "rows") "," AT(D "-2", "rows") "]}", false, false},
	{"{\"items\":[" AT(D "-1", "rows") ",{\"delete\":{\"_index\":\"rows\",\"_id\":\"" D "-2\",\"status\":200}}]}", false, false},
	{"{\"items\":[" AT(D "-1", "rows") "," AT(D "-1", "elsewhere") "]}", false, false},
};

static void with_a_pipeline_the_answer_says_where_a_document_is(void **state)
{
	struct bulk *b = bulk_of(3);
	struct answer_item items[3];
	char why[128];

	(void)state;
	b->len = 2; /* the third is to be removed */
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		int r = answer_read(span_of(places[i].text), b, &placed, items, why);

		if ((r == 0) != places[i].good || (r == 0 && items[1].moved != places[i].moved))
			fail_msg("%s", places[i].text);
		if (r == 0)
			assert_false(items[0].moved);
	}
	bulk_free(&b);
}

/* A delivery is base64url: a dash in it is not the one before the row. */
static void an_id_that_begins_as_ours_does_is_none_of_ours(void **state)
{
	static const char text[] = "{\"items\":[{\"create\":{\"_index\":\"rows\",\"_id\":\"A-mine\",\"status\":201}}]}";
	const struct answer_to to = {"A-AAAAAAAAAAAAAAAAAA", "rows"};
	struct bulk *b = bulk_of(1);
	struct answer_item item;
	char why[128];

	(void)state;
	assert_int_equal(answer_read(span_of(text), b, &to, &item, why), 0);
	assert_true(item.moved);
	bulk_free(&b);
}

static void a_node_that_failed_is_left_out_and_comes_back(void **state)
{
	char *urls[] = {(char *)(uintptr_t) "a", (char *)(uintptr_t) "b", (char *)(uintptr_t) "c"};
	struct es_nodes n;
	size_t seen[3] = {0};

	(void)state;
	es_nodes_init(&n, urls, 3);
	for (int i = 0; i < 30; i++)
		seen[es_nodes_pick(&n, ES_BULK)]++;
	assert_true(seen[0] == 10 && seen[1] == 10 && seen[2] == 10);
	/* two questions and a bulk a file: the bulks go round all the same */
	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < 30; i++) {
		(void)es_nodes_pick(&n, ES_ASKED);
		(void)es_nodes_pick(&n, ES_ASKED);
		seen[es_nodes_pick(&n, ES_BULK)]++;
	}
	assert_true(seen[0] == 10 && seen[1] == 10 && seen[2] == 10);
	for (int i = 0; i < 50; i++)
		es_nodes_failed(&n, 1);
	/* whatever it did: it is asked again within 30 s */
	assert_true(n.list[1].down_until - clock_mono_ms() <= 20000);
	for (int i = 0; i < 30; i++)
		assert_int_not_equal(es_nodes_pick(&n, ES_BULK), 1);
	n.list[1].down_until = clock_mono_ms() - 1;
	assert_true(es_nodes_pick(&n, ES_BULK) == 1 || es_nodes_pick(&n, ES_BULK) == 1 || es_nodes_pick(&n, ES_BULK) == 1);
	/* all are down: the one that is due first */
	es_nodes_failed(&n, 0);
	es_nodes_failed(&n, 1);
	es_nodes_failed(&n, 2);
	n.list[2].down_until -= 500;
	assert_int_equal(es_nodes_pick(&n, ES_BULK), n.list[2].down_until < n.list[0].down_until ? 2 : 0);
	es_nodes_worked(&n, 2);
	assert_int_equal(n.list[2].fails, 0);
	es_nodes_release(&n);
}

static void pauses_grow_with_jitter_and_heed_the_server(void **state)
{
	int64_t least = INT64_MAX, most = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t ms = es_backoff(0, 0);

		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	assert_true(least >= 50 && most <= 100 && most - least > 30);
	assert_in_range(es_backoff(20, 0), 2500, 5000);
	assert_int_equal(es_backoff(0, 7000), 7000);
}

static void reasons(void **state)
{
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	es_add_reason(&sb, span_of("{\"type\":\"mapper_parsing_exception\",\"reason\":\"failed to parse field [a]\",\"caused_by\":"
				   "{\"type\":\"x\",\"reason\":\"For input string: \\\"12x\\\"\"}}"));
	assert_string_equal(sb.p, "mapper_parsing_exception: failed to parse field [a]: For input string: \"12x\"");
	strbuf_reset(&sb);
	es_add_reason(&sb, span_of("\"no handler\""));
	assert_string_equal(sb.p, "no handler");
	strbuf_release(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_one_after_another),
		cmocka_unit_test(body_as_the_reference_has_it),
		cmocka_unit_test(some_stay),
		cmocka_unit_test(halves),
		cmocka_unit_test(an_answer_is_whole_and_in_order),
		cmocka_unit_test(with_a_pipeline_the_answer_says_where_a_document_is),
		cmocka_unit_test(an_id_that_begins_as_ours_does_is_none_of_ours),
		cmocka_unit_test(a_node_that_failed_is_left_out_and_comes_back),
		cmocka_unit_test(pauses_grow_with_jitter_and_heed_the_server),
		cmocka_unit_test(reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

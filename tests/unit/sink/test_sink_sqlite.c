/*
 * test_sink_sqlite - the embedded store through the sink contract, read back with a handle of its
 * own and the sqlite3 program
 */
#include "tests/unit/sink/fixture.h"
#include "watcher/sink/document_id.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void types_are_kept(void **state UNUSED)
{
	struct sink_pool *pool = sink_pool_new();
	struct answers got = {0};
	struct mapping m;
	struct sink *s;
	struct arena a;
	struct event ev;
	struct value_array list = {0};

	arena_init(&a, 4096);
	parse(&m,
	      "\"i\":{\"type\":\"integer\"},\"l\":{\"type\":\"long\"},\"u\":{\"type\":\"unsigned_"
	      "long\"},"
	      "\"d\":{\"type\":\"double\"},\"b\":{\"type\":\"boolean\"},\"t\":{\"type\":\"date\"},"
	      "\"k\":{\"type\":\"keyword\"},\"K\":{\"type\":\"keyword\"},\"_id\":{\"type\":"
	      "\"keyword\"}");
	open_leg(pool, "alice-x", &m, D, &got, &s);
	event_init(&ev, &a);
	add(&ev, VALUE_INT, "i", "-7");
	add(&ev, VALUE_INT, "l", "9223372036854775807");
	add(&ev, VALUE_INT, "u", "18446744073709551615");
	add(&ev, VALUE_FLOAT, "d", "0.1");
	event_append(&ev, span_of("b"), (struct value){.type = VALUE_BOOL, .u = {.boolean = true}});
	event_append(&ev, span_of("t"), (struct value){.type = VALUE_TIME, .u = {.time_ms = 3}});
	add(&ev, VALUE_STRING, "k", "o'n\"e");
	add(&ev, VALUE_STRING, "K", "other");
	add(&ev, VALUE_STRING, "_id", "mine");
	add(&ev, VALUE_INT, "huge", "123456789012345678901234567890");
	put(s, 1, &ev);
	event_init(&ev, &a);
	value_array_add(&list, &a, value_string(span_of("x")));
	event_append(&ev, span_of("k"), (struct value){.type = VALUE_ARRAY, .u = {.array = &list}});
	add(&ev, VALUE_STRING, "i", "");
	add(&ev, VALUE_STRING, "d", "1e3");
	put(s, 36, &ev);
	assert_int_equal(sink_pending(s), 2);
	assert_int_equal(sink_oldest_pending(s), 1);
	flush(s);
	assert_int_equal(got.indexed, 2);
	assert_sql("select _id, i, typeof(i), l, typeof(l), u, typeof(u), d, typeof(d), b, t, k, "
		   "_extra from \"alice-x\" where i",
		   D
		   "-1|-7|integer|9223372036854775807|integer|18446744073709551615|text|0.1|real|1|"
		   "1970-01-01T00:00:00.003Z|o'n\"e|{\"K\":\"other\",\"_id\":\"mine\",\"huge\":"
		   "123456789012345678901234567890}\n");
	assert_sql("select _id, i is null, d, k, _extra is null from \"alice-x\" where i is null",
		   D "-10|1|1000.0|[\"x\"]|1\n");
	sink_close(&s);
	sink_pool_free(&pool);
	mapping_release(&m);
	arena_release(&a);
}

static void put_values(struct sink *s, uint64_t row, const struct span *names, const struct value *values, size_t count)
{
	struct sink_values v = {names, values, count};
	struct fault f = FAULT_INIT;

	assert_true(sink_takes_values(s, names, count));
	if (sink_put_values(s, row, &v, &f) < 0)
		fail_msg("%s", f.text);
}

#define TEXT(t, s) {.type = VALUE_##t, .u = {.text = {s, sizeof(s) - 1}}}
#define NAME(s) {s, sizeof(s) - 1}

/* As values and as an event: columns, another's name but for case, one that is not mapped, and nothing. */
static void values_are_the_events(void **state UNUSED)
{
	static const struct span names[] = {NAME("i"), NAME("d"), NAME("b"), NAME("k"), NAME("K"), NAME("more")};
	static const struct value rows[][6] = {
		{TEXT(INT, "-7"), TEXT(FLOAT, "-73.25"), {.type = VALUE_BOOL, .u = {.boolean = true}},
		 TEXT(STRING, "a\"b"), TEXT(STRING, "other"), TEXT(STRING, "x")},
		{{.type = VALUE_NULL}, {.type = VALUE_NULL}, {.type = VALUE_NULL}, TEXT(STRING, ""), {.type = VALUE_NULL}, {.type = VALUE_NULL}},
	};
	struct sink_pool *pool = sink_pool_new();
	struct answers got = {0};
	struct mapping m;
	struct sink *s;
	struct arena a;
	struct event ev;

	arena_init(&a, 4096);
	parse(&m, "\"i\":{\"type\":\"long\"},\"d\":{\"type\":\"double\"},\"b\":{\"type\":\"boolean\"},"
		  "\"k\":{\"type\":\"keyword\"},\"K\":{\"type\":\"keyword\"}");
	open_leg(pool, "alice-values", &m, D, &got, &s);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		put_values(s, i + 1, names, rows[i], ARRAY_LEN(names));
	flush(s);
	sink_close(&s);
	open_leg(pool, "alice-events", &m, D, &got, &s);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		event_init(&ev, &a);
		for (size_t k = 0; k < ARRAY_LEN(names); k++)
			event_append(&ev, names[k], rows[i][k]);
		put(s, i + 1, &ev);
	}
	flush(s);
	assert_int_equal(got.indexed, 4);
	assert_sql("select count(*) from (select * from \"alice-values\" except select * from \"alice-events\")", "0\n");
	assert_sql("select i, typeof(i), d, typeof(d), b, k, _extra from \"alice-values\" where i",
		   "-7|integer|-73.25|real|1|a\"b|{\"K\":\"other\",\"more\":\"x\"}\n");
	assert_sql("select i is null, d is null, b is null, k, _extra from \"alice-values\" where i is null",
		   "1|1|1||{\"K\":null,\"more\":null}\n");
	sink_close(&s);
	sink_pool_free(&pool);
	mapping_release(&m);
	arena_release(&a);
}

/* The table has a type of it that nobody has checked the values by. */
static void mapped_no_longer(void **state UNUSED)
{
	static const struct span names[] = {NAME("n"), NAME("k")};
	struct sink_pool *pool = sink_pool_new();
	struct answers got = {0};
	struct mapping m, less;
	struct sink *s;

	parse(&m, "\"n\":{\"type\":\"long\"},\"k\":{\"type\":\"keyword\"}");
	parse(&less, "\"k\":{\"type\":\"keyword\"}");
	open_leg(pool, "alice-x", &m, D, &got, &s);
	assert_true(sink_takes_values(s, names, 2));
	sink_close(&s);
	open_leg(pool, "alice-x", &less, E, &got, &s);
	assert_false(sink_takes_values(s, names, 2));
	assert_false(sink_takes_values(s, names, 2));
	sink_close(&s);
	sink_pool_free(&pool);
	mapping_release(&m);
	mapping_release(&less);
}

static void the_same_delivery_adds_nothing(void **state UNUSED)
{
	struct sink_pool *pool = sink_pool_new();
	struct answers got = {0};
	struct mapping m;
	struct sink *s;
	struct fault f = FAULT_INIT;
	uint64_t deleted;

	parse(&m, "\"n\":{\"type\":\"long\"}");
	open_leg(pool, "r", &m, D, &got, &s);
	load_rows(s, 1, 12345);
	assert_int_equal(got.indexed, 10000); /* a full batch was committed by itself */
	assert_int_equal(sink_oldest_pending(s), 10001);
	flush(s);
	assert_int_equal(got.indexed, 12345);
	assert_int_equal(sink_stats(s)->requests, 2);
	sink_close(&s);
	open_leg(pool, "r", &m, E, &got, &s);
	load_rows(s, 1, 10);
	flush(s);
	sink_close(&s);
	memset(&got, 0, sizeof(got));
	open_leg(pool, "r", &m, D, &got, &s);
	load_rows(s, 12340, 12350);
	flush(s);
	assert_int_equal(got.already, 6);
	assert_int_equal(got.indexed, 5);
	assert_sql("select count(*), count(distinct _id), sum(n) from r where _id < \"" E "\"",
		   "12350|12350|76267425\n");
	assert_int_equal(sink_undo(s, 12350, &deleted, &f), 0);
	assert_int_equal(deleted, 12350);
	assert_sql("select count(*) from r", "10\n");
	sink_close(&s);
	sink_pool_free(&pool);
	mapping_release(&m);
}

static void undo_of_nothing(void **state UNUSED)
{
	struct sink_pool *pool = sink_pool_new();
	struct fault f = FAULT_INIT;
	uint64_t deleted = 9;
	struct sink *s;

	open_leg(pool, "never-made", NULL, D, NULL, &s);
	assert_int_equal(sink_undo(s, 100, &deleted, &f), 0);
	assert_int_equal(deleted, 0);
	sink_close(&s);
	sink_pool_free(&pool);
}

static void a_removed_store_is_made_again(void **state UNUSED)
{
	struct sink_pool *pool = sink_pool_new();
	struct answers got = {0};
	struct mapping m;
	struct sink *s;
	struct stat st;
	char *db = xasprintf("%s/alice/data.db", folder);

	parse(&m, "\"n\":{\"type\":\"long\"}");
	open_leg(pool, "r", &m, D, &got, &s);
	load_rows(s, 1, 1);
	flush(s);
	sink_close(&s);
	assert_int_equal(stat(db, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	run(xasprintf("rm -rf %s/alice", folder), NULL);
	open_leg(pool, "r", &m, D, &got, &s);
	load_rows(s, 1, 1);
	flush(s);
	sink_close(&s);
	assert_int_equal(got.indexed, 2);
	assert_sql("select count(*) from r", "1\n");
	sink_pool_free(&pool);
	mapping_release(&m);
	free(db);
}

/* Four workers of one tenant, each its own delivery, the same index, made by whoever is first. */
static void workers_at_once(void **state UNUSED)
{
	pid_t pids[4];

	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			char delivery[] = D;
			struct sink_pool *pool = sink_pool_new();
			struct answers got = {0};
			struct mapping m;
			struct sink *s;

			delivery[0] = (char)('a' + i);
			parse(&m, "\"n\":{\"type\":\"long\"}");
			open_leg(pool, "shared", &m, delivery, &got, &s);
			for (uint64_t k = 0; k < 20; k++) {
				load_rows(s, k * 100 + 1, k * 100 + 100);
				flush(s);
			}
			_exit(got.indexed == 2000 ? 0 : 1);
		}
	}
	for (int i = 0; i < 4; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_sql("select count(*), sum(n) from shared", "8000|8004000\n");
}

/* Loads until the file may not grow any more: 0 when that is the fault it should be. */
static int load_until_full(struct mapping *m)
{
	struct rlimit limit = {256 * 1024, 256 * 1024};
	struct sink_pool *pool = sink_pool_new();
	struct answers got = {0};
	struct fault f = FAULT_INIT;
	struct sink *s;

	open_leg(pool, "r", m, D, &got, &s);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	load_rows(s, 1, 9999);
	if (sink_flush(s, &f) == 0 || f.kind != FAULT_SYSTEM || !strstr(f.text, "data.db"))
		return 1;
	if (got.indexed != 0)
		return 2;
	sink_close(&s);
	sink_pool_free(&pool);
	return 0;
}

static void a_full_disk_is_a_system_fault(void **state UNUSED)
{
	struct sink_pool *pool = sink_pool_new();
	struct answers got = {0};
	struct mapping m;
	struct sink *s;
	int status;
	pid_t pid;

	parse(&m, "\"n\":{\"type\":\"long\"}");
	pid = fork();
	if (pid == 0)
		_exit(load_until_full(&m));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	open_leg(pool, "r", &m, D, &got, &s);
	load_rows(s, 1, 9999);
	flush(s);
	assert_int_equal(got.indexed, 9999);
	assert_sql("select count(*) from r", "9999\n");
	sink_close(&s);
	sink_pool_free(&pool);
	mapping_release(&m);
}

static void ids(void **state UNUSED)
{
	static const struct {
		uint64_t row;
		unsigned part;
		const char *want;
	} cases[] = {
		{1, 0, D "-1"},
		{35, 0, D "-z"},
		{36, 0, D "-10"},
		{1296, 3, D "-100.3"},
		{UINT64_MAX, 4294967295u, D "-3w5e11264sgsf.4294967295"},
	};
	char out[DOCUMENT_ID_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = document_id(D, cases[i].row, cases[i].part, out);

		assert_string_equal(out, cases[i].want);
		assert_int_equal(n, strlen(out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(types_are_kept),
		T(values_are_the_events),
		T(mapped_no_longer),
		T(the_same_delivery_adds_nothing),
		T(undo_of_nothing),
		T(a_removed_store_is_made_again),
		T(workers_at_once),
		T(a_full_disk_is_a_system_fault),
		cmocka_unit_test(ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_sink_sqlite - the embedded store through the sink contract, read back with a handle of its
 * own and the sqlite3 program
 */
#include "watcher/base/base.h"
#include "watcher/base/fsutil.h"
#include "watcher/sink/document_id.h"
#include "watcher/sink/sink.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define D "AAAAAAAAAAAAAAAAAAAA"
#define E "AAAAAAAAAAAAAAAAAAAB"

struct answers {
	size_t indexed, already, rejected;
	uint64_t last_row;
	char column[64];
	char text[256];
};

static char folder[64];
static struct sink_config config = {.name = NULL, .type = SINK_SQLITE, .path = folder};

static void count_answer(void *context, const struct sink_answer *a)
{
	struct answers *got = context;

	got->last_row = a->row;
	switch (a->verdict) {
	case SINK_INDEXED:
		got->indexed++;
		break;
	case SINK_ALREADY:
		got->already++;
		break;
	case SINK_REJECTED:
		got->rejected++;
		snprintf(got->column, sizeof(got->column), "%.*s", SPAN_FMT(a->column));
		snprintf(got->text, sizeof(got->text), "%.*s", SPAN_FMT(a->text));
		break;
	}
}

static int set_up(void **state UNUSED)
{
	static char name[] = "local";

	snprintf(folder, sizeof(folder), "/tmp/test_sink.XXXXXX");
	config.name = name;
	return mkdtemp(folder) ? 0 : -1;
}

/* Takes the line. */
static void run(char *line, struct strbuf *out)
{
	FILE *p = popen(line, "r");
	char buf[4096];
	size_t n;

	assert_non_null(p);
	while (out && (n = fread(buf, 1, sizeof(buf), p)) > 0)
		strbuf_add(out, buf, n);
	assert_int_equal(pclose(p), 0);
	free(line);
}

static int tear_down(void **state UNUSED)
{
	run(xasprintf("rm -rf %s", folder), NULL);
	return 0;
}

/* What the sqlite3 program prints. */
static void assert_sql(const char *sql, const char *want)
{
	struct strbuf sb = STRBUF_INIT;
	char *db = xasprintf("%s/alice/data.db", folder);

	run(xasprintf("sqlite3 -batch '%s' '%s'", db, sql), &sb);
	assert_string_equal(sb.p, want);
	free(db);
	strbuf_release(&sb);
}

static void open_leg(struct sink_pool *pool, const char *index, struct mapping *m,
		     const char *delivery, struct answers *got, struct sink **s)
{
	struct sink_leg leg = {&config, "alice", index, m, "{}", "{}", delivery, .answer = count_answer, .context = got};
	struct fault f = FAULT_INIT;

	if (sink_open(pool, &leg, s, &f) < 0)
		fail_msg("%s", f.text);
}

static void parse(struct mapping *m, const char *properties)
{
	char *text = xasprintf("{\"properties\": {%s}}", properties);
	struct fault f = FAULT_INIT;

	assert_int_equal(mapping_parse(span_of(text), m, &f), 0);
	free(text);
}

static void put(struct sink *s, uint64_t row, struct event *ev)
{
	struct fault f = FAULT_INIT;

	if (sink_put(s, row, 0, ev, &f) < 0)
		fail_msg("%s", f.text);
}

static void flush(struct sink *s)
{
	struct fault f = FAULT_INIT;

	if (sink_flush(s, &f) < 0)
		fail_msg("%s", f.text);
	assert_int_equal(sink_pending(s), 0);
	assert_int_equal(sink_oldest_pending(s), 0);
}

static void add(struct event *ev, enum value_type type, const char *name, const char *text)
{
	event_append(ev, span_of(name), (struct value){.type = type, .u = {.text = span_of(text)}});
}

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

static const struct {
	const char *type, *value;
	bool fits;
} fit_cases[] = {
	{"integer", "12", true},
	{"integer", "2147483648", false},
	{"integer", ">24", false},
	{"integer", "12.7", true},
	{"integer", "", true},
	{"integer", "007", true},
	{"integer", "1e400", false},
	{"integer", "0x10", false},
	{"integer", " 1", false},
	{"byte", "-128", true},
	{"byte", "128", false},
	{"short", "32768", false},
	{"long", "9223372036854775808", false},
	{"long", "-9223372036854775808", true},
	{"long", "9223372036854775808.0", false},
	{"long", "9223372036854774000.5", true},
	{"unsigned_long", "-1", false},
	{"unsigned_long", "18446744073709551616", false},
	{"unsigned_long", "00018446744073709551615", true},
	{"unsigned_long", "-0", true},
	{"double", "1e308", true},
	{"double", "1e309", false},
	{"double", "NaN", false},
	{"double", "Infinity", false},
	{"double", ".5", true},
	{"double", "5.", true},
	{"double", ".", false},
	{"float", "1e39", false},
	{"half_float", "65520", false},
	{"double", "1e", false},
	{"boolean", "true", true},
	{"boolean", "yes", false},
	{"boolean", "", true},
	{"keyword", "anything", true},
	{"date", "2020-02-29", true},
	{"date", "2020-02-30", false},
	{"date", "today", false},
	{"date_nanos", "1969-12-31", false},
	{"ip", "::1", true},
	{"ip", "1.2.3.256", false},
};

static void what_does_not_fit_is_rejected(void **state UNUSED)
{
	struct arena a;

	arena_init(&a, 4096);
	for (size_t i = 0; i < ARRAY_LEN(fit_cases); i++) {
		struct sink_pool *pool = sink_pool_new();
		char *properties = xasprintf("\"f\":{\"type\":\"%s\"}", fit_cases[i].type);
		char *index = xasprintf("i%zu", i);
		struct answers got = {0};
		struct mapping m;
		struct sink *s;
		struct event ev;

		parse(&m, properties);
		open_leg(pool, index, &m, D, &got, &s);
		event_init(&ev, &a);
		add(&ev, VALUE_STRING, "f", fit_cases[i].value);
		put(s, 5, &ev);
		flush(s);
		if (got.indexed != fit_cases[i].fits || got.rejected != !fit_cases[i].fits)
			fail_msg("%s '%s'", fit_cases[i].type, fit_cases[i].value);
		if (!fit_cases[i].fits) {
			assert_string_equal(got.column, "f");
			assert_non_null(strstr(got.text, fit_cases[i].type));
		}
		sink_close(&s);
		sink_pool_free(&pool);
		mapping_release(&m);
		free(properties);
		free(index);
	}
	arena_release(&a);
}

static void load_rows(struct sink *s, uint64_t from, uint64_t to)
{
	struct arena a;
	struct event ev;

	arena_init(&a, 4096);
	for (uint64_t row = from; row <= to; row++) {
		char text[24];

		arena_reset(&a);
		event_init(&ev, &a);
		snprintf(text, sizeof(text), "%llu", (unsigned long long)row);
		add(&ev, VALUE_INT, "n", text);
		put(s, row, &ev);
	}
	arena_release(&a);
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

static void types_may_be_added_not_changed(void **state UNUSED)
{
	struct sink_pool *pool = sink_pool_new();
	struct fault f = FAULT_INIT;
	struct answers got = {0};
	struct mapping m;
	struct sink *s;
	struct sink_leg leg;

	parse(&m, "\"n\":{\"type\":\"long\"}");
	open_leg(pool, "c", &m, D, &got, &s);
	load_rows(s, 1, 2);
	flush(s);
	sink_close(&s);
	mapping_release(&m);
	parse(&m, "\"b\":{\"type\":\"keyword\"},\"n\":{\"type\":\"long\"}");
	open_leg(pool, "c", &m, D, &got, &s);
	load_rows(s, 3, 3);
	flush(s);
	sink_close(&s);
	mapping_release(&m);
	assert_sql("select n, b is null from c order by n", "1|1\n2|1\n3|1\n");
	parse(&m, "\"n\":{\"type\":\"integer\"}");
	leg = (struct sink_leg){&config, "alice", "c", &m, "{}", "{}", D, .answer = count_answer, .context = &got};
	assert_int_equal(sink_open(pool, &leg, &s, &f), -1);
	assert_int_equal(f.kind, FAULT_CONFIG);
	assert_non_null(strstr(f.text, "field n is mapped as integer"));
	leg.index = "sqlite_x";
	assert_int_equal(sink_open(pool, &leg, &s, &f), -1);
	assert_int_equal(f.kind, FAULT_CONFIG);
	sink_pool_free(&pool);
	mapping_release(&m);
}

static void hostile_names_are_quoted(void **state UNUSED)
{
	struct sink_pool *pool = sink_pool_new();
	struct answers got = {0};
	struct mapping m;
	struct sink *s;
	struct arena a;
	struct event ev;

	arena_init(&a, 4096);
	parse(&m, "\"x\\\"); drop table c; "
		  "--\":{\"type\":\"keyword\"},\"\":{\"type\":\"long\"},\"select\":{\"type\":"
		  "\"keyword\"}");
	open_leg(pool, "h\"; drop table x; --", &m, D, &got, &s);
	event_init(&ev, &a);
	add(&ev, VALUE_STRING, "x\"); drop table c; --", "1");
	add(&ev, VALUE_STRING, "", "2");
	add(&ev, VALUE_STRING, "select", "3");
	add(&ev, VALUE_STRING, "new\nline", "4");
	put(s, 1, &ev);
	flush(s);
	assert_int_equal(got.indexed, 1);
	assert_sql("select \"x\"\"); drop table c; --\", \"select\", _extra from \"h\"\"; drop "
		   "table x; --\"",
		   "1|3|{\"\":\"2\",\"new\\nline\":\"4\"}\n");
	sink_close(&s);
	sink_pool_free(&pool);
	mapping_release(&m);
	arena_release(&a);
}

static void two_thousand_fields(void **state UNUSED)
{
	struct sink_pool *pool = sink_pool_new();
	struct strbuf sb = STRBUF_INIT;
	struct answers got = {0};
	struct mapping m;
	struct sink *s;
	struct arena a;
	struct event ev;

	arena_init(&a, 4096);
	event_init(&ev, &a);
	for (int i = 0; i < 2000; i++) {
		char *name = arena_strdup(&a, arena_printf(&a, "f%d", i).p);

		strbuf_addf(&sb, "%s\"%s\":{\"type\":\"keyword\"}", i ? "," : "", name);
		add(&ev, VALUE_STRING, name, name);
	}
	parse(&m, sb.p);
	open_leg(pool, "wide", &m, D, &got, &s);
	put(s, 1, &ev);
	put(s, 2, &ev);
	flush(s);
	assert_int_equal(got.indexed, 2);
	assert_sql("select count(*) from pragma_table_info(\"wide\")", "1002\n");
	assert_sql("select f0, f999, json_extract(_extra, \"$.f1000\"), json_extract(_extra, "
		   "\"$.f1999\") from wide limit 1",
		   "f0|f999|f1000|f1999\n");
	sink_close(&s);
	sink_pool_free(&pool);
	mapping_release(&m);
	strbuf_release(&sb);
	arena_release(&a);
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

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(types_are_kept),
		T(what_does_not_fit_is_rejected),
		T(the_same_delivery_adds_nothing),
		T(undo_of_nothing),
		T(types_may_be_added_not_changed),
		T(hostile_names_are_quoted),
		T(two_thousand_fields),
		T(a_removed_store_is_made_again),
		T(workers_at_once),
		T(a_full_disk_is_a_system_fault),
		cmocka_unit_test(ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

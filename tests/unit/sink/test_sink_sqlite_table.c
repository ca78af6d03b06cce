/*
 * test_sink_sqlite_table - the table of an index: types that come, names of all kinds, many fields
 */
#include "tests/unit/sink/fixture.h"
#include "watcher/sink/sink_sqlite_table.h"
#include <unistd.h>

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

static int pragma(struct sqlite_db *db, const char *name)
{
	char *sql = xasprintf("PRAGMA %s", name);
	struct fault f = FAULT_INIT;
	sqlite3_stmt *s;
	int value;

	assert_int_equal(sqlite_prepare(db, sql, &s, &f), 0);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	value = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	free(sql);
	return value;
}

/* The connection that writes: pages of 16 KiB, and a commit is on the disk when it returns. */
static void pages_and_commits(void **state UNUSED)
{
	struct fault f = FAULT_INIT;
	struct sqlite_db *db;

	assert_int_equal(sqlite_db_open(folder, &db, &f), 0);
	assert_int_equal(pragma(db, "page_size"), 16384);
	assert_int_equal(pragma(db, "synchronous"), 2);
	sqlite_db_close(&db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(types_may_be_added_not_changed),
		T(hostile_names_are_quoted),
		T(two_thousand_fields),
		T(pages_and_commits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

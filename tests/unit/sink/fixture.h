/*
 * fixture - a folder for the embedded store, legs into it and what was answered, for the tests of sink/
 *
 * Every test has a folder of its own below /tmp, removed at its end.  The store is read back with the sqlite3 program.
 */
#ifndef TEST_SINK_FIXTURE_H
#define TEST_SINK_FIXTURE_H

#include "watcher/base/base.h"

#include "watcher/base/fsutil.h"
#include "watcher/sink/sink.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

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

static inline void count_answer(void *context, const struct sink_answer *a)
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

static inline int set_up(void **state UNUSED)
{
	static char name[] = "local";

	snprintf(folder, sizeof(folder), "/tmp/test_sink.XXXXXX");
	config.name = name;
	return mkdtemp(folder) ? 0 : -1;
}

/* Takes the line. */
static inline void run(char *line, struct strbuf *out)
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

static inline int tear_down(void **state UNUSED)
{
	run(xasprintf("rm -rf %s", folder), NULL);
	return 0;
}

/* What the sqlite3 program prints. */
static inline void assert_sql(const char *sql, const char *want)
{
	struct strbuf sb = STRBUF_INIT;
	char *db = xasprintf("%s/alice/data.db", folder);

	run(xasprintf("sqlite3 -batch '%s' '%s'", db, sql), &sb);
	assert_string_equal(sb.p, want);
	free(db);
	strbuf_release(&sb);
}

static inline void open_leg(struct sink_pool *pool, const char *index, struct mapping *m,
		     const char *delivery, struct answers *got, struct sink **s)
{
	struct sink_leg leg = {&config, "alice", index, m, "{}", "{}", delivery, .answer = count_answer, .context = got};
	struct fault f = FAULT_INIT;

	if (sink_open(pool, &leg, s, &f) < 0)
		fail_msg("%s", f.text);
}

static inline void parse(struct mapping *m, const char *properties)
{
	char *text = xasprintf("{\"properties\": {%s}}", properties);
	struct fault f = FAULT_INIT;

	assert_int_equal(mapping_parse(span_of(text), m, &f), 0);
	free(text);
}

static inline void put(struct sink *s, uint64_t row, struct event *ev)
{
	struct fault f = FAULT_INIT;

	if (sink_put(s, row, 0, ev, &f) < 0)
		fail_msg("%s", f.text);
}

static inline void flush(struct sink *s)
{
	struct fault f = FAULT_INIT;

	if (sink_flush(s, &f) < 0)
		fail_msg("%s", f.text);
	assert_int_equal(sink_pending(s), 0);
	assert_int_equal(sink_oldest_pending(s), 0);
}

static inline void add(struct event *ev, enum value_type type, const char *name, const char *text)
{
	event_append(ev, span_of(name), (struct value){.type = type, .u = {.text = span_of(text)}});
}

static inline void load_rows(struct sink *s, uint64_t from, uint64_t to)
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

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif

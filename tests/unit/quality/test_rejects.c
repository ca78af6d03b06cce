/*
 * test_rejects - the two forms of the rejects file, going on from a length, nothing for nothing
 */
#include "watcher/base/base.h"
#include "watcher/base/strbuf.h"
#include "watcher/quality/rejects.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <unistd.h>

static int make_file(void)
{
	char name[] = "/tmp/test_rejects.XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	return fd;
}

static void assert_content(int fd, const char *want, size_t n)
{
	char buf[4096];
	ssize_t got = pread(fd, buf, sizeof(buf), 0);

	assert_int_equal(got, n);
	assert_memory_equal(buf, want, n);
}
#define CONTENT(fd, want) assert_content(fd, want, sizeof(want) - 1)

static void put(struct rejects *r, uint64_t line, const char *column, const char *text,
		struct span raw)
{
	struct row_error e;
	struct fault f = FAULT_INIT;

	row_error_set(&e, line, span_of(column), "%s", text);
	assert_int_equal(rejects_put(r, &e, raw, &f), 0);
}

static void csv_form(void **state UNUSED)
{
	int fd = make_file();
	struct fault f = FAULT_INIT;
	struct rejects *r;
	uint64_t length = 9;

	assert_int_equal(rejects_new(fd, REJECTS_CSV, SPAN_LITERAL("a,\"b\""), 0, &r, &f), 0);
	assert_int_equal(rejects_sync(r, &length, &f), 0);
	assert_int_equal(length, 0);
	CONTENT(fd, "");
	put(r, 12, "a\"x", "value '\"' is, well\nbad", SPAN_LITERAL("1,\"2\n\0\xff"));
	put(r, 14, "", "row has 1 field, expected 2", SPAN_LITERAL(""));
	assert_int_equal(rejects_sync(r, &length, &f), 0);
	CONTENT(fd, "_line,_column,_error,a,\"b\"\n"
		    "\"12\",\"a\"\"x\",\"value '\"\"' is, well\\x0abad\",1,\"2\n\0\xff\n"
		    "\"14\",\"\",\"row has 1 field, expected 2\",\n");
	assert_int_equal(length, rejects_length(r));
	rejects_free(&r);
	close(fd);
}

static void ndjson_form(void **state UNUSED)
{
	int fd = make_file();
	struct fault f = FAULT_INIT;
	struct rejects *r;
	uint64_t length;

	assert_int_equal(rejects_new(fd, REJECTS_NDJSON, SPAN_NONE, 0, &r, &f), 0);
	put(r, 3, "", "bad \"byte\"", SPAN_LITERAL("\xff"));
	put(r, 4, "f", "no", SPAN_LITERAL("abc"));
	assert_int_equal(rejects_sync(r, &length, &f), 0);
	CONTENT(fd, "{\"line\":3,\"column\":null,\"error\":\"bad \\\"byte\\\"\",\"raw\":\"/w==\"}\n"
		    "{\"line\":4,\"column\":\"f\",\"error\":\"no\",\"raw\":\"YWJj\"}\n");
	rejects_free(&r);
	close(fd);
}

#define FIRST "_line,_column,_error,\n\"1\",\"\",\"x\",r1\n"

static void going_on(void **state UNUSED)
{
	int fd = make_file();
	struct fault f = FAULT_INIT;
	struct rejects *r;
	uint64_t length, later;

	assert_int_equal(rejects_new(fd, REJECTS_CSV, SPAN_NONE, 0, &r, &f), 0);
	put(r, 1, "", "x", SPAN_LITERAL("r1"));
	assert_int_equal(rejects_sync(r, &length, &f), 0);
	assert_int_equal(length, sizeof(FIRST) - 1);
	put(r, 2, "", "x", SPAN_LITERAL("r2"));
	assert_int_equal(rejects_sync(r, &later, &f), 0);
	rejects_free(&r); /* the worker dies here; its checkpoint says length */
	assert_int_equal(rejects_new(fd, REJECTS_CSV, SPAN_NONE, length, &r, &f), 0);
	CONTENT(fd, FIRST);
	put(r, 3, "", "x", SPAN_LITERAL("r3"));
	assert_int_equal(rejects_truncate(r, length, &f), 0);
	put(r, 4, "", "x", SPAN_LITERAL("r4"));
	assert_int_equal(rejects_sync(r, &later, &f), 0);
	CONTENT(fd, FIRST "\"4\",\"\",\"x\",r4\n");
	assert_int_equal(rejects_truncate(r, 0, &f), 0);
	CONTENT(fd, "");
	put(r, 5, "", "x", SPAN_LITERAL("r5"));
	assert_int_equal(rejects_sync(r, &later, &f), 0);
	CONTENT(fd, "_line,_column,_error,\n\"5\",\"\",\"x\",r5\n");
	rejects_free(&r);
	assert_int_equal(rejects_new(fd, REJECTS_CSV, SPAN_NONE, 100000, &r, &f), -1);
	assert_int_equal(f.kind, FAULT_SYSTEM);
	close(fd);
}

static void many(void **state UNUSED)
{
	int fd = make_file();
	struct fault f = FAULT_INIT;
	struct rejects *r;
	uint64_t length, want = strlen("_line,_column,_error,\n");
	char raw[1000];

	memset(raw, 'r', sizeof(raw));
	assert_int_equal(rejects_new(fd, REJECTS_CSV, SPAN_NONE, 0, &r, &f), 0);
	for (uint64_t i = 0; i < 1000; i++) {
		put(r, 1000 + i, "c", "e", (struct span){raw, sizeof(raw)});
		want += strlen("\"1000\",\"c\",\"e\",\n") + sizeof(raw);
		assert_int_equal(rejects_length(r), want);
	}
	assert_int_equal(rejects_sync(r, &length, &f), 0);
	assert_int_equal(length, want);
	assert_int_equal(lseek(fd, 0, SEEK_END), want);
	rejects_free(&r);
	close(fd);
}

static void a_closed_file_is_a_fault(void **state UNUSED)
{
	int fds[2];
	struct fault f = FAULT_INIT;
	struct rejects *r = NULL;
	uint64_t length;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(rejects_new(fds[1], REJECTS_CSV, SPAN_NONE, 0, &r, &f), 0);
	put(r, 1, "", "x", SPAN_LITERAL("r"));
	assert_int_equal(rejects_sync(r, &length, &f), -1);
	assert_int_equal(f.kind, FAULT_SYSTEM);
	rejects_free(&r);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_form),
		cmocka_unit_test(ndjson_form),
		cmocka_unit_test(going_on),
		cmocka_unit_test(many),
		cmocka_unit_test(a_closed_file_is_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_reach - the command line that comes of it, and which reach serves for which
 */
#include "watcher/base/base.h"
#include "watcher/schedule/reach.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/reach-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static void fill(struct reach *r, const char *tenant, unsigned port)
{
	struct fault f = FAULT_INIT;

	reach_init(r, tenant);
	assert_int_equal(reach_folder(r, folder, &f), 0);
	if (port)
		reach_port(r, port);
}

static void test_words(void **state)
{
	static const char *const want[] = {"ingest-worker", "--tenant", "alice", "--folder", folder, "--port", "9200"};
	struct reach r;
	char **argv;

	(void)state;
	fill(&r, "alice", 9200);
	argv = reach_argv(&r, "ingest-worker");
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_string_equal(argv[i], want[i]);
	assert_null(argv[ARRAY_LEN(want)]);
	free(argv);
	reach_release(&r);
}

static void test_equal(void **state)
{
	struct reach a, b, port, other;

	(void)state;
	fill(&a, "alice", 9200);
	fill(&b, "alice", 9200);
	fill(&port, "alice", 9201);
	fill(&other, "bob", 9200);
	assert_true(reach_equal(&a, &b));
	assert_false(reach_equal(&a, &port));
	assert_false(reach_equal(&a, &other));
	reach_release(&a);
	reach_release(&b);
	reach_release(&port);
	reach_release(&other);
}

/* The same name, made anew: what a worker holds is the old one. */
static void test_folder_made_anew(void **state)
{
	char aside[80];
	struct reach a, b;

	(void)state;
	fill(&a, "alice", 0);
	snprintf(aside, sizeof(aside), "%s.old", folder);
	assert_int_equal(rename(folder, aside), 0);
	assert_int_equal(mkdir(folder, 0700), 0);
	fill(&b, "alice", 0);
	assert_int_equal(rmdir(aside), 0);
	assert_false(reach_equal(&a, &b));
	reach_release(&a);
	reach_release(&b);
}

static void test_folder_that_is_not_there(void **state)
{
	struct fault f = FAULT_INIT;
	struct reach r;

	(void)state;
	reach_init(&r, "alice");
	assert_int_equal(reach_folder(&r, "/nowhere/at/all", &f), -1);
	assert_int_equal(f.error, ENOENT);
	reach_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_folder_made_anew),
		cmocka_unit_test(test_folder_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/*
 * test_closed - of many tenants most have no folder open: what is dropped there is found, and what was put in a folder's place is seen
 */
#include "tests/unit/arrival/fixture.h"
#include "watcher/base/fsutil.h"
#include <dirent.h>

#define OTHERS 20

static size_t descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void add_others(size_t n)
{
	const struct arrival_options options = {0};
	struct fault f = FAULT_INIT;
	char name[32], path[512];

	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "u%zu", i);
		snprintf(path, sizeof(path), "%s/%s/in", place.top, name);
		assert_int_equal(fs_make_dirs(path, 0755, &f), 0);
		snprintf(path, sizeof(path), "%s/%s/work", place.top, name);
		assert_int_equal(fs_make_dirs(path, 0755, &f), 0);
		snprintf(path, sizeof(path), "%s/%s", place.top, name);
		assert_int_equal(arrival_add_tenant(arrival, name, path, &options, &f), 0);
	}
}

static void test_those_that_wait_have_nothing_open(void **state)
{
	const struct arrival_limits limits = {.open_tenants = 2};
	size_t few, before = descriptors();

	(void)state;
	start(0, &limits);
	add_others(2);
	want_idle();
	few = descriptors() - before;
	assert_in_range(few, 4, 5); /* two tenants' in/ and work/, inotify */
	arrival_remove_tenant(arrival, "u0");
	arrival_remove_tenant(arrival, "u1");
	add_others(OTHERS);
	want_idle();
	assert_int_equal(descriptors() - before, few);
	place_file(&place, "a.csv", "1\n");
	want_taken(1);
	want_explain("b.csv", "there is no such file");
	assert_int_equal(descriptors() - before, few);
}

static void close_t(void)
{
	want_idle();
	arrival_rescan(arrival, "u0");
	want_idle();
}

/* No event was read yet: the folder that is there is not the one that was scanned, and is not touched. */
static void test_replaced_while_closed(void **state)
{
	static const char *const names[] = {"in", "work"};
	const struct arrival_limits limits = {.open_tenants = 1};
	struct fault f = FAULT_INIT;
	char path[256], old[256];

	(void)state;
	start(0, &limits);
	add_others(1);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		close_t();
		snprintf(path, sizeof(path), "%s/%s", place.dir, names[i]);
		snprintf(old, sizeof(old), "%s/old-%s", place.dir, names[i]);
		assert_int_equal(rename(path, old), 0);
		assert_int_equal(mkdir(path, 0777), 0);
		close(place.in_fd);
		close(place.work_fd);
		place_open(&place);
		place_file(&place, "a.csv", "1\n");
		assert_int_equal(arrival_take(arrival, "t", "a.csv", NULL, &f), ARRIVAL_NOT_YET);
		assert_int_equal(daemon_.len, i);
		want_taken(i + 1);
	}
}

/* A link is not followed, whatever it leads to. */
static void test_link_while_closed(void **state)
{
	const struct arrival_limits limits = {.open_tenants = 1};
	struct fault f = FAULT_INIT;
	char path[256], old[256];

	(void)state;
	start(0, &limits);
	add_others(1);
	close_t();
	snprintf(path, sizeof(path), "%s/in", place.dir);
	snprintf(old, sizeof(old), "%s/old", place.dir);
	place_file(&place, "a.csv", "1\n");
	assert_int_equal(rename(path, old), 0);
	assert_int_equal(symlink("old", path), 0);
	assert_int_equal(arrival_take(arrival, "t", "a.csv", NULL, &f), ARRIVAL_NOT_YET);
	arrival_rescan(arrival, "t");
	ev_run(loop, EVRUN_ONCE);
	assert_int_equal(arrival_take(arrival, "t", "a.csv", NULL, &f), ARRIVAL_REFUSED);
	assert_int_equal(daemon_.len, 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rename(old, path), 0);
	want_taken(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_those_that_wait_have_nothing_open),
		TEST(test_replaced_while_closed),
		TEST(test_link_while_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

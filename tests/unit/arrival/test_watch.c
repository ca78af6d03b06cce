/*
 * watch against the real kernel: which event each way of delivering a file makes, and the ends of
 * a watch
 */
#include "tests/unit/arrival/place.h"
#include "watcher/arrival/watch.h"
#include <poll.h>

static struct place place;
static struct watch watch;
static int wd;

struct seen {
	char text[4096]; /* "NAME:event " ... */
};

static const char *const event_names[] = {
	[WATCH_NAME] = "name",	   [WATCH_LEFT] = "left", [WATCH_SELF] = "self",
	[WATCH_DEAD] = "dead", [WATCH_OVERFLOW] = "overflow",
};

static void note(void *ctx, int which, enum watch_event event, const char *name)
{
	struct seen *s = ctx;
	size_t n = strlen(s->text);

	assert_true(which == wd || (which == -1 && event == WATCH_OVERFLOW));
	if (n + 64 < sizeof(s->text))
		snprintf(s->text + n, sizeof(s->text) - n, "%s:%s ", name, event_names[event]);
}

static int set_up(void **state)
{
	(void)state;
	place_make(&place);
	watch_open(&watch);
	assert_true(watch.fd >= 0);
	assert_int_equal(watch_add(&watch, place.in_fd, &wd), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	watch_close(&watch);
	place_drop(&place);
	return 0;
}

static void drain(struct seen *s)
{
	struct pollfd p = {watch.fd, POLLIN, 0};

	s->text[0] = '\0';
	while (poll(&p, 1, 0) > 0)
		assert_true(watch_read(&watch, note, s) > 0);
	assert_int_equal(watch_read(&watch, note, s), 0);
}

static void test_deliveries(void **state)
{
	struct seen s;

	(void)state;
	place_file(&place, "a", "x");
	drain(&s);
	assert_non_null(strstr(s.text, "a:name "));
	assert_int_equal(renameat(place.in_fd, "a", place.in_fd, "b"), 0);
	drain(&s);
	assert_string_equal(s.text, "a:left b:name ");
	/* SFTP's rename by link and unlink */
	assert_int_equal(linkat(place.in_fd, "b", place.in_fd, "c", 0), 0);
	assert_int_equal(unlinkat(place.in_fd, "b", 0), 0);
	drain(&s);
	assert_string_equal(s.text, "c:name b:left ");
	assert_int_equal(unlinkat(place.in_fd, "c", 0), 0);
	drain(&s);
	assert_string_equal(s.text, "c:left ");
}

static void test_same_folder_same_watch(void **state)
{
	int again;

	(void)state;
	assert_int_equal(watch_add(&watch, place.in_fd, &again), 0);
	assert_int_equal(again, wd);
	assert_int_equal(watch_add(&watch, place.work_fd, &again), 0);
	assert_int_not_equal(again, wd);
	assert_int_equal(watch_add(&watch, -1, &again), -1);
}

static void test_folder_goes(void **state)
{
	char from[256], to[256];
	struct seen s;

	(void)state;
	snprintf(from, sizeof(from), "%s/in", place.dir);
	snprintf(to, sizeof(to), "%s/in.old", place.dir);
	assert_int_equal(rename(from, to), 0);
	drain(&s);
	assert_string_equal(s.text, ":self ");
	assert_int_equal(rmdir(to), 0);
	close(place.in_fd);
	place.in_fd = -1;
	drain(&s);
	assert_non_null(strstr(s.text, ":self "));
	assert_non_null(strstr(s.text, ":dead "));
	assert_int_equal(mkdir(from, 0777), 0);
	close(place.work_fd);
	place_open(&place);
}

/* The kernel's queue is bounded: the end of it is announced. */
static void test_overflow(void **state)
{
	struct seen s;
	char name[32];

	(void)state;
	place_file(&place, "x", "");
	for (int i = 0; i < 20000; i++) {
		/* two names by turns: equal events behind each other are one */
		snprintf(name, sizeof(name), "%c", i % 2 ? 'x' : 'y');
		assert_int_equal(renameat(place.in_fd, i % 2 ? "y" : "x", place.in_fd, name), 0);
	}
	memset(&s, 0, sizeof(s));
	while (watch_read(&watch, note, &s) > 0)
		if (strlen(s.text) > 3000)
			s.text[0] = '\0';
	assert_non_null(strstr(s.text, ":overflow "));
}

static void test_blind(void **state)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_false(watch_is_blind(place.in_fd));
	assert_false(watch_is_blind(proc));
	assert_true(watch_is_blind(-1));
	close(proc);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_deliveries), TEST(test_same_folder_same_watch), TEST(test_folder_goes),
		TEST(test_overflow),   TEST(test_blind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

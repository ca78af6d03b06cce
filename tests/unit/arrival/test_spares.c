/*
 * spares: an emptied folder becomes the next claim's, in the kernel's own file system
 */
#include "tests/unit/arrival/place.h"
#include "watcher/arrival/spares.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct place place;

static int set_up(void **state)
{
	(void)state;
	place_make(&place);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	place_drop(&place);
	return 0;
}

static ino_t inode(const char *name)
{
	struct stat st;

	return fstatat(place.work_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}

static void make(const char *name)
{
	assert_int_equal(mkdirat(place.work_fd, name, 0700), 0);
}

static void one_that_is_kept_becomes_the_next(void **state)
{
	struct spares s = {0};
	struct stat st;
	ino_t was;

	(void)state;
	make("A");
	was = inode("A");
	assert_true(spares_keep(&s, place.work_fd, "A"));
	assert_int_equal(inode("A"), 0);
	make("A"); /* its arrival is back */
	assert_int_equal(spares_make(&s, place.work_fd, "B"), 0);
	assert_int_not_equal(inode("A"), 0);
	assert_int_equal(inode("B"), was);
	assert_int_equal(spares_make(&s, place.work_fd, "C"), 0);
	assert_int_equal(fstatat(place.work_fd, "C", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	spares_drop(&s, place.work_fd);
}

static void one_that_was_removed_is_passed_over(void **state)
{
	struct spares s = {0};
	ino_t was;

	(void)state;
	make("A");
	make("removed");
	was = inode("A");
	assert_false(spares_keep(&s, place.work_fd, "gone"));
	assert_true(spares_keep(&s, place.work_fd, "A"));
	assert_true(spares_keep(&s, place.work_fd, "removed"));
	assert_int_equal(unlinkat(place.work_fd, s.id[1], AT_REMOVEDIR), 0);
	assert_int_equal(spares_make(&s, place.work_fd, "B"), 0);
	assert_int_equal(inode("B"), was);
	assert_int_equal(s.n, 0);
	spares_drop(&s, place.work_fd);
}

static void what_is_kept_goes_in_the_end(void **state)
{
	struct spares s = {0};
	char name[ULID_TEXT], names[SPARES_MOST][ULID_TEXT], path[64];
	int fd;

	(void)state;
	for (int i = 0; i < SPARES_MOST; i++) {
		snprintf(name, sizeof(name), "A%d", i);
		make(name);
		assert_true(spares_keep(&s, place.work_fd, name));
		memcpy(names[i], s.id[i], sizeof(names[i]));
	}
	make("more");
	assert_false(spares_keep(&s, place.work_fd, "more"));
	/* somebody put something there: it stays */
	snprintf(path, sizeof(path), "%s/file", names[7]);
	fd = openat(place.work_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	spares_drop(&s, place.work_fd);
	for (int i = 0; i < SPARES_MOST; i++)
		assert_int_equal(inode(names[i]) != 0, i == 7);
	assert_int_not_equal(inode("more"), 0);
	assert_int_equal(spares_make(NULL, place.work_fd, "without"), 0);
	assert_int_not_equal(inode("without"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_that_is_kept_becomes_the_next, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_was_removed_is_passed_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_kept_goes_in_the_end, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

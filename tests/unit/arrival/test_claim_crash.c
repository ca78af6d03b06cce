/*
 * kill at every crash point of the claim: the file is in in/ or in one folder of work/, whole,
 * never in both, never nowhere
 */
#include "tests/unit/arrival/fixture.h"
#include "watcher/base/crash.h"
#include <dirent.h>
#include <sys/file.h>

static const char *const points[] = {
	"claim.before-mkdir",  "claim.before-rename", "claim.renamed",	"claim.owned",
	"claim.before-journal", "claim.before-commit", "claim.journaled",
};
static const char *const side_points[] = {"claim.before-sidecar", "claim.sidecar-renamed", "claim.before-rename", "claim.owned"};
static const char *const undo_points[] = {"claim.before-undo", "claim.undone"};

static void die_in_loop(const char *point)
{
	struct fault f = FAULT_INIT;

	setenv("INGEST_CRASH_AT", point, 1);
	if (crash_init("ingestd", &f) < 0)
		_exit(2);
	loop = ev_loop_new(0);
	start(0, NULL);
	for (int64_t end = clock_mono_ms() + LIMIT_MS; clock_mono_ms() < end;)
		ev_run(loop, EVRUN_ONCE);
	_exit(3);
}

static size_t copies_in_work(void)
{
	DIR *d = fdopendir(openat(place.work_fd, ".", O_RDONLY | O_DIRECTORY));
	const struct dirent *e;
	size_t n = 0;

	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && place_has_work(&place, e->d_name, "a.csv"))
			n++;
	closedir(d);
	return n;
}

static void kill_at(const char *point)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		die_in_loop(point);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("%s: not killed (status %x)", point, (unsigned)status);
	if (place_has(&place, "a.csv") + copies_in_work() != 1)
		fail_msg("%s: %d in in/, %zu in work/", point, place_has(&place, "a.csv"),
			 copies_in_work());
}

static void test_points(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		place_file(&place, "a.csv", "1\n");
		kill_at(points[i]);
		/* what is still in in/ is taken by the next start; a folder left empty in work/ is recovery's */
		place_drop(&place);
		place_make(&place);
	}
	start(0, NULL);
}

/* A file in work/ without its checksum would be read unchecked. */
static void test_side_points(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(side_points); i++) {
		bool moved;

		place_file(&place, "a.csv", "1\n");
		place_file(&place, "a.csv.sha256", "some text that is longer than a digest, two blanks and a name are\n");
		kill_at(side_points[i]);
		moved = !place_has(&place, "a.csv");
		if (moved && place_has(&place, "a.csv.sha256"))
			fail_msg("%s: the file went without its checksum", side_points[i]);
		place_drop(&place);
		place_make(&place);
	}
	start(0, NULL);
}

static void test_undo_points(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(undo_points); i++) {
		int fd;

		place_file(&place, "a.csv", "1\n");
		fd = openat(place.in_fd, "a.csv", O_RDONLY | O_CLOEXEC);
		assert_int_equal(flock(fd, LOCK_SH), 0);
		kill_at(undo_points[i]);
		close(fd);
		place_drop(&place);
		place_make(&place);
	}
	start(0, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_points), TEST(test_side_points), TEST(test_undo_points)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

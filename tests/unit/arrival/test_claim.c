/*
 * claim against the real kernel: writers, mappings, links, swaps, waiting openers, owners, undo
 *
 * As root the files belong to user 1001 and the attacks run as that user; otherwise what needs two
 * users is skipped.
 */
#include "tests/unit/arrival/place.h"
#include "watcher/arrival/claim.h"
#include <dirent.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mman.h>

#define TENANT 1001

static struct place place;
static struct claim_place folders;

static int set_up(void **state)
{
	(void)state;
	place_make(&place);
	folders = (struct claim_place){.in_fd = place.in_fd, .work_fd = place.work_fd};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	place_drop(&place);
	return 0;
}

static enum claim_result take(const char *name, struct claim *c)
{
	struct fault f = FAULT_INIT;
	enum claim_result r = claim_take(&folders, name, NULL, c, &f);

	assert_int_equal(r == CLAIM_TAKEN, f.text[0] == '\0');
	return r;
}

static enum claim_result try_take(const char *name)
{
	struct claim c;
	enum claim_result r = take(name, &c);

	if (r == CLAIM_TAKEN)
		claim_end(&c);
	return r;
}

static size_t work_entries(void)
{
	int fd = openat(place.work_fd, ".", O_RDONLY | O_DIRECTORY);
	DIR *d = fdopendir(fd);
	size_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void test_taken(void **state)
{
	struct claim c;
	struct stat st;

	(void)state;
	place_file(&place, "a.csv", "1,2\n");
	if (geteuid() == 0)
		assert_int_equal(fchownat(place.in_fd, "a.csv", TENANT, TENANT, 0), 0);
	assert_int_equal(take("a.csv", &c), CLAIM_TAKEN);
	assert_false(place_has(&place, "a.csv"));
	assert_true(place_has_work(&place, c.id, "a.csv"));
	assert_int_equal(fstat(c.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(c.st.st_size, 4);
	assert_int_equal(fcntl(c.fd, F_GETLEASE), F_RDLCK);
	claim_end(&c);
}

static void test_empty_file(void **state)
{
	(void)state;
	place_file(&place, "empty.csv", "");
	assert_int_equal(try_take("empty.csv"), CLAIM_TAKEN);
}

static void test_open_writer(void **state)
{
	int fd;

	(void)state;
	place_file(&place, "a.csv", "1\n");
	fd = openat(place.in_fd, "a.csv", O_WRONLY);
	assert_int_equal(try_take("a.csv"), CLAIM_WRITER);
	assert_true(place_has(&place, "a.csv"));
	close(fd);
	assert_int_equal(try_take("a.csv"), CLAIM_TAKEN);
	assert_int_equal(work_entries(), 1);
}

/* The descriptor is closed, the mapping still writes. */
static void test_mapped_writer(void **state)
{
	char *map;
	int fd;

	(void)state;
	place_file(&place, "a.csv", "1,2,3\n");
	fd = openat(place.in_fd, "a.csv", O_RDWR);
	map = mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	close(fd);
	assert_int_equal(try_take("a.csv"), CLAIM_WRITER);
	munmap(map, 6);
	assert_int_equal(try_take("a.csv"), CLAIM_TAKEN);
}

static void test_not_regular(void **state)
{
	(void)state;
	assert_int_equal(symlinkat("/etc/passwd", place.in_fd, "link.csv"), 0);
	assert_int_equal(mkfifoat(place.in_fd, "fifo.csv", 0644), 0);
	assert_int_equal(mkdirat(place.in_fd, "data.csv", 0755), 0);
	assert_int_equal(try_take("link.csv"), CLAIM_NOT_REGULAR);
	assert_int_equal(try_take("fifo.csv"), CLAIM_NOT_REGULAR);
	assert_int_equal(try_take("data.csv"), CLAIM_NOT_REGULAR);
	assert_int_equal(try_take("none.csv"), CLAIM_GONE);
	assert_int_equal(work_entries(), 0);
}

static void test_hard_link(void **state)
{
	(void)state;
	place_file(&place, "a.csv", "1\n");
	assert_int_equal(linkat(place.in_fd, "a.csv", place.in_fd, "b.csv", 0), 0);
	assert_int_equal(try_take("b.csv"), CLAIM_LINKED);
	assert_int_equal(unlinkat(place.in_fd, "a.csv", 0), 0);
	assert_int_equal(try_take("b.csv"), CLAIM_TAKEN);
}

static void test_changed_since_seen(void **state)
{
	struct fault f = FAULT_INIT;
	struct claim c;
	struct stat st;

	(void)state;
	place_file(&place, "a.csv", "1\n");
	assert_int_equal(fstatat(place.in_fd, "a.csv", &st, 0), 0);
	place_file(&place, "a.csv", "1\n2\n");
	assert_int_equal(claim_take(&folders, "a.csv", &st, &c, &f), CLAIM_CHANGED);
	assert_true(place_has(&place, "a.csv"));
}

/* Another file takes the name between open and rename: it goes back, nothing is lost. */
static void test_swapped(void **state)
{
	struct fault f = FAULT_INIT;
	struct claim c;

	(void)state;
	place_file(&place, "a.csv", "old\n");
	place_file(&place, "b.csv", "newer\n");
	assert_int_equal(claim_begin(&c, &folders, "a.csv", NULL, &f), CLAIM_TAKEN);
	assert_int_equal(renameat(place.in_fd, "b.csv", place.in_fd, "a.csv"), 0);
	assert_int_equal(claim_move(&c, &f), CLAIM_TAKEN);
	assert_int_equal(claim_prove(&c, &f), CLAIM_CHANGED);
	assert_int_equal(claim_undo(&c, &f), 0);
	claim_end(&c);
	assert_true(place_has(&place, "a.csv"));
	assert_int_equal(work_entries(), 0);
	assert_int_equal(try_take("a.csv"), CLAIM_TAKEN);
}

static void test_linked_during_claim(void **state)
{
	struct fault f = FAULT_INIT;
	struct claim c;
	struct stat st;

	(void)state;
	place_file(&place, "a.csv", "1\n");
	assert_int_equal(claim_begin(&c, &folders, "a.csv", NULL, &f), CLAIM_TAKEN);
	assert_int_equal(linkat(place.in_fd, "a.csv", place.in_fd, "b.csv", 0), 0);
	assert_int_equal(claim_move(&c, &f), CLAIM_TAKEN);
	/* and its name is taken by a new upload */
	place_file(&place, "a.csv", "second\n");
	assert_int_equal(claim_prove(&c, &f), CLAIM_LINKED);
	assert_int_equal(claim_undo(&c, &f), 0);
	claim_end(&c);
	assert_int_equal(fstatat(place.in_fd, "a.csv", &st, 0), 0);
	assert_int_equal(st.st_size, 7);
	assert_int_equal(fstatat(place.in_fd, "b.csv", &st, 0), 0);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(work_entries(), 0);
}

/* Waits until child pid sleeps in open(2), i.e. in state S or D below the lease. */
static void wait_blocked(pid_t pid, int ready_fd)
{
	char c, path[64], stat[512];

	assert_int_equal(read(ready_fd, &c, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/wchan", (int)pid);
	for (int i = 0; i < 5000; i++) {
		int fd = open(path, O_RDONLY);
		ssize_t n = fd < 0 ? -1 : read(fd, stat, sizeof(stat) - 1);

		if (fd >= 0)
			close(fd);
		if (n > 0) {
			stat[n] = '\0';
			if (strstr(stat, "break_lease"))
				return;
		}
		poll(NULL, 0, 1);
	}
	/* a kernel without wchan: the lease itself tells */
}

/* A writer that waits in open(2) for the lease would write into the claimed file: the claim is undone. */
static void test_waiting_opener(void **state)
{
	struct fault f = FAULT_INIT;
	struct claim c;
	int ready[2], status;
	pid_t pid;

	(void)state;
	place_file(&place, "a.csv", "1\n");
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(claim_begin(&c, &folders, "a.csv", NULL, &f), CLAIM_TAKEN);
	pid = fork();
	if (pid == 0) {
		int fd;

		(void)!write(ready[1], "x", 1);
		fd = openat(place.in_fd, "a.csv", O_WRONLY | O_APPEND);
		_exit(fd >= 0 && write(fd, "late\n", 5) == 5 ? 0 : 1);
	}
	wait_blocked(pid, ready[0]);
	while (fcntl(c.fd, F_GETLEASE) == F_RDLCK)
		poll(NULL, 0, 1);
	assert_int_equal(claim_move(&c, &f), CLAIM_TAKEN);
	assert_int_equal(claim_prove(&c, &f), CLAIM_WRITER);
	assert_non_null(strstr(f.text, "during the claim"));
	assert_int_equal(claim_undo(&c, &f), 0);
	claim_end(&c);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(take("a.csv", &c), CLAIM_TAKEN);
	assert_int_equal(c.st.st_size, 7);
	claim_end(&c);
}

static void test_foreign_lock(void **state)
{
	int fd;

	(void)state;
	place_file(&place, "a.csv", "1\n");
	fd = openat(place.in_fd, "a.csv", O_RDONLY);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	assert_int_equal(try_take("a.csv"), CLAIM_WRITER);
	assert_true(place_has(&place, "a.csv"));
	assert_int_equal(work_entries(), 0);
	close(fd);
	assert_int_equal(try_take("a.csv"), CLAIM_TAKEN);
}

static void test_foreign_lease(void **state)
{
	int fd;

	(void)state;
	place_file(&place, "a.csv", "1\n");
	fd = openat(place.in_fd, "a.csv", O_RDWR);
	assert_int_equal(fcntl(fd, F_SETLEASE, F_WRLCK), 0);
	assert_int_equal(try_take("a.csv"), CLAIM_WRITER);
	fcntl(fd, F_SETLEASE, F_UNLCK);
	close(fd);
	assert_int_equal(try_take("a.csv"), CLAIM_TAKEN);
}

static void as_tenant(void)
{
	if (setgid(TENANT) < 0 || setuid(TENANT) < 0)
		_exit(99);
}

/* A read-only descriptor that was kept cannot be opened again for writing through /proc. */
static void test_kept_descriptor(void **state)
{
	struct claim c;
	int kept, status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	place_file(&place, "a.csv", "1\n");
	assert_int_equal(fchownat(place.in_fd, "a.csv", TENANT, TENANT, 0), 0);
	kept = openat(place.in_fd, "a.csv", O_RDONLY);
	assert_int_equal(take("a.csv", &c), CLAIM_TAKEN);
	pid = fork();
	if (pid == 0) {
		char path[64];

		as_tenant();
		snprintf(path, sizeof(path), "/proc/self/fd/%d", kept);
		_exit(open(path, O_WRONLY | O_NONBLOCK) < 0 && errno == EACCES ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	close(kept);
	claim_end(&c);
}

/* A daemon without capabilities says why it takes nothing of another user's. */
static void test_not_the_owner(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	place_file(&place, "a.csv", "1\n");
	pid = fork();
	if (pid == 0) {
		struct fault f = FAULT_INIT;
		struct claim c;

		as_tenant();
		if (claim_take(&folders, "a.csv", NULL, &c, &f) != CLAIM_NOT_OURS)
			_exit(1);
		_exit(strstr(f.text, "CAP_LEASE") ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(place_has(&place, "a.csv"));
}

static void test_unreadable(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	place_file(&place, "a.csv", "1\n");
	assert_int_equal(fchmodat(place.in_fd, "a.csv", 0, 0), 0);
	pid = fork();
	if (pid == 0) {
		struct fault f = FAULT_INIT;

		as_tenant();
		_exit(claim_probe(&folders, "a.csv", NULL, &f) == CLAIM_NOT_OURS ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(try_take("a.csv"), CLAIM_TAKEN);
}

static void test_encoded_name(void **state)
{
	struct claim c;

	(void)state;
	place_file(&place, "a\nb\xff.csv", "1\n");
	assert_int_equal(take("a\nb\xff.csv", &c), CLAIM_TAKEN);
	assert_true(c.encoded);
	assert_string_equal(c.stored, "a%0Ab%FF.csv");
	assert_string_equal(c.original, "a\nb\xff.csv");
	assert_true(place_has_work(&place, c.id, "a%0Ab%FF.csv"));
	assert_int_equal(claim_undo(&c, &(struct fault)FAULT_INIT), 0);
	claim_end(&c);
	assert_true(place_has(&place, "a\nb\xff.csv"));
}

static void test_longest_name(void **state)
{
	char name[256];
	struct claim c;

	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	place_file(&place, name, "1\n");
	assert_int_equal(take(name, &c), CLAIM_TAKEN);
	assert_true(c.encoded && strlen(c.stored) <= 180);
	claim_end(&c);
}

static void test_other_filesystem(void **state)
{
	struct stat here, there;
	int fd = open("/dev/shm", O_RDONLY | O_DIRECTORY);

	(void)state;
	if (fd < 0 || fstat(fd, &there) < 0 || fstat(place.in_fd, &here) < 0 ||
	    here.st_dev == there.st_dev)
		skip();
	place_file(&place, "a.csv", "1\n");
	folders.work_fd = fd;
	assert_int_equal(try_take("a.csv"), CLAIM_OTHER_DISK);
	assert_true(place_has(&place, "a.csv"));
	close(fd);
}

static int seed_step(unsigned *seed)
{
	return rand_r(seed) % 4 == 0;
}

/* A process that writes into the file as often as it can: what was claimed never changes again. */
static void test_hammered(void **state)
{
	unsigned seed = 1;
	int taken = 0, status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		for (;;) {
			int fd = openat(place.in_fd, "a.csv", O_WRONLY | O_CREAT | O_APPEND, 0666);

			if (fd < 0)
				continue;
			(void)!write(fd, "x", 1);
			close(fd);
			/* else it has the file open nearly always, and a claim is rare */
			poll(NULL, 0, seed_step(&seed));
		}
	}
	while (taken < 300) {
		struct claim c;
		struct fault f = FAULT_INIT;
		struct stat st;

		if (claim_take(&folders, "a.csv", NULL, &c, &f) != CLAIM_TAKEN)
			continue;
		taken++;
		claim_give_up_lease(&c);
		/* whoever had been let in by then would have it open for writing */
		assert_int_equal(fcntl(c.fd, F_SETLEASE, F_RDLCK), 0);
		assert_int_equal(fstat(c.fd, &st), 0);
		assert_int_equal(st.st_size, c.before.st_size);
		claim_end(&c);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_taken),	  TEST(test_empty_file),
		TEST(test_open_writer),	  TEST(test_mapped_writer),
		TEST(test_not_regular),	  TEST(test_hard_link),
		TEST(test_swapped),	  TEST(test_linked_during_claim),
		TEST(test_waiting_opener), TEST(test_changed_since_seen),
		TEST(test_foreign_lock),  TEST(test_foreign_lease),
		TEST(test_kept_descriptor), TEST(test_not_the_owner),
		TEST(test_unreadable),	  TEST(test_encoded_name),
		TEST(test_longest_name),  TEST(test_other_filesystem),
		TEST(test_hammered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

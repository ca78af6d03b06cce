/*
 * arrival: the whole of it in a real loop over a real folder; every wait is for a condition, with
 * a limit
 */
#include "tests/unit/arrival/fixture.h"
#include <sys/mman.h>

static void test_found_at_start(void **state)
{
	(void)state;
	place_file(&place, "a.csv", "1\n");
	place_file(&place, "b.csv", "");
	start(0, NULL);
	want_taken(2);
	assert_string_equal(daemon_.taken[0].job, "auto");
	assert_true(place_has_work(&place, daemon_.taken[0].id, daemon_.taken[0].name));
	want_idle();
}

static void test_found_by_event(void **state)
{
	(void)state;
	start(0, NULL);
	want_idle();
	place_file(&place, "a.csv", "12\n");
	want_taken(1);
	assert_int_equal(daemon_.taken[0].size, 3);
	assert_true(daemon_.taken[0].arrived <= daemon_.taken[0].complete);
	assert_true(daemon_.taken[0].complete <= daemon_.taken[0].claimed);
}

static void test_settles(void **state)
{
	(void)state;
	start(300, NULL);
	want_idle();
	place_file(&place, "a.csv", "1\n");
	want_state("a.csv", ARRIVAL_STATE_SETTLING);
	want_explain("a.csv", "settle_seconds");
	assert_false(arrival_idle(arrival));
	place_file(&place, "a.csv", "1\n2\n");
	want_taken(1);
	assert_int_equal(daemon_.taken[0].size, 4);
	assert_true(daemon_.taken[0].claimed - daemon_.taken[0].complete >= 290);
}

static void test_writer(void **state)
{
	int fd;

	(void)state;
	fd = openat(place.in_fd, "a.csv", O_WRONLY | O_CREAT, 0644);
	start(0, NULL);
	want_state("a.csv", ARRIVAL_STATE_WRITER);
	want_explain("a.csv", "a writer has it open");
	/* --once stops: waiting alone does not help */
	want_idle();
	assert_int_equal(daemon_.len, 0);
	assert_int_equal(write(fd, "1\n", 2), 2);
	close(fd);
	want_taken(1);
	assert_int_equal(daemon_.taken[0].size, 2);
}

static void test_mapped_writer(void **state)
{
	char *map;
	int fd;

	(void)state;
	place_file(&place, "a.csv", "1\n");
	fd = openat(place.in_fd, "a.csv", O_RDWR);
	map = mmap(NULL, 2, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	start(0, NULL);
	want_state("a.csv", ARRIVAL_STATE_WRITER);
	munmap(map, 2);
	want_taken(1);
}

/* SFTP's rename: the final name only ever has a CREATE. */
static void test_link_and_unlink(void **state)
{
	(void)state;
	start(0, NULL);
	want_idle();
	place_file(&place, "a.part", "1\n");
	assert_int_equal(linkat(place.in_fd, "a.part", place.in_fd, "a.csv", 0), 0);
	want_state("a.csv", ARRIVAL_STATE_LINKED);
	want_explain("a.csv", "2 names");
	assert_int_equal(unlinkat(place.in_fd, "a.part", 0), 0);
	want_taken(1);
	assert_string_equal(daemon_.taken[0].name, "a.csv");
}

/* A name outside in/ gives no event here: the looks of the first seconds find it. */
static void test_link_from_outside(void **state)
{
	char path[256];

	(void)state;
	start(0, NULL);
	want_idle();
	snprintf(path, sizeof(path), "%s/elsewhere", place.dir);
	close(open(path, O_WRONLY | O_CREAT, 0644));
	assert_int_equal(linkat(AT_FDCWD, path, place.in_fd, "a.csv", 0), 0);
	want_state("a.csv", ARRIVAL_STATE_LINKED);
	assert_int_equal(unlink(path), 0);
	want_taken(1);
}

static void test_hard_links_are_left(void **state)
{
	struct arrival_limits limits = {.link_ms = 600};
	struct arrival_counts n;
	struct arrival_view v;

	(void)state;
	place_file(&place, "a.csv", "1\n");
	assert_int_equal(linkat(place.in_fd, "a.csv", place.in_fd, "b.csv", 0), 0);
	start(0, &limits);
	want_state("a.csv", ARRIVAL_STATE_LINKED);
	assert_false(arrival_idle(arrival));
	want_idle();
	assert_int_equal(daemon_.len, 0);
	arrival_counts(arrival, "t", &n);
	assert_int_equal(n.state[ARRIVAL_STATE_LINKED], 2);
	assert_int_equal(n.linked_left, 2);
	assert_true(arrival_find(arrival, "t", "a.csv", &v));
	assert_true(v.final);
	want_explain("a.csv", "stays until it has one name");
	/* and taken when one goes, long after */
	assert_int_equal(unlinkat(place.in_fd, "b.csv", 0), 0);
	want_taken(1);
}

static void test_odd_files(void **state)
{
	(void)state;
	assert_int_equal(symlinkat("/etc/passwd", place.in_fd, "l.csv"), 0);
	assert_int_equal(mkfifoat(place.in_fd, "p.csv", 0644), 0);
	assert_int_equal(mkdirat(place.in_fd, "d.csv", 0755), 0);
	place_file(&place, ".hidden", "1\n");
	place_file(&place, "a.csv.part", "1\n");
	start(0, NULL);
	want_state("l.csv", ARRIVAL_STATE_ODD);
	want_explain("l.csv", "a symbolic link");
	want_explain("p.csv", "a FIFO");
	want_explain("d.csv", "a folder");
	want_explain(".hidden", "begins with a dot");
	want_explain("a.csv.part", ".part");
	want_explain("nothing.csv", "no such file");
	want_explain("../x", "no name of a file");
	want_idle();
	assert_int_equal(daemon_.len, 0);
	/* a regular file takes a bad one's place */
	assert_int_equal(unlinkat(place.in_fd, "p.csv", 0), 0);
	place_file(&place, "p.csv", "1\n");
	want_taken(1);
	assert_string_equal(daemon_.taken[0].name, "p.csv");
}

static void test_bad_names(void **state)
{
	(void)state;
	start(0, NULL);
	daemon_.manual = 'a';
	place_file(&place, "a\x1b[2J\xff.csv", "1\n");
	want_taken(1);
	assert_true(daemon_.taken[0].encoded);
	assert_string_equal(daemon_.taken[0].name, "a%1B[2J%FF.csv");
	assert_string_equal(daemon_.taken[0].original, "a\x1b[2J\xff.csv");
	assert_string_equal(daemon_.taken[0].job, "-");
	/* no job is asked about it */
	assert_int_equal(daemon_.decided, 0);
}

static void test_manual(void **state)
{
	struct fault f = FAULT_INIT;
	int token, fd;

	(void)state;
	daemon_.manual = 'm';
	place_file(&place, "m.csv", "1\n");
	start(0, NULL);
	want_state("m.csv", ARRIVAL_STATE_WAITING);
	want_explain("m.csv", "a start of job t/by-hand");
	want_idle();
	assert_string_equal(daemon_.ready, "m.csv");
	assert_int_equal(daemon_.len, 0);
	fd = openat(place.in_fd, "m.csv", O_WRONLY | O_APPEND);
	assert_int_equal(arrival_take(arrival, "t", "m.csv", &token, &f), ARRIVAL_REFUSED);
	assert_non_null(strstr(f.text, "a writer has it open"));
	close(fd);
	assert_int_equal(arrival_take(arrival, "t", "m.csv", &token, &f), ARRIVAL_TAKEN);
	assert_int_equal(daemon_.len, 1);
	assert_ptr_equal(daemon_.taken[0].token, &token);
	assert_string_equal(daemon_.taken[0].job, "by-hand");
	assert_false(daemon_.taken[0].committed);
	assert_int_equal(arrival_flush(arrival, &f), 0);
	assert_true(daemon_.taken[0].committed);
	assert_int_equal(arrival_take(arrival, "t", "m.csv", NULL, &f), ARRIVAL_GONE);
	assert_int_equal(arrival_take(arrival, "t", "x.part", NULL, &f), ARRIVAL_REFUSED);
	assert_int_equal(arrival_take(arrival, "t", "../in", NULL, &f), ARRIVAL_REFUSED);
	assert_int_equal(arrival_take(arrival, "nobody", "x", NULL, &f), ARRIVAL_REFUSED);
}

static void test_manual_settling(void **state)
{
	struct fault f = FAULT_INIT;

	(void)state;
	daemon_.manual = 'm';
	start(400, NULL);
	want_idle();
	place_file(&place, "m.csv", "1\n");
	want_state("m.csv", ARRIVAL_STATE_SETTLING);
	assert_int_equal(arrival_take(arrival, "t", "m.csv", NULL, &f), ARRIVAL_NOT_YET);
	want_state("m.csv", ARRIVAL_STATE_WAITING);
	assert_string_equal(daemon_.ready, "m.csv");
	assert_int_equal(arrival_take(arrival, "t", "m.csv", NULL, &f), ARRIVAL_TAKEN);
	want_taken(1);
}

/* The job is gone, or became one that starts by itself. */
static void test_jobs_change(void **state)
{
	struct arrival_options options = {.settle_ms = 0};
	struct fault f = FAULT_INIT;

	(void)state;
	daemon_.manual = 'm';
	place_file(&place, "m.csv", "1\n");
	start(0, NULL);
	want_state("m.csv", ARRIVAL_STATE_WAITING);
	daemon_.manual = 0;
	assert_int_equal(arrival_change_tenant(arrival, "t", &options, &f), 0);
	want_taken(1);
	assert_int_equal(arrival_change_tenant(arrival, "u", &options, &f), -1);
}

static void test_journal_refuses(void **state)
{
	size_t offers;

	(void)state;
	daemon_.refuse_claimed = true;
	place_file(&place, "a.csv", "1\n");
	start(0, NULL);
	while (daemon_.offers < 3)
		ev_run(loop, EVRUN_ONCE);
	/* nothing new is claimed meanwhile */
	place_file(&place, "b.csv", "1\n");
	want_state("b.csv", ARRIVAL_STATE_SETTLING);
	want_explain("b.csv", "journal is full");
	want_rule("b.csv", RULE_JOURNAL);
	assert_false(arrival_idle(arrival));
	daemon_.refuse_claimed = false;
	daemon_.refuse_commit = true;
	offers = daemon_.commits;
	while (daemon_.commits < offers + 2)
		ev_run(loop, EVRUN_ONCE);
	assert_int_equal(daemon_.len, 1);
	daemon_.refuse_commit = false;
	want_taken(2);
	want_idle();
}

static void test_paused(void **state)
{
	struct fault f = FAULT_INIT;

	(void)state;
	start(0, NULL);
	arrival_pause(arrival, true);
	place_file(&place, "a.csv", "1\n");
	want_state("a.csv", ARRIVAL_STATE_SETTLING);
	want_explain("a.csv", "claims are paused");
	want_rule("a.csv", RULE_PAUSED);
	assert_int_equal(arrival_take(arrival, "t", "a.csv", NULL, &f), ARRIVAL_REFUSED);
	assert_int_equal(daemon_.len, 0);
	arrival_pause(arrival, false);
	want_taken(1);
}

static void remake_in(const char *how)
{
	char in[256], old[256];

	snprintf(in, sizeof(in), "%s/in", place.dir);
	snprintf(old, sizeof(old), "%s/old", place.dir);
	if (strcmp(how, "moved") == 0)
		assert_int_equal(rename(in, old), 0);
	else
		assert_int_equal(rmdir(in), 0);
	assert_int_equal(mkdir(in, 0777), 0);
	close(place.in_fd);
	close(place.work_fd);
	place_open(&place);
}

static void test_folder_remade(void **state)
{
	(void)state;
	start(0, NULL);
	want_idle();
	remake_in("deleted");
	place_file(&place, "a.csv", "1\n");
	want_taken(1);
	/* and the new one is watched: no rescan for a minute */
	want_idle();
	place_file(&place, "b.csv", "1\n");
	want_taken(2);
	remake_in("moved");
	want_idle();
	place_file(&place, "c.csv", "1\n");
	want_taken(3);
}

static void test_folder_missing(void **state)
{
	struct arrival_health h;
	char in[256];

	(void)state;
	start(0, NULL);
	want_idle();
	snprintf(in, sizeof(in), "%s/in", place.dir);
	assert_int_equal(rmdir(in), 0);
	assert_true(run_until(health_is, "cannot open in/", LIMIT_MS));
	assert_true(arrival_health(arrival, "t", &h));
	assert_true(h.missing);
	want_explain("a.csv", "cannot open in/");
	/* a link in its place is not followed */
	assert_int_equal(symlink("/tmp", in), 0);
	arrival_rescan(arrival, NULL);
	ev_run(loop, EVRUN_ONCE);
	assert_true(arrival_health(arrival, "t", &h));
	assert_true(h.missing);
	assert_int_equal(unlink(in), 0);
	assert_int_equal(mkdir(in, 0777), 0);
	close(place.in_fd);
	close(place.work_fd);
	place_open(&place);
	place_file(&place, "a.csv", "1\n");
	want_taken(1);
	assert_true(run_until(health_is, "", LIMIT_MS));
	assert_false(arrival_health(arrival, "nobody", &h));
}

/* More events than the queue holds while the loop stands still. */
static void test_overflow(void **state)
{
	struct arrival_counts n;
	char name[32];

	(void)state;
	start(0, NULL);
	want_idle();
	place_file(&place, "x.part", "");
	for (int i = 0; i < 20000; i++)
		assert_int_equal(renameat(place.in_fd, i % 2 ? "y.part" : "x.part", place.in_fd,
					  i % 2 ? "x.part" : "y.part"),
				 0);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "f%d.csv", i);
		place_file(&place, name, "1\n");
	}
	want_taken(500);
	arrival_counts(arrival, NULL, &n);
	assert_int_equal(n.overflows, 1);
	assert_int_equal(n.claims, 500);
	assert_true(n.scans >= 2);
}

/* A table too small for what is there: every file is found in the end. */
static void test_full_table(void **state)
{
	struct arrival_limits limits = {.tenant_entries = 16, .batch = 4};
	struct arrival_counts n;
	char name[32];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "f%d.csv", i);
		place_file(&place, name, "");
	}
	start(0, &limits);
	want_taken(100);
	arrival_counts(arrival, "t", &n);
	assert_true(n.dropped > 0);
	assert_true(daemon_.commits >= 25);
	want_idle();
}

/* No watch can be had: polled, and health says so. */
static void test_polling(void **state)
{
	struct arrival_options options = {.settle_ms = 0};
	struct fault f = FAULT_INIT;
	struct arrival_health h;

	(void)state;
	assert_int_equal(arrival_new(loop, &ops, NULL, NULL, &arrival, &f), 0);
	assert_int_equal(arrival_add_tenant(arrival, "other", place.dir, &options, &f), 0);
	arrival_pause(arrival, true);
	want_idle();
	/* the same folder once more: its watch belongs to the other one */
	assert_int_equal(arrival_add_tenant(arrival, "t", place.dir, &options, &f), 0);
	want_idle();
	assert_true(arrival_health(arrival, "t", &h));
	assert_true(h.polling);
	assert_non_null(strstr(h.reason, "polled"));
	assert_true(arrival_health(arrival, "other", &h));
	assert_false(h.polling);
	arrival_remove_tenant(arrival, "other");
	arrival_pause(arrival, false);
	place_file(&place, "a.csv", "1\n");
	want_taken(1);
}

static void test_vanishes(void **state)
{
	struct arrival_view v;

	(void)state;
	start(3600 * 1000, NULL);
	want_idle();
	place_file(&place, "a.csv", "1\n");
	want_state("a.csv", ARRIVAL_STATE_SETTLING);
	assert_int_equal(unlinkat(place.in_fd, "a.csv", 0), 0);
	want_idle();
	assert_false(arrival_find(arrival, "t", "a.csv", &v));
	assert_int_equal(daemon_.len, 0);
}

static bool count_view(void *ctx, const struct arrival_view *v)
{
	assert_string_equal(v->tenant, "t");
	assert_true(v->reason[0]);
	return ++*(size_t *)ctx < 2;
}

static void test_walk_and_remove(void **state)
{
	struct arrival_options options = {.settle_ms = -1};
	struct fault f = FAULT_INIT;
	size_t n = 0;

	(void)state;
	daemon_.manual = 'm';
	place_file(&place, "m1.csv", "1\n");
	place_file(&place, "m2.csv", "1\n");
	place_file(&place, "m3.csv", "1\n");
	start(0, NULL);
	want_idle();
	arrival_walk(arrival, NULL, count_view, &n);
	assert_int_equal(n, 2);
	n = 0;
	arrival_walk(arrival, "nobody", count_view, &n);
	assert_int_equal(n, 0);
	assert_int_equal(arrival_add_tenant(arrival, "u", place.dir, &options, &f), -1);
	options.settle_ms = 0;
	assert_int_equal(arrival_add_tenant(arrival, "t", place.dir, &options, &f), -1);
	arrival_remove_tenant(arrival, "t");
	arrival_remove_tenant(arrival, "t");
	arrival_walk(arrival, NULL, count_view, &n);
	assert_int_equal(n, 0);
	place_file(&place, "a.csv", "1\n");
	want_idle();
	assert_int_equal(daemon_.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_found_at_start),   TEST(test_found_by_event),
		TEST(test_settles),	     TEST(test_writer),
		TEST(test_mapped_writer),    TEST(test_link_and_unlink),
		TEST(test_link_from_outside), TEST(test_hard_links_are_left),
		TEST(test_odd_files),	     TEST(test_bad_names),
		TEST(test_manual),	     TEST(test_manual_settling),
		TEST(test_jobs_change),	     TEST(test_journal_refuses),
		TEST(test_paused),	     TEST(test_folder_remade),
		TEST(test_folder_missing),   TEST(test_overflow),
		TEST(test_full_table),	     TEST(test_polling),
		TEST(test_vanishes),	     TEST(test_walk_and_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

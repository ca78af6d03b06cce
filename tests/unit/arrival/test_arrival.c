/*
 * arrival: the whole of it in a real loop over a real folder; every wait is for a condition, with a limit
 */
#include "tests/unit/arrival/place.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/clock.h"
#include <ev.h>
#include <sys/mman.h>

#define LIMIT_MS 20000
#define MAX_TAKEN 4096

static struct place place;
static struct ev_loop *loop;
static struct arrival *arrival;

/* What the daemon would do, and what it saw. */
static struct {
	struct {
		char id[ULID_TEXT];
		char name[256];
		char original[256];
		bool encoded;
		uint64_t size;
		int64_t arrived, complete, claimed;
		char job[32];
		void *token;
		bool committed;
	} taken[MAX_TAKEN];
	size_t len;
	size_t offers, commits;
	bool refuse_claimed, refuse_commit;
	char manual; /* names that begin so are a manual job's */
	char ready[64];
	char health[256];
	size_t decided;
} daemon_;

static enum arrival_verdict decide(void *ctx, const char *tenant, const char *name,
				   struct arrival_answer *answer)
{
	(void)ctx;
	assert_string_equal(tenant, "t");
	daemon_.decided++;
	if (daemon_.manual && name[0] == daemon_.manual) {
		answer->job = "by-hand";
		answer->reason = "a start of job t/by-hand";
		return ARRIVAL_WAIT;
	}
	answer->job = "auto";
	return ARRIVAL_TAKE;
}

static int claimed(void *ctx, const struct claimed *c, struct fault *f)
{
	size_t i = daemon_.len;

	(void)ctx;
	daemon_.offers++;
	assert_true(ulid_valid(span_of(c->id)));
	assert_true(c->fd >= 0);
	if (daemon_.refuse_claimed)
		return fault_set(f, FAULT_SYSTEM, "journal is full");
	for (size_t k = 0; k < daemon_.len; k++)
		if (strcmp(daemon_.taken[k].id, c->id) == 0)
			i = k;
	assert_true(i < MAX_TAKEN);
	memcpy(daemon_.taken[i].id, c->id, sizeof(c->id));
	snprintf(daemon_.taken[i].name, 256, "%s", c->name);
	snprintf(daemon_.taken[i].original, 256, "%s", c->original);
	daemon_.taken[i].encoded = c->name_encoded;
	assert_int_equal(c->name_encoded, c->name_reason != NULL);
	daemon_.taken[i].size = c->size;
	daemon_.taken[i].arrived = c->arrived_ms;
	daemon_.taken[i].complete = c->complete_ms;
	daemon_.taken[i].claimed = c->claimed_ms;
	daemon_.taken[i].token = c->token;
	snprintf(daemon_.taken[i].job, sizeof(daemon_.taken[i].job), "%s", c->job ? c->job : "-");
	if (i == daemon_.len)
		daemon_.len++;
	return 0;
}

static int commit(void *ctx, struct fault *f)
{
	(void)ctx;
	daemon_.commits++;
	if (daemon_.refuse_commit)
		return fault_set(f, FAULT_SYSTEM, "disk is full");
	for (size_t i = 0; i < daemon_.len; i++)
		daemon_.taken[i].committed = true;
	return 0;
}

static void ready(void *ctx, const char *tenant, const char *name)
{
	(void)ctx, (void)tenant;
	snprintf(daemon_.ready, sizeof(daemon_.ready), "%s", name);
}

static void health(void *ctx, const struct arrival_health *h)
{
	(void)ctx;
	snprintf(daemon_.health, sizeof(daemon_.health), "%s", h->reason);
}

static const struct arrival_ops ops = {decide, claimed, commit, ready, health};

static void on_late(struct ev_loop *l, ev_timer *w, int revents)
{
	(void)w, (void)revents;
	ev_break(l, EVBREAK_ONE);
}

/* Runs the loop until cond(ctx) or the limit. */
static bool run_until(bool (*cond)(const void *ctx), const void *ctx, int64_t limit_ms)
{
	int64_t end = clock_mono_ms() + limit_ms;
	ev_timer wake;

	/* so that an iteration never waits past the limit */
	ev_timer_init(&wake, on_late, 0.02, 0.02);
	ev_timer_start(loop, &wake);
	while (!cond(ctx) && clock_mono_ms() < end)
		ev_run(loop, EVRUN_ONCE);
	ev_timer_stop(loop, &wake);
	return cond(ctx);
}

static bool took_n(const void *ctx)
{
	size_t n = 0;

	for (size_t i = 0; i < daemon_.len; i++)
		n += daemon_.taken[i].committed;
	return n >= *(const size_t *)ctx;
}

static void want_taken(size_t n)
{
	if (!run_until(took_n, &n, LIMIT_MS))
		fail_msg("%zu of %zu files taken", daemon_.len, n);
	assert_int_equal(daemon_.len, n);
}

static bool is_idle(const void *ctx)
{
	(void)ctx;
	return arrival_idle(arrival);
}

static void want_idle(void)
{
	assert_true(run_until(is_idle, NULL, LIMIT_MS));
}

struct want_state {
	const char *name;
	enum arrival_state state;
};

static bool in_state(const void *ctx)
{
	const struct want_state *w = ctx;
	struct arrival_view v;

	return arrival_find(arrival, "t", w->name, &v) && v.state == w->state;
}

static void want_state(const char *name, enum arrival_state state)
{
	struct want_state w = {name, state};
	struct arrival_view v;

	if (run_until(in_state, &w, LIMIT_MS))
		return;
	if (!arrival_find(arrival, "t", name, &v))
		fail_msg("%s: no entry, want %s", name, arrival_state_name(state));
	fail_msg("%s: %s, want %s", name, arrival_state_name(v.state), arrival_state_name(state));
}

static void want_explain(const char *name, const char *text)
{
	struct strbuf sb = STRBUF_INIT;

	arrival_explain(arrival, "t", name, &sb);
	if (!strstr(sb.p, text))
		fail_msg("explain %s says \"%s\", want \"%s\"", name, sb.p, text);
	strbuf_release(&sb);
}

static void start(int64_t settle_ms, const struct arrival_limits *limits)
{
	struct arrival_options options = {.settle_ms = settle_ms};
	struct fault f = FAULT_INIT;

	assert_int_equal(arrival_new(loop, &ops, NULL, limits, &arrival, &f), 0);
	assert_int_equal(arrival_add_tenant(arrival, "t", place.dir, &options, &f), 0);
}

static int set_up(void **state)
{
	(void)state;
	memset(&daemon_, 0, sizeof(daemon_));
	place_make(&place);
	loop = ev_loop_new(0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arrival_free(&arrival);
	ev_loop_destroy(loop);
	place_drop(&place);
	return 0;
}

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

/* A name outside in/ gives no event here: the looks of the first ten seconds find it. */
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
	struct arrival_counts n;
	struct arrival_view v;

	(void)state;
	place_file(&place, "a.csv", "1\n");
	assert_int_equal(linkat(place.in_fd, "a.csv", place.in_fd, "b.csv", 0), 0);
	start(0, NULL);
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

static bool health_is(const void *ctx)
{
	const char *want = ctx;

	return *want ? strstr(daemon_.health, want) != NULL : !daemon_.health[0];
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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

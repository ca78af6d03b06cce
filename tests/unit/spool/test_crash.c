/*
 * test_crash - a scripted daemon killed at every crash point of spool/, then started again
 *
 * little_daemon.h is the script.  After the kill a second daemon recovers and finishes; then there
 * must be each file once, with its receipt, and books that say so.
 */
#include "tests/unit/spool/little_daemon.h"

#define LOST "01ARZ3NDEKTSV4RRFFQ69G9001"
#define UNKNOWN "01ARZ3NDEKTSV4RRFFQ69G9002"

static const struct scenario scenarios[] = {
	{.name = "done", .end = OUTCOME_DONE, .points =
	 "claim.before-fsync claim.fsynced-arrival "
	 "claim.fsynced-work claim.fsynced-in version.before-write version.before-rename "
	 "version.renamed version.fsynced identified.before-commit identified.committed "
	 "gated.before-commit gated.committed loading.before-commit loading.committed "
	 "checkpoint.before-commit checkpoint.committed indexed.before-commit indexed.committed "
	 "receipt.before-tmp receipt-tmp receipt.fsynced receipt-rename receipt.durable "
	 "placing.before-commit placing.committed place.before-rejects place.rejects-renamed "
	 "place.before-receipt place.receipt-renamed place.before-rename place.renamed "
	 "place.fsynced-target place.fsynced-work placed.before-commit placed.committed "
	 "placed.before-rmdir placed.removed run.before-commit run.committed recover.begun "
	 "recover.done "},
	{.name = "undone", .end = OUTCOME_FAILED, .undo = true, .points =
	 "undoing.before-commit undoing.committed undone.before-commit undone.committed "
	 "placing.committed place.renamed placed.before-commit placed.committed "},
	{.name = "retaken", .end = OUTCOME_UNDONE, .undo = true, .retake = true, .points =
	 "retaking.before-commit retaking.committed retake.before-rename retake.renamed "
	 "retake.fsynced undoing.before-commit undone.committed "},
	{.name = "replacing", .end = OUTCOME_DONE, .replace = true,
	 .points = "replacing.before-commit replacing.committed placing.committed "},
	{.name = "held", .end = OUTCOME_HELD, .points =
	 "placing.committed place.renamed held.before-commit held.committed placed.before-rmdir "},
	{.name = "waiting", .end = OUTCOME_DONE, .wait = true, .points =
	 "waiting.before-commit waiting.committed loading.committed place.renamed "},
	{.name = "leftovers", .end = OUTCOME_DONE, .leftovers = true, .points =
	 "recover.begun recover.withdrawn recover.adopted recover.done identified.before-commit "},
};

/* Exit status of a daemon of its own process; point NULL: not to be killed. */
static int daemon_spawn(const struct fixture *x, const struct scenario *s, const char *point)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (point)
			setenv("INGEST_CRASH_AT", point, 1);
		OK(crash_init("ingestd", &fault));
		daemon_run(x, s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void prepare(const struct fixture *x, const struct scenario *s)
{
	struct folders *t = NULL;
	struct journal *j = NULL;
	struct file_row r;

	OK(folders_open(x->staging, "alice", &t, &fault));
	write_at(folders_fd(t, FOLDER_IN), "x.csv", CONTENT);
	if (s->leftovers) {
		OK(journal_open(x->journal, NULL, &j, &fault));
		row_make(&r, 1, "alice", "gone.csv");
		memcpy(r.arrival, LOST, ULID_TEXT);
		OK(journal_insert(j, &r, &fault));
		OK(journal_commit(j, &fault));
		memcpy(r.arrival, UNKNOWN, ULID_TEXT);
		file_row_set(&r.file, "adopted.csv");
		work_make(t, &r);
		file_row_release(&r);
		journal_free(&j);
	}
	folders_free(&t);
}

static bool count_row(void *ctx, const struct file_row *r)
{
	size_t *n = ctx;

	assert_false(file_state_alive(r->state));
	(*n)++;
	return true;
}

static bool count_out(void *ctx, const struct outbox_row *row UNUSED)
{
	(*(size_t *)ctx)++;
	return true;
}

static size_t entries(const struct folders *t, enum folder f)
{
	DIR *dir = fdopendir(openat(folders_fd(t, f), ".", O_RDONLY | O_DIRECTORY));
	struct dirent *e;
	size_t n = 0;

	while ((e = readdir(dir)))
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(dir);
	return n;
}

static void check_file(const struct folders *t, enum folder f, const char *name, bool rejects)
{
	char *receipt = xasprintf("%s.receipt.json", name);
	char *side = xasprintf("%s.rejects.csv", name);
	char *text = content_of(t, f, name);

	assert_string_equal(text, CONTENT);
	assert_true(is_there(t, f, receipt));
	assert_int_equal(is_there(t, f, side), rejects);
	free(receipt);
	free(side);
	free(text);
}

static void check_end(const struct fixture *x, const struct scenario *s)
{
	size_t files = s->leftovers ? 2 : 1;
	enum folder f = folder_of(s->end);
	bool rejects = s->end != OUTCOME_HELD;
	const struct journal_filter all = {0};
	struct folders *t = NULL;
	struct journal *j = NULL;
	struct delivery d;
	size_t n = 0, out = 0;

	OK(folders_open(x->staging, "alice", &t, &fault));
	OK(journal_open(x->journal, &(struct journal_options){.recorder = true}, &j, &fault));
	check_file(t, f, "x.csv", rejects);
	if (s->leftovers)
		check_file(t, f, "adopted.csv", rejects);
	assert_int_equal(entries(t, f), files * (rejects ? 3 : 2));
	assert_int_equal(entries(t, FOLDER_IN), 0);
	assert_int_equal(entries(t, FOLDER_WORK), 0);
	OK(journal_list(j, &all, count_row, &n, &fault));
	assert_int_equal(n, files);
	OK(outbox_read(j, 0, 0, count_out, &out, &fault));
	/* and the run, created and over; and the end before it was taken again */
	assert_int_equal(out, files + 2 + s->retake);
	n = (size_t)deliveries_find(j, "DDDDDDDDDDDDDDDDDDDx", &d, &fault);
	assert_int_equal(n, s->end != OUTCOME_HELD);
	if (n)
		assert_int_equal(d.state, s->undo ? DELIVERY_UNDONE : DELIVERY_LIVE);
	folders_free(&t);
	journal_free(&j);
}

static void kill_once(const struct scenario *s, const char *point)
{
	void *state = NULL;
	struct fixture *x;
	int status;

	fixture_setup(&state);
	x = state;
	prepare(x, s);
	status = daemon_spawn(x, s, point);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("%s: not killed at %s (status %d)", s->name, point, status);
	status = daemon_spawn(x, s, NULL);
	if (status != 0)
		fail_msg("%s: killed at %s, the next start ended with status %d", s->name, point,
			 status);
	check_end(x, s);
	fixture_teardown(&state);
}

static void test_kill_everywhere(void **state UNUSED)
{
	size_t kills = 0;

	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
		const char *p = scenarios[i].points;
		const char *end;

		while ((end = strchr(p, ' '))) {
			char *point = xstrndup(p, (size_t)(end - p));

			kill_once(&scenarios[i], point);
			kills++;
			free(point);
			p = end + 1;
		}
	}
	print_message("%zu kills\n", kills);
}

/* Every point of the daemon is in a list above, or the daemon's own (tests/crash kills it there). */
static void test_all_points_listed(void **state UNUSED)
{
	static const char *const elsewhere[] = {
		"claim.before-sidecar", "claim.sidecar-renamed", "place.sidecar-renamed",
		"claim.before-mkdir", "claim.before-rename",  "claim.renamed",
		"claim.owned",        "claim.before-journal", "claim.before-commit",
		"claim.journaled",    "claim.before-undo",    "claim.undone",
		"unwrap.answered",    "retention.removed"};
	const struct crash_point *points;
	size_t n = 0;

	points = crash_points(&n);
	for (size_t i = 0; i < n; i++) {
		char *word = xasprintf("%s ", points[i].name);
		bool listed = strcmp(points[i].program, "ingestd") != 0;

		for (size_t k = 0; k < ARRAY_LEN(scenarios) && !listed; k++)
			listed = strstr(scenarios[k].points, word) != NULL;
		for (size_t k = 0; k < ARRAY_LEN(elsewhere) && !listed; k++)
			listed = strcmp(elsewhere[k], points[i].name) == 0;
		if (!listed)
			fail_msg("%s is killed nowhere", points[i].name);
		free(word);
	}
}

static void test_no_kill(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
		void *x = NULL;

		fixture_setup(&x);
		prepare(x, &scenarios[i]);
		assert_int_equal(daemon_spawn(x, &scenarios[i], NULL), 0);
		check_end(x, &scenarios[i]);
		fixture_teardown(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_points_listed),
		cmocka_unit_test(test_no_kill),
		cmocka_unit_test(test_kill_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

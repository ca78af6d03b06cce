/*
 * test_recover - each state found at start gives its action; entries of work/ without a row
 */
#include "tests/unit/spool/fixture.h"
#include "watcher/spool/durable.h"
#include "watcher/spool/recover.h"

#define A1 "01ARZ3NDEKTSV4RRFFQ69G0001"

struct scene {
	struct journal *j;
	struct folders *t;
	struct strbuf seen; /* "action:arrival-or-name:reason " of each call */
};

static void scene_begin(struct fixture *x, struct scene *s)
{
	memset(s, 0, sizeof(*s));
	strbuf_init(&s->seen);
	OK(journal_open(x->journal, NULL, &s->j, &fault));
	OK(folders_open(x->staging, "alice", &s->t, &fault));
}

static void scene_end(struct scene *s)
{
	strbuf_release(&s->seen);
	folders_free(&s->t);
	journal_free(&s->j);
}

static int note(void *ctx, const struct recovered *r, struct fault *f)
{
	struct scene *s = ctx;

	assert_string_equal(r->tenant, r->row ? r->row->tenant : "alice");
	strbuf_addf(&s->seen, "%s:%s ", recover_action_name(r->action), r->name ? r->name : "");
	if (r->action == RECOVER_PLACED_SINCE) {
		strbuf_cut(&s->seen, s->seen.n - 1);
		strbuf_adds(&s->seen, r->placed_done ? "+ " : "- ");
		return journal_forget_placed(s->j, r->row, f);
	}
	if (r->action == RECOVER_WITHDRAWN)
		return journal_forget(s->j, r->row, f);
	if (r->action == RECOVER_ADOPT)
		assert_int_equal(r->size, strlen(CONTENT));
	return 0;
}

static void expect(struct scene *s, const char *want)
{
	strbuf_reset(&s->seen);
	OK(recover(&s->t, 1, s->j, note, s, &fault));
	if (strcmp(s->seen.p, want) != 0)
		fail_msg("got '%s', want '%s'", s->seen.p, want);
}

enum in_work { AS_CLAIMED, GONE, CHANGED };

static void test_rows(void **state UNUSED)
{
	static const struct {
		const char *name;
		enum file_state states[5]; /* after CLAIMED; CLAIMED ends */
		enum in_work file;
		const char *want;
	} cases[] = {
		{"claimed", {0}, AS_CLAIMED, "requeue: "},
		{"claimed, gone", {0}, GONE, "withdrawn: "},
		{"claimed, changed", {0}, CHANGED, "fail: "},
		{"identified", {FILE_IDENTIFIED}, AS_CLAIMED, "requeue: "},
		{"gated, gone", {FILE_IDENTIFIED, FILE_GATED}, GONE, "lost: "},
		{"loading", {FILE_IDENTIFIED, FILE_GATED, FILE_LOADING}, AS_CLAIMED, "requeue: "},
		{"loading, changed",
		 {FILE_IDENTIFIED, FILE_GATED, FILE_LOADING},
		 CHANGED,
		 "fail: "},
		{"loading, gone", {FILE_IDENTIFIED, FILE_GATED, FILE_LOADING}, GONE, "lost: "},
		{"undoing",
		 {FILE_IDENTIFIED, FILE_GATED, FILE_LOADING, FILE_UNDOING},
		 AS_CLAIMED,
		 "requeue: "},
		{"indexed",
		 {FILE_IDENTIFIED, FILE_GATED, FILE_LOADING, FILE_INDEXED},
		 AS_CLAIMED,
		 "receipt: "},
		{"placing",
		 {FILE_IDENTIFIED, FILE_GATED, FILE_LOADING, FILE_INDEXED, FILE_PLACING},
		 GONE,
		 "place: "},
		{"waiting", {FILE_WAITING}, AS_CLAIMED, "wait: "},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct file_row r;
		struct scene s;
		void *x = NULL;

		fixture_setup(&x);
		scene_begin(x, &s);
		row_make(&r, 1, "alice", "x.csv");
		if (cases[i].file != GONE)
			work_make(s.t, &r);
		if (cases[i].file == CHANGED)
			r.bytes = 99;
		OK(journal_insert(s.j, &r, &fault));
		r.has_outcome = r.has_folder = true;
		r.folder = FOLDER_DONE;
		file_row_set(&r.target, "x.csv");
		for (size_t k = 0; k < 5 && cases[i].states[k] != FILE_CLAIMED; k++)
			OK(journal_set_state(s.j, &r, cases[i].states[k], &fault));
		print_message("%s\n", cases[i].name);
		expect(&s, cases[i].want);
		file_row_release(&r);
		scene_end(&s);
		fixture_teardown(&x);
	}
}

/* A restored journal: the file was placed since, and its receipt says so; another arrival's receipt says nothing. */
static void test_placed_since(void **state UNUSED)
{
	static const struct {
		const char *name;
		enum file_state to; /* beyond GATED */
		enum folder folder;
		const char *receipt, *id, *word;
		const char *want;
	} cases[] = {
		{"loading", FILE_LOADING, FOLDER_DONE, "x.csv.receipt.json", A1, "done", "placed-since:+ "},
		{"waiting", FILE_WAITING, FOLDER_DONE, "x.csv.receipt.json", A1, "done", "placed-since:+ "},
		{"gated, failed since", FILE_GATED, FOLDER_FAILED, "x.csv.receipt.json", A1, "failed", "placed-since:- "},
		{"under another name", FILE_LOADING, FOLDER_DONE, "x.csv." A1 ".receipt.json", A1, "done", "placed-since:+ "},
		{"another's", FILE_LOADING, FOLDER_DONE, "x.csv.receipt.json", "01ARZ3NDEKTSV4RRFFQ69G0002", "done", "lost: "},
		{"another's, waiting", FILE_WAITING, FOLDER_DONE, "x.csv.receipt.json", "x", "done", "wait: "},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = xasprintf("{\"id\":\"%s\",\"state\":\"%s\"}\n", cases[i].id, cases[i].word);
		struct file_row r;
		struct scene s;
		void *x = NULL;

		fixture_setup(&x);
		scene_begin(x, &s);
		row_make(&r, 1, "alice", "x.csv");
		OK(journal_insert(s.j, &r, &fault));
		OK(journal_set_state(s.j, &r, FILE_IDENTIFIED, &fault));
		OK(journal_set_state(s.j, &r, FILE_GATED, &fault));
		if (cases[i].to != FILE_GATED)
			OK(journal_set_state(s.j, &r, cases[i].to, &fault));
		write_at(folders_fd(s.t, cases[i].folder), cases[i].receipt, text);
		print_message("%s\n", cases[i].name);
		expect(&s, cases[i].want);
		free(text);
		file_row_release(&r);
		scene_end(&s);
		fixture_teardown(&x);
	}
}

/* What it waits for is a folder's fsync: the receipt that lies there is its own. */
static void test_waits_behind_its_place(void **state UNUSED)
{
	static const enum file_state way[] = {FILE_IDENTIFIED, FILE_GATED, FILE_LOADING, FILE_INDEXED, FILE_PLACING, FILE_WAITING};
	struct file_row r;
	struct scene s;
	void *x = NULL;

	fixture_setup(&x);
	scene_begin(x, &s);
	row_make(&r, 1, "alice", "x.csv");
	OK(journal_insert(s.j, &r, &fault));
	r.has_outcome = r.has_folder = true;
	r.outcome = OUTCOME_DONE;
	r.folder = FOLDER_DONE;
	file_row_set(&r.target, "x.csv");
	for (size_t i = 0; i < ARRAY_LEN(way); i++)
		OK(journal_set_state(s.j, &r, way[i], &fault));
	write_at(folders_fd(s.t, FOLDER_DONE), "x.csv.receipt.json", "{\"id\":\"" A1 "\",\"state\":\"done\"}\n");
	expect(&s, "wait: ");
	file_row_release(&r);
	scene_end(&s);
	fixture_teardown(&x);
}

static void place_then_want_back(struct scene *s, struct file_row *r, bool waiting)
{
	static const enum file_state way[] = {FILE_IDENTIFIED, FILE_GATED, FILE_LOADING, FILE_INDEXED, FILE_PLACING, FILE_PLACED, FILE_RETAKING};

	row_make(r, 1, "alice", "x.csv");
	OK(journal_insert(s->j, r, &fault));
	r->has_outcome = r->has_folder = true;
	r->outcome = OUTCOME_DONE;
	r->folder = FOLDER_DONE;
	r->times.placed = 1;
	file_row_set(&r->target, "x.csv");
	for (size_t i = 0; i < ARRAY_LEN(way); i++)
		OK(journal_set_state(s->j, r, way[i], &fault));
	if (waiting)
		OK(journal_set_state(s->j, r, FILE_WAITING, &fault));
}

/* Wanted back: the receipt where it was placed is older than the wish, one elsewhere is what became of it since. */
static void test_retaken(void **state UNUSED)
{
	static const struct {
		const char *name;
		bool waiting, there;
		enum folder folder;
		const char *want;
	} cases[] = {
		{"not begun", false, true, FOLDER_DONE, "retake: "},
		{"not begun, waiting", true, true, FOLDER_DONE, "wait: "},
		{"its file is gone", false, false, FOLDER_DONE, "retake: "},
		{"its file is gone, waiting", true, false, FOLDER_DONE, "wait: "},
		{"undone since", false, false, FOLDER_FAILED, "placed-since:- "},
		{"undone since, waiting", true, false, FOLDER_FAILED, "placed-since:- "},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct file_row r;
		struct scene s;
		void *x = NULL;

		fixture_setup(&x);
		scene_begin(x, &s);
		place_then_want_back(&s, &r, cases[i].waiting);
		if (cases[i].there)
			write_at(folders_fd(s.t, FOLDER_DONE), "x.csv", "0123456789");
		r.bytes = 10;
		OK(journal_save(s.j, &r, &fault));
		write_at(folders_fd(s.t, cases[i].folder), "x.csv.receipt.json", "{\"id\":\"" A1 "\",\"state\":\"undone\"}\n");
		print_message("%s\n", cases[i].name);
		expect(&s, cases[i].want);
		file_row_release(&r);
		scene_end(&s);
		fixture_teardown(&x);
	}
}

static void test_no_tenant(void **state)
{
	struct file_row r;
	struct scene s;

	scene_begin(*state, &s);
	row_make(&r, 1, "bob", "x.csv");
	OK(journal_insert(s.j, &r, &fault));
	expect(&s, "no-tenant: ");
	file_row_release(&r);
	scene_end(&s);
}

static void test_leftovers(void **state)
{
	struct file_row r;
	struct scene s;

	scene_begin(*state, &s);
	row_make(&r, 1, "alice", "x.csv");
	OK(journal_insert(s.j, &r, &fault));
	r.has_outcome = r.has_folder = true;
	r.outcome = OUTCOME_HELD;
	r.folder = FOLDER_HELD;
	file_row_set(&r.target, "x.csv");
	OK(journal_set_state(s.j, &r, FILE_PLACING, &fault));
	r.times.placed = 1;
	OK(journal_set_state(s.j, &r, FILE_HELD, &fault));
	assert_int_equal(mkdirat(folders_fd(s.t, FOLDER_WORK), A1, 0700), 0);
	assert_int_equal(mkdirat(folders_fd(s.t, FOLDER_WORK), "01ARZ3NDEKTSV4RRFFQ69G0002", 0700), 0);
	expect(&s, "");
	assert_false(is_there(s.t, FOLDER_WORK, A1));
	assert_false(is_there(s.t, FOLDER_WORK, "01ARZ3NDEKTSV4RRFFQ69G0002"));
	write_at(folders_fd(s.t, FOLDER_WORK), "core", "x");
	expect(&s, "odd: ");
	assert_true(is_there(s.t, FOLDER_WORK, "core"));
	file_row_release(&r);
	scene_end(&s);
}

static bool leases_work(struct fixture *x)
{
	char *path = fs_join(x->dir, "lease");
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	bool works;

	close(fd);
	fd = open(path, O_RDONLY);
	works = fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
	close(fd);
	free(path);
	return works;
}

static void test_adopt(void **state)
{
	struct fixture *x = *state;
	struct file_row r;
	struct scene s;
	struct stat st;
	int writer;

	if (!leases_work(x))
		skip();
	scene_begin(x, &s);
	row_make(&r, 1, "alice", "x.csv");
	work_make(s.t, &r);
	assert_int_equal(fchmodat(folders_fd(s.t, FOLDER_WORK), A1 "/x.csv", 0644, 0),
			 0); /* not owned yet */
	expect(&s, "adopt:x.csv ");
	assert_int_equal(fstatat(folders_fd(s.t, FOLDER_WORK), A1 "/x.csv", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0400);
	assert_int_equal(st.st_uid, geteuid());
	/* with what a lost journal leaves */
	write_at(folders_fd(s.t, FOLDER_WORK), A1 "/x.csv.rejects.csv", "r");
	write_at(folders_fd(s.t, FOLDER_WORK), A1 "/x.csv.receipt.json", "{}");
	write_at(folders_fd(s.t, FOLDER_WORK), A1 "/.receipt.tmp", "{");
	expect(&s, "adopt:x.csv ");
	assert_false(is_there(s.t, FOLDER_WORK, A1 "/x.csv.rejects.csv"));
	/* two files: nobody's */
	write_at(folders_fd(s.t, FOLDER_WORK), A1 "/y.csv", "r");
	expect(&s, "odd: ");
	assert_int_equal(unlinkat(folders_fd(s.t, FOLDER_WORK), A1 "/y.csv", 0), 0);
	/* open for writing: back into in/ */
	assert_int_equal(fchmodat(folders_fd(s.t, FOLDER_WORK), A1 "/x.csv", 0600, 0), 0);
	writer = openat(folders_fd(s.t, FOLDER_WORK), A1 "/x.csv", O_WRONLY);
	assert_true(writer >= 0);
	write_at(folders_fd(s.t, FOLDER_IN), "x.csv", "another");
	expect(&s, "given-back:x.csv." A1 " ");
	assert_true(is_there(s.t, FOLDER_IN, "x.csv." A1));
	assert_false(is_there(s.t, FOLDER_WORK, A1));
	close(writer);
	file_row_release(&r);
	scene_end(&s);
}

static void test_not_a_file(void **state)
{
	static const char *const kinds[] = {"link", "second name", "fifo", "folder"};
	struct scene s;

	scene_begin(*state, &s);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		int work = folders_fd(s.t, FOLDER_WORK);

		assert_int_equal(mkdirat(work, A1, 0700), 0);
		if (i == 0)
			assert_int_equal(symlinkat("/etc/passwd", work, A1 "/f"), 0);
		if (i == 1) {
			write_at(folders_fd(s.t, FOLDER_TRY), "f", "x");
			assert_int_equal(linkat(folders_fd(s.t, FOLDER_TRY), "f", work, A1 "/f", 0), 0);
		}
		if (i == 2)
			assert_int_equal(mkfifoat(work, A1 "/f", 0600), 0);
		if (i == 3)
			assert_int_equal(mkdirat(work, A1 "/f", 0700), 0);
		expect(&s, "given-back:f ");
		assert_true(is_there(s.t, FOLDER_IN, "f"));
		assert_int_equal(unlinkat(folders_fd(s.t, FOLDER_IN), "f", i == 3 ? AT_REMOVEDIR : 0), 0);
	}
	scene_end(&s);
}

static void test_broken_is_for_ever(void **state UNUSED)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct fault f = FAULT_INIT;
		int ends[2];
		bool right = !durable_broken() && pipe(ends) == 0;

		/* fsync of a pipe fails with EINVAL */
		right = right && durable_fsync(ends[0], "pipe", &f) == -1 && durable_broken();
		_exit(right && f.kind == FAULT_SYSTEM ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(test_rows),  T(test_placed_since), T(test_waits_behind_its_place), T(test_retaken), T(test_no_tenant), T(test_leftovers),
		T(test_adopt), T(test_not_a_file), T(test_broken_is_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

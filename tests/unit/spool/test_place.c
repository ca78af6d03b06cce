/*
 * test_place - names chosen, files moved, again and again, and with strangers in the way
 */
#include "tests/unit/spool/fixture.h"
#include "watcher/spool/place.h"
#include "watcher/spool/work.h"

#define A1 "01ARZ3NDEKTSV4RRFFQ69G0001"

struct scene {
	struct journal *j;
	struct folders *t;
	struct file_row r;
};

/* A claimed file with an outcome, its row in the journal. */
static void scene_begin(struct fixture *x, struct scene *s, enum outcome o)
{
	memset(s, 0, sizeof(*s));
	OK(journal_open(x->journal, NULL, &s->j, &fault));
	OK(folders_open(x->staging, "alice", &s->t, &fault));
	row_make(&s->r, 1, "alice", "x.csv");
	work_make(s->t, &s->r);
	OK(journal_insert(s->j, &s->r, &fault));
	s->r.has_outcome = true;
	s->r.outcome = o;
}

static void scene_end(struct scene *s)
{
	file_row_release(&s->r);
	folders_free(&s->t);
	journal_free(&s->j);
}

static void add_rejects(struct scene *s, const char *text)
{
	int fd = -1;

	OK(work_open_rejects(s->t, &s->r, "csv", &fd, &fault));
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static enum place_result place_all(struct scene *s)
{
	enum place_result r;

	OK(place_choose(s->t, s->j, &s->r, &fault));
	OK(place_receipt(s->t, &s->r, &fault));
	OK(journal_set_state(s->j, &s->r, FILE_PLACING, &fault));
	r = place_move(s->t, &s->r, &fault);
	if (r == PLACE_FAILED)
		print_error("%s\n", fault.text);
	return r;
}

static void test_with_rejects(void **state)
{
	struct scene s;
	struct stat st;
	char *text;

	scene_begin(*state, &s, OUTCOME_DONE);
	s.t->has_group = geteuid() == 0;
	s.t->group = 12345;
	add_rejects(&s, "_line,_column,_error,a,b\n");
	assert_int_equal(place_all(&s), PLACE_DONE);
	assert_true(is_there(s.t, FOLDER_DONE, "x.csv"));
	assert_true(is_there(s.t, FOLDER_DONE, "x.csv.rejects.csv"));
	text = content_of(s.t, FOLDER_DONE, "x.csv.receipt.json");
	assert_non_null(strstr(text, "\"id\":\"" A1 "\""));
	assert_non_null(strstr(text, "\"state\":\"done\""));
	free(text);
	assert_int_equal(fstatat(folders_fd(s.t, FOLDER_DONE), "x.csv", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0440);
	if (s.t->has_group)
		assert_int_equal(st.st_gid, 12345);
	assert_int_equal(fstatat(folders_fd(s.t, FOLDER_DONE), "x.csv.receipt.json", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/* done again, as after a crash: nothing changes */
	assert_int_equal(place_move(s.t, &s.r, &fault), PLACE_DONE);
	OK(place_clean(s.t, &s.r, &fault));
	assert_false(is_there(s.t, FOLDER_WORK, A1));
	OK(place_clean(s.t, &s.r, &fault));
	assert_int_equal(place_move(s.t, &s.r, &fault), PLACE_DONE);
	scene_end(&s);
}

/* The power, or a full disk, took it between PLACING and the move: it is written again. */
static void test_receipt_that_is_gone(void **state)
{
	struct scene s;
	int dir = -1;

	scene_begin(*state, &s, OUTCOME_DONE);
	OK(place_choose(s.t, s.j, &s.r, &fault));
	OK(place_receipt(s.t, &s.r, &fault));
	OK(journal_set_state(s.j, &s.r, FILE_PLACING, &fault));
	OK(work_open_dir(s.t, A1, &dir, &fault));
	assert_int_equal(unlinkat(dir, "x.csv.receipt.json", 0), 0);
	close(dir);
	assert_int_equal(place_move(s.t, &s.r, &fault), PLACE_DONE);
	assert_true(is_there(s.t, FOLDER_DONE, "x.csv"));
	assert_true(is_there(s.t, FOLDER_DONE, "x.csv.receipt.json"));
	OK(place_clean(s.t, &s.r, &fault));
	assert_false(is_there(s.t, FOLDER_WORK, A1));
	scene_end(&s);
}

static void test_no_rejects(void **state UNUSED)
{
	static const struct {
		enum outcome outcome;
		const char *rejects;
		enum folder folder;
	} cases[] = {
		{OUTCOME_FAILED, "", FOLDER_FAILED},
		{OUTCOME_HELD, "", FOLDER_HELD},
		{OUTCOME_DUPLICATE, "found by a gate that does not count\n", FOLDER_DONE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		void *x = NULL;
		struct scene s;

		fixture_setup(&x);
		scene_begin(x, &s, cases[i].outcome);
		add_rejects(&s, cases[i].rejects);
		assert_int_equal(place_all(&s), PLACE_DONE);
		assert_true(is_there(s.t, cases[i].folder, "x.csv"));
		assert_true(is_there(s.t, cases[i].folder, "x.csv.receipt.json"));
		assert_false(is_there(s.t, cases[i].folder, "x.csv.rejects.csv"));
		OK(place_clean(s.t, &s.r, &fault));
		assert_false(is_there(s.t, FOLDER_WORK, A1));
		scene_end(&s);
		fixture_teardown(&x);
	}
}

static void test_names_taken(void **state)
{
	static const char *const taken[] = {"x.csv", "x.csv.receipt.json", "x.csv.rejects.csv",
					    "x.csv.rejects.ndjson"};
	struct scene s;

	scene_begin(*state, &s, OUTCOME_DONE);
	add_rejects(&s, "r\n");
	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		write_at(folders_fd(s.t, FOLDER_DONE), taken[i], "old");
		OK(place_choose(s.t, s.j, &s.r, &fault));
		assert_string_equal(s.r.target, "x.csv." A1);
		assert_string_equal(s.r.rejects, "x.csv." A1 ".rejects.csv");
		assert_int_equal(unlinkat(folders_fd(s.t, FOLDER_DONE), taken[i], 0), 0);
	}
	OK(place_choose(s.t, s.j, &s.r, &fault));
	assert_string_equal(s.r.target, "x.csv");
	write_at(folders_fd(s.t, FOLDER_DONE), "x.csv", "old");
	write_at(folders_fd(s.t, FOLDER_DONE), "x.csv." A1, "odd");
	OK(place_choose(s.t, s.j, &s.r, &fault));
	assert_string_equal(s.r.target, "x.csv." A1 ".2");
	assert_int_equal(place_all(&s), PLACE_DONE);
	assert_true(is_there(s.t, FOLDER_DONE, "x.csv." A1 ".2.rejects.csv"));
	scene_end(&s);
}

static void test_reserved(void **state)
{
	struct file_row other;
	struct scene s;

	scene_begin(*state, &s, OUTCOME_DONE);
	row_make(&other, 2, "alice", "x.csv");
	OK(journal_insert(s.j, &other, &fault));
	other.has_outcome = true;
	other.outcome = OUTCOME_DONE;
	OK(place_choose(s.t, s.j, &s.r, &fault));
	OK(journal_set_state(s.j, &s.r, FILE_PLACING, &fault));
	OK(place_choose(s.t, s.j, &other, &fault)); /* nothing is on the disk yet */
	assert_string_equal(other.target, "x.csv.01ARZ3NDEKTSV4RRFFQ69G0002");
	file_row_release(&other);
	scene_end(&s);
}

/*
 * A name is taken between PLACING and the rename: nothing is overwritten, everything goes under
 * another name.
 */
static void test_stranger(void **state UNUSED)
{
	static const char *const taken[] = {"x.csv", "x.csv.receipt.json", "x.csv.rejects.csv"};

	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		void *x = NULL;
		struct scene s;
		char *text;

		fixture_setup(&x);
		scene_begin(x, &s, OUTCOME_DONE);
		add_rejects(&s, "r\n");
		OK(place_choose(s.t, s.j, &s.r, &fault));
		OK(place_receipt(s.t, &s.r, &fault));
		OK(journal_set_state(s.j, &s.r, FILE_PLACING, &fault));
		write_at(folders_fd(s.t, FOLDER_DONE), taken[i], "old");
		assert_int_equal(place_move(s.t, &s.r, &fault), PLACE_TAKEN);
		OK(place_choose(s.t, s.j, &s.r, &fault));
		OK(place_receipt(s.t, &s.r, &fault));
		OK(journal_save(s.j, &s.r, &fault));
		assert_int_equal(place_move(s.t, &s.r, &fault), PLACE_DONE);
		assert_true(is_there(s.t, FOLDER_DONE, "x.csv." A1));
		assert_true(is_there(s.t, FOLDER_DONE, "x.csv." A1 ".rejects.csv"));
		assert_true(is_there(s.t, FOLDER_DONE, "x.csv." A1 ".receipt.json"));
		text = content_of(s.t, FOLDER_DONE, taken[i]);
		assert_string_equal(text, "old");
		free(text);
		OK(place_clean(s.t, &s.r, &fault));
		assert_false(is_there(s.t, FOLDER_WORK, A1));
		scene_end(&s);
		fixture_teardown(&x);
	}
}

static void test_missing(void **state)
{
	struct scene s;

	scene_begin(*state, &s, OUTCOME_FAILED);
	assert_int_equal(unlinkat(folders_fd(s.t, FOLDER_WORK), A1 "/x.csv", 0), 0);
	assert_int_equal(unlinkat(folders_fd(s.t, FOLDER_WORK), A1, AT_REMOVEDIR), 0);
	assert_int_equal(place_all(&s), PLACE_MISSING);
	assert_true(is_there(s.t, FOLDER_FAILED, "x.csv.receipt.json"));
	scene_end(&s);
}

static void test_target_gone(void **state)
{
	struct scene s;

	scene_begin(*state, &s, OUTCOME_DONE);
	assert_int_equal(unlinkat(folders_fd(s.t, FOLDER_WORK), "../done", AT_REMOVEDIR), 0);
	assert_int_equal(place_all(&s), PLACE_DONE);
	assert_int_equal(faccessat(folders_fd(s.t, FOLDER_WORK), "../done/x.csv", F_OK, 0), 0);
	scene_end(&s);
}

static void test_run_receipt(void **state)
{
	struct scene s;
	char *text;

	scene_begin(*state, &s, OUTCOME_DONE);
	for (int i = 0; i < 2; i++)
		OK(place_run_receipt(s.t, "table", "R1", SPAN_LITERAL("{}\n"), &fault));
	text = content_of(s.t, FOLDER_FAILED, "table.R1.receipt.json");
	assert_string_equal(text, "{}\n");
	free(text);
	scene_end(&s);
}

static void test_input(void **state)
{
	struct scene s;
	int first = -1, second = -1;

	scene_begin(*state, &s, OUTCOME_DONE);
	OK(work_open_input(s.t, &s.r, &first, &fault));
	assert_int_equal(work_open_input(s.t, &s.r, &second, &fault), -1);
	assert_int_equal(fault.kind, FAULT_TEMPORARY);
	assert_int_equal(fault.error, EWOULDBLOCK);
	close(first);
	s.r.bytes = 7;
	assert_int_equal(work_open_input(s.t, &s.r, &second, &fault), -1);
	assert_int_equal(fault.kind, FAULT_DATA);
	file_row_set(&s.r.file, "none");
	assert_int_equal(work_open_input(s.t, &s.r, &second, &fault), -1);
	assert_int_equal(fault.error, ENOENT);
	scene_end(&s);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(test_with_rejects), T(test_receipt_that_is_gone), T(test_no_rejects), T(test_names_taken),
		T(test_reserved),     T(test_stranger),    T(test_missing),
		T(test_target_gone),  T(test_run_receipt), T(test_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

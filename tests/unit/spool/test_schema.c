/*
 * test_schema - versions of the journal: new, older, newer, not ours; a full disk
 */
#include "tests/unit/spool/fixture.h"
#include "watcher/spool/durable.h"
#include "watcher/spool/schema.h"

#include <sched.h>
#include <sys/mount.h>

static const char *const two_steps[] = {
	"CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (41);",
	"ALTER TABLE t ADD COLUMN b TEXT; UPDATE t SET a = a + 1;",
};

static int64_t number(struct db *db, const char *sql)
{
	struct db_stmt *q = db_query(db, sql, &fault);
	int64_t n;

	assert_non_null(q);
	assert_int_equal(db_step(q, &fault), 1);
	n = db_i64(q, 0);
	db_done(q);
	return n;
}

static void test_migrated_after_a_copy(void **state)
{
	struct fixture *x = *state;
	char *copy = xasprintf("%s.v1.bak", x->journal);
	struct db *db = NULL;
	struct stat st;

	OK(db_open(x->journal, &db, &fault));
	OK(schema_open(db, x->journal, two_steps, 1, &fault));
	db_free(&db);
	assert_int_equal(access(copy, F_OK), -1);
	write_at(AT_FDCWD, copy, "half of a copy of a migration that was killed");
	OK(db_open(x->journal, &db, &fault));
	OK(schema_open(db, x->journal, two_steps, 2, &fault));
	assert_int_equal(number(db, "SELECT a FROM t"), 42);
	assert_int_equal(number(db, "SELECT version FROM schema"), 2);
	OK(schema_open(db, x->journal, two_steps, 2, &fault));
	assert_int_equal(schema_open(db, x->journal, two_steps, 1, &fault), -1);
	assert_int_equal(fault.kind, FAULT_CONFIG);
	assert_non_null(strstr(fault.text, "newer"));
	db_free(&db);
	fault_clear(&fault);
	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	OK(db_open(copy, &db, &fault));
	assert_int_equal(number(db, "SELECT a FROM t"), 41);
	db_free(&db);
	free(copy);
}

static void test_failed_step_leaves_it(void **state)
{
	static const char *const steps[] = {"CREATE TABLE t (a);", "CREATE TABLE u (a); nonsense;"};
	struct fixture *x = *state;
	struct db *db = NULL;

	OK(db_open(x->journal, &db, &fault));
	OK(schema_open(db, x->journal, steps, 1, &fault));
	assert_int_equal(schema_open(db, x->journal, steps, 2, &fault), -1);
	assert_int_equal(number(db, "SELECT version FROM schema"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM sqlite_master WHERE name = 'u'"), 0);
	db_free(&db);
}

static void test_not_ours(void **state)
{
	struct fixture *x = *state;
	struct journal *j = NULL;
	struct db *db = NULL;

	write_at(AT_FDCWD, x->journal,
		 "this is no database, it only stands where one should be ......");
	assert_int_equal(journal_open(x->journal, NULL, &j, &fault), -1);
	assert_int_equal(unlink(x->journal), 0);
	fault_clear(&fault);
	OK(db_open(x->journal, &db, &fault));
	OK(db_exec(db, "CREATE TABLE somebody (a)", &fault));
	db_free(&db);
	assert_int_equal(journal_open(x->journal, NULL, &j, &fault), -1);
	assert_int_equal(fault.kind, FAULT_CONFIG);
	assert_null(j);
}

/*
 * Fills the disk, then changes every row; returns how many there are.  Runs in a mount namespace of
 * its own.
 */
static int fill_disk(const char *dir)
{
	char *path = fs_join(dir, "journal.db");
	char *ballast = fs_join(dir, "ballast");
	struct journal *j = NULL;
	struct file_row r, back;
	int failed = 0;
	int fd;

	OK(journal_open(path, NULL, &j, &fault));
	row_make(&r, 1, "alice", "x.csv");
	OK(journal_insert(j, &r, &fault));
	OK(journal_commit(j, &fault));
	fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	for (char block[4096] = {0}; write(fd, block, sizeof(block)) > 0;)
		;
	close(fd);
	OK(journal_set_state(j, &r, FILE_IDENTIFIED, &fault));
	for (unsigned n = 2; n < 200; n++) {
		struct file_row other;

		row_make(&other, n, "alice", "y.csv");
		OK(journal_insert(j, &other, &fault));
		file_row_release(&other);
	}
	for (int i = 0; i < 3; i++)
		failed += journal_commit(j, &fault) < 0;
	assert_int_equal(failed, 3);
	assert_true(journal_behind(j));
	assert_false(durable_broken());
	assert_int_equal(unlink(ballast), 0);
	fault_clear(&fault);
	OK(journal_commit(j, &fault));
	journal_free(&j);
	OK(journal_open(path, NULL, &j, &fault));
	file_row_init(&back);
	assert_int_equal(journal_by_arrival(j, r.arrival, &back, &fault), 1);
	assert_int_equal(back.state, FILE_IDENTIFIED);
	assert_int_equal(journal_by_arrival(j, "01ARZ3NDEKTSV4RRFFQ69G0199", &back, &fault), 1);
	journal_free(&j);
	return 0;
}

static void test_full_disk(void **state)
{
	struct fixture *x = *state;
	int status = 0;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("none", x->dir, "tmpfs", 0, "size=600k") < 0)
			_exit(77);
		_exit(fill_disk(x->dir));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(test_migrated_after_a_copy),
		T(test_failed_step_leaves_it),
		T(test_not_ours),
		T(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

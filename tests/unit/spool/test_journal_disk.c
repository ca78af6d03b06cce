/*
 * test_journal_disk - the journal beside another process's lock and on a disk that breaks
 */
#include "tests/unit/spool/fixture.h"
#include "watcher/spool/durable.h"
#include <sqlite3.h>

/* Another process holds the write lock: nothing is lost, everything is there once it has gone. */
static void test_behind(void **state)
{
	struct fixture *x = *state;
	struct journal *j = open_journal(x);
	struct file_row r, back;
	sqlite3 *other = NULL;

	row_make(&r, 1, "alice", "x.csv");
	file_row_init(&back);
	assert_int_equal(sqlite3_open(x->journal, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	OK(journal_insert(j, &r, &fault));
	assert_true(journal_behind(j));
	OK(journal_set_state(j, &r, FILE_IDENTIFIED, &fault));
	assert_int_equal(journal_by_arrival(j, r.arrival, &back, &fault), -1);
	assert_int_equal(journal_commit(j, &fault), -1);
	assert_int_equal(fault.kind, FAULT_SYSTEM);
	assert_false(durable_broken());
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	fault_clear(&fault);
	OK(journal_commit(j, &fault));
	assert_false(journal_behind(j));
	assert_int_equal(journal_by_arrival(j, r.arrival, &back, &fault), 1);
	assert_int_equal(back.state, FILE_IDENTIFIED);
	file_row_release(&r);
	file_row_release(&back);
	journal_free(&j);
}

/* SQLite's writes into the journal itself (not its -wal) fail, as those of a checkpoint on a broken disk. */
static ssize_t broken_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	char link[64], path[4096];
	ssize_t got;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	got = readlink(link, path, sizeof(path) - 1);
	path[got > 0 ? got : 0] = '\0';
	if (got > 3 && strcmp(path + got - 3, ".db") == 0) {
		errno = EIO;
		return -1;
	}
	return pwrite(fd, bytes, n, at);
}

static void break_disk(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	(void)vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)broken_pwrite);
	(void)vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)broken_pwrite);
}

/* The commit that fills the -wal: it is durable, and the checkpoint behind it meets the disk. */
static bool commit_meets_broken_disk(const struct fixture *x)
{
	struct journal *j = open_journal(x);
	char *large = xcalloc(1, 6 << 20);
	struct file_row r;
	bool right;

	memset(large, 'x', (6 << 20) - 1);
	row_make(&r, 1, "alice", "x.csv");
	file_row_set(&r.reason, large);
	break_disk();
	right = journal_insert(j, &r, &fault) == 0 && !durable_broken() && journal_commit(j, &fault) < 0 &&
		durable_broken() && fault.error == EIO && strstr(fault.text, "checkpoint");
	free(large);
	file_row_release(&r);
	journal_free(&j);
	return right;
}

static void test_broken_checkpoint(void **state)
{
	struct fixture *x = *state;
	int status = 0;
	pid_t pid = fork(); /* a broken disk is for ever in a process */

	if (pid == 0)
		_exit(commit_meets_broken_disk(x) ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(test_behind),
		T(test_broken_checkpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

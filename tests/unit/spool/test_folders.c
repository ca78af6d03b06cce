/*
 * test_folders - state folders, their modes and refusals; the lock; versions
 */
#include "tests/unit/spool/fixture.h"
#include "watcher/spool/lock.h"
#include "watcher/spool/versions.h"
#include <dirent.h>

#define GROUP 12345

static mode_t mode_of(const struct folders *t, enum folder d)
{
	struct stat st;

	assert_int_equal(fstat(folders_fd(t, d), &st), 0);
	return st.st_mode & 07777;
}

static void test_made_plain(void **state)
{
	struct fixture *x = *state;
	struct folders *t = NULL;

	OK(folders_open(x->staging, "no-such-person", &t, &fault));
	assert_false(t->has_group);
	assert_int_equal(mode_of(t, FOLDER_IN), 0755);
	assert_int_equal(mode_of(t, FOLDER_WORK), 0700);
	assert_int_equal(mode_of(t, FOLDER_HELD), 0755);
	folders_free(&t);
	OK(folders_open(x->staging, "no-such-person", &t, &fault)); /* they are there */
	folders_free(&t);
	assert_null(t);
}

static void test_group_of_in(void **state)
{
	struct fixture *x = *state;
	struct folders *t = NULL;
	char *in = xasprintf("%s/alice/in", x->staging);

	if (geteuid() != 0)
		skip();
	OK(fs_make_dirs(in, 0755, &fault));
	assert_int_equal(chown(in, 23456, GROUP), 0); /* the tenant's own, as many make it */
	OK(folders_open(x->staging, "alice", &t, &fault));
	assert_true(t->has_group);
	assert_int_equal(t->group, GROUP);
	assert_int_equal(mode_of(t, FOLDER_IN), 0770);
	assert_int_equal(mode_of(t, FOLDER_TRY), 0770);
	assert_int_equal(mode_of(t, FOLDER_DONE), 0750);
	assert_int_equal(mode_of(t, FOLDER_WORK), 0700);
	folders_free(&t);
	free(in);
}

static void test_refused(void **state)
{
	struct fixture *x = *state;
	struct folders *t = NULL;
	char *tenant = xasprintf("%s/alice", x->staging);
	char *done = fs_join(tenant, "done");

	OK(fs_make_dirs(tenant, 0755, &fault));
	assert_int_equal(symlink("/tmp", done), 0);
	assert_int_equal(folders_open(x->staging, "alice", &t, &fault), -1);
	assert_int_equal(fault.kind, FAULT_CONFIG);
	assert_non_null(strstr(fault.text, "is a link"));
	assert_int_equal(unlink(done), 0);
	close(open(done, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(folders_open(x->staging, "alice", &t, &fault), -1);
	assert_int_equal(fault.kind, FAULT_CONFIG);
	free(tenant);
	free(done);
}

static void test_refresh(void **state)
{
	struct fixture *x = *state;
	struct folders *t = NULL;
	char *done = xasprintf("%s/alice/done", x->staging);

	OK(folders_open(x->staging, "alice", &t, &fault));
	assert_int_equal(rmdir(done), 0);
	OK(folders_refresh(t, &fault));
	assert_int_equal(access(done, F_OK), 0);
	write_at(folders_fd(t, FOLDER_DONE), "x", "y");
	free(done);
	done = xasprintf("%s/alice/done/x", x->staging);
	assert_int_equal(access(done, F_OK), 0);
	folders_free(&t);
	free(done);
}

static size_t descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

#define KEPT 4
#define MANY 40

/* As many as are kept have theirs open; the others are opened again when they are used, as they were. */
static void test_most_are_closed(void **state)
{
	struct fixture *x = *state;
	struct folders *t[MANY] = {0};
	size_t before = descriptors();
	char name[8];

	folders_keep_open(KEPT);
	for (size_t i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "t%zu", i);
		OK(folders_open(x->staging, name, &t[i], &fault));
	}
	assert_int_equal(descriptors() - before, KEPT * (1 + FOLDER_COUNT));
	for (size_t i = 0; i < MANY; i++) {
		assert_false(folders_replaced(t[i]));
		OK(folders_use(t[i], &fault));
		write_at(folders_fd(t[i], FOLDER_DONE), "x", "y");
		OK(folders_sync_parents(t[i], NULL, &fault));
		assert_false(folders_replaced(t[i]));
	}
	assert_int_equal(descriptors() - before, KEPT * (1 + FOLDER_COUNT));
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(faccessat(folders_fd(t[i], FOLDER_DONE), "x", F_OK, 0), 0);
		folders_free(&t[i]);
	}
	assert_int_equal(descriptors(), before);
	folders_keep_open(FOLDERS_KEPT_OPEN);
}

static void close_those_of_before(struct fixture *x)
{
	struct folders *other = NULL;

	OK(folders_open(x->staging, "other", &other, &fault));
	folders_free(&other);
}

/* What lies there when a closed folder is opened again is judged as the first time. */
static void test_replaced_while_closed(void **state)
{
	struct fixture *x = *state;
	char *done = xasprintf("%s/alice/done", x->staging), *aside = xasprintf("%s/alice/aside", x->staging);
	struct folders *t = NULL;

	folders_keep_open(1);
	OK(folders_open(x->staging, "alice", &t, &fault));
	close_those_of_before(x);
	assert_false(folders_replaced(t));
	assert_int_equal(rename(done, aside), 0);
	assert_true(folders_replaced(t));
	assert_int_equal(symlink("aside", done), 0);
	assert_true(folders_replaced(t));
	assert_int_equal(folders_use(t, &fault), -1);
	assert_int_equal(fault.kind, FAULT_CONFIG);
	assert_non_null(strstr(fault.text, "alice/done is a link"));
	assert_int_equal(folders_fd(t, FOLDER_DONE), -1);
	assert_int_equal(folders_fd(t, FOLDER_WORK), -1);
	assert_int_equal(unlink(done), 0);
	fault_clear(&fault);
	/* another one: it is taken, and said until the next look at all of them */
	OK(folders_use(t, &fault));
	assert_true(folders_replaced(t));
	OK(folders_refresh(t, &fault));
	assert_false(folders_replaced(t));
	/* the same name, made anew at once, may have the same inode */
	close_those_of_before(x);
	assert_int_equal(rmdir(done), 0);
	assert_int_equal(mkdir(done, 0755), 0);
	assert_true(folders_replaced(t));
	folders_free(&t);
	folders_keep_open(FOLDERS_KEPT_OPEN);
	free(done);
	free(aside);
}

static void test_names(void **state UNUSED)
{
	enum folder d;

	assert_int_equal(folder_of(OUTCOME_DUPLICATE), FOLDER_DONE);
	assert_int_equal(folder_of(OUTCOME_FAILED), FOLDER_FAILED);
	assert_true(folder_parse("held", &d));
	assert_int_equal(d, FOLDER_HELD);
	assert_false(folder_parse("../in", &d));
}

static void test_lock(void **state)
{
	struct fixture *x = *state;
	int first = -1, second = -1;

	OK(lock_take(x->dir, 0, &first, &fault));
	assert_int_equal(lock_take(x->dir, 60, &second, &fault), -1);
	assert_int_equal(fault.error, EWOULDBLOCK);
	assert_non_null(strstr(fault.text, "another ingestd"));
	close(first);
	fault_clear(&fault);
	OK(lock_take(x->dir, 0, &second, &fault));
	close(second);
}

static void test_versions(void **state)
{
	static const char kept[] = "kkkkkkkkkkkkkkkkkkkk", gone[] = "gggggggggggggggggggg";
	struct fixture *x = *state;
	struct versions *v = NULL;
	struct journal *j = NULL;
	struct strbuf text = STRBUF_INIT;
	char *jobs = fs_join(x->dir, "jobs");
	char *left = fs_join(jobs, ".tmp-xxxxxxxxxxxxxxxxxxxx");
	struct file_row r;
	size_t removed = 0;
	int fd = -1;

	OK(journal_open(x->journal, NULL, &j, &fault));
	OK(versions_open(x->dir, &v, &fault));
	OK(versions_keep(v, kept, SPAN_LITERAL("{\"a\":1}"), &fault));
	OK(versions_keep(v, kept, SPAN_LITERAL("{\"a\":1}"), &fault));
	OK(versions_keep(v, gone, SPAN_LITERAL("{}"), &fault));
	OK(fs_make_dirs(left, 0700, &fault));
	OK(versions_fd(v, kept, &fd, &fault));
	OK(fs_read_fd(fd, 100, &text, &fault));
	assert_string_equal(text.p, "{\"a\":1}");
	assert_int_equal(write(fd, "x", 1), -1);
	close(fd);
	assert_int_equal(versions_fd(v, "none", &fd, &fault), -1);
	assert_int_equal(fault.kind, FAULT_CONFIG);
	row_make(&r, 1, "alice", "x.csv");
	snprintf(r.version, sizeof(r.version), "%s", kept);
	OK(journal_insert(j, &r, &fault));
	OK(versions_prune(v, j, NULL, NULL, &removed, &fault));
	assert_int_equal(removed, 2);
	OK(versions_fd(v, kept, &fd, &fault));
	close(fd);
	assert_int_equal(versions_fd(v, gone, &fd, &fault), -1);
	assert_int_equal(access(left, F_OK), -1);
	file_row_release(&r);
	strbuf_release(&text);
	free(jobs);
	free(left);
	versions_free(&v);
	journal_free(&j);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(test_made_plain), T(test_group_of_in), T(test_refused),  T(test_refresh),
		T(test_most_are_closed), T(test_replaced_while_closed),
		T(test_names),      T(test_lock),        T(test_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

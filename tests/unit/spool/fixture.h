/*
 * fixture - a state folder, a tenant's folders and rows for the tests of spool/
 *
 * Every test has a folder of its own below /tmp, removed at its end.
 */
#ifndef TEST_SPOOL_FIXTURE_H
#define TEST_SPOOL_FIXTURE_H

#include "watcher/base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "watcher/base/fsutil.h"
#include "watcher/spool/folders.h"
#include "watcher/spool/journal.h"

#define CONTENT "a,b\n1,2\n"
#define OK(call) ok_or_fail((call), &fault, __FILE__, __LINE__)

static struct fault fault;

static inline void ok_or_fail(int r, const struct fault *f, const char *file, int line)
{
	if (r < 0)
		print_error("%s:%d: %s\n", file, line, f->text);
	_assert_true(r >= 0, "call", file, line);
}

struct fixture {
	char dir[64];
	char journal[128];
	char staging[128];
};

static inline int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED,
			     struct FTW *ftw UNUSED)
{
	return remove(path);
}

static inline int fixture_setup(void **state)
{
	struct fixture *x = xcalloc(1, sizeof(*x));

	snprintf(x->dir, sizeof(x->dir), "/tmp/spool-test-XXXXXX");
	assert_non_null(mkdtemp(x->dir));
	snprintf(x->journal, sizeof(x->journal), "%s/journal.db", x->dir);
	snprintf(x->staging, sizeof(x->staging), "%s/staging", x->dir);
	fault_clear(&fault);
	*state = x;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *x = *state;

	nftw(x->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(x);
	return 0;
}

/* A claimed row: id of n, name, 8 bytes. */
static inline void row_make(struct file_row *r, unsigned n, const char *tenant, const char *name)
{
	file_row_init(r);
	snprintf(r->arrival, sizeof(r->arrival), "01ARZ3NDEKTSV4RRFFQ69G%04u", n);
	file_row_set(&r->tenant, tenant);
	file_row_set(&r->file, name);
	file_row_set(&r->job, "table");
	r->bytes = strlen(CONTENT);
	r->times.arrived = 1700000000000 + n;
	r->times.complete = 1700000001000 + n;
	r->times.claimed = 1700000002059 + n;
}

static inline void write_at(int dir, const char *name, const char *content)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
}

/* work/A with its file, as the claim leaves it. */
static inline void work_make(const struct folders *t, const struct file_row *r)
{
	int dir;

	assert_int_equal(mkdirat(folders_fd(t, FOLDER_WORK), r->arrival, 0700), 0);
	dir = openat(folders_fd(t, FOLDER_WORK), r->arrival, O_RDONLY | O_DIRECTORY);
	assert_true(dir >= 0);
	write_at(dir, r->file, CONTENT);
	assert_int_equal(fchmodat(dir, r->file, 0400, 0), 0);
	close(dir);
}

static inline bool is_there(const struct folders *t, enum folder d, const char *name)
{
	return faccessat(folders_fd(t, d), name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline char *content_of(const struct folders *t, enum folder d, const char *name)
{
	struct strbuf sb = STRBUF_INIT;
	int fd = openat(folders_fd(t, d), name, O_RDONLY);

	assert_true(fd >= 0);
	OK(fs_read_fd(fd, 1 << 20, &sb, &fault));
	close(fd);
	return strbuf_detach(&sb);
}

static inline struct journal *open_journal(const struct fixture *x)
{
	struct journal *j = NULL;

	OK(journal_open(x->journal, NULL, &j, &fault));
	return j;
}

#endif

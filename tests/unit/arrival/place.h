/*
 * place - a tenant's folders in a temporary directory, for the tests of arrival/
 *
 * place_make makes DIR/t/in and DIR/t/work below TMPDIR (or /tmp); place_drop removes all.  Every
 * helper asserts.
 */
#ifndef TEST_ARRIVAL_PLACE_H
#define TEST_ARRIVAL_PLACE_H

#include "watcher/base/base.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
	char top[128];
	char dir[160]; /* the tenant's */
	int in_fd, work_fd;
};

static inline int place_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void place_open(struct place *p)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/in", p->dir);
	p->in_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/work", p->dir);
	p->work_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->in_fd >= 0 && p->work_fd >= 0);
}

static inline void place_make_in(struct place *p, const char *base)
{
	char path[256];

	signal(SIGIO, SIG_IGN);
	snprintf(p->top, sizeof(p->top), "%s/arrival.XXXXXX", base);
	assert_non_null(mkdtemp(p->top));
	assert_int_equal(chmod(p->top, 0755), 0);
	snprintf(p->dir, sizeof(p->dir), "%s/t", p->top);
	assert_int_equal(mkdir(p->dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/in", p->dir);
	assert_int_equal(mkdir(path, 0777), 0);
	assert_int_equal(chmod(path, 0777), 0);
	snprintf(path, sizeof(path), "%s/work", p->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	place_open(p);
}

static inline void place_make(struct place *p)
{
	const char *base = getenv("TMPDIR");

	place_make_in(p, base && *base ? base : "/tmp");
}

static inline void place_drop(struct place *p)
{
	close(p->in_fd);
	close(p->work_fd);
	assert_int_equal(nftw(p->top, place_unlink, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* A file in in/ with this content, closed. */
static inline void place_file(const struct place *p, const char *name, const char *content)
{
	int fd = openat(p->in_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	close(fd);
}

static inline bool place_has(const struct place *p, const char *name)
{
	struct stat st;

	return fstatat(p->in_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline bool place_has_work(const struct place *p, const char *id, const char *name)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", id, name);
	return fstatat(p->work_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

#endif

/* fsutil: a real folder under /tmp with the links, pipes and leftovers a tenant or a crash may put there */
#include "watcher/base/fsutil.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <cmocka.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64];
static int dir = -1;
static struct fault f;

static int set_up(void **state)
{
	(void)state;
	fault_clear(&f);
	snprintf(root, sizeof(root), "/tmp/test_fsutil.XXXXXX");
	if (!mkdtemp(root))
		return -1;
	return fs_open_dir(root, &dir, &f);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	fs_close(&dir);
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put_file(const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text), &f), 0);
	close(fd);
}

static void want_file(const char *name, const char *want)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct strbuf sb = STRBUF_INIT;

	if (fd < 0)
		fail_msg("%s: %s", name, strerror(errno));
	assert_int_equal(fs_read_fd(fd, 1 << 20, &sb, &f), 0);
	assert_string_equal(sb.p, want);
	strbuf_release(&sb);
	close(fd);
}

static void test_open_beneath(void **state)
{
	static const struct {
		const char *name, *input;
		int flags, want; /* errno, 0 = opens */
	} rows[] = {
		{"a file", "file", O_RDONLY, 0},
		{"a folder", "sub", O_RDONLY | O_DIRECTORY, 0},
		{"only a path", "file", O_PATH, 0},
		{"a new file", "new", O_WRONLY | O_CREAT | O_EXCL, 0},
		{"a file without a name", ".", O_RDWR | O_TMPFILE, 0},
		{"a name with high bytes", "\xff\xfe", O_WRONLY | O_CREAT, 0},
		{"a pipe without a writer does not wait", "pipe", O_RDONLY, 0},
		{"a pipe without a reader does not wait", "pipe", O_WRONLY, ENXIO},
		{"nothing there", "none", O_RDONLY, ENOENT},
		{"a link to a file", "link", O_RDONLY, ELOOP},
		{"a link out", "out", O_RDONLY, ELOOP},
		{"a link to a folder out", "outdir", O_RDONLY | O_DIRECTORY, ENOTDIR},
		{"a new file through a link", "dangling", O_WRONLY | O_CREAT, ELOOP},
		{"the folder above", "..", O_RDONLY, EINVAL},
		{"the folder itself", ".", O_RDONLY, EINVAL},
		{"above and down", "../etc", O_RDONLY, EINVAL},
		{"absolute", "/etc/passwd", O_RDONLY, EINVAL},
		{"two levels", "sub/deep", O_RDONLY, EINVAL},
		{"through a link", "outdir/passwd", O_RDONLY, EINVAL},
		{"no name", "", O_RDONLY, EINVAL},
	};

	(void)state;
	put_file("file", "x");
	assert_int_equal(mkdirat(dir, "sub", 0755), 0);
	assert_int_equal(mkfifoat(dir, "pipe", 0600), 0);
	assert_int_equal(symlinkat("file", dir, "link"), 0);
	assert_int_equal(symlinkat("/etc/passwd", dir, "out"), 0);
	assert_int_equal(symlinkat("/etc", dir, "outdir"), 0);
	assert_int_equal(symlinkat("nowhere", dir, "dangling"), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		/* a mode is always given: openat2 itself refuses one where nothing is made */
		int fd = fs_open_beneath(dir, rows[i].input, rows[i].flags, 0640);
		int error = fd < 0 ? errno : 0;

		if (error != rows[i].want)
			fail_msg("%s: %s", rows[i].name, strerror(error));
		if (fd >= 0)
			assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		fs_close(&fd);
		assert_int_equal(fd, -1);
	}
}

static void test_make_dirs(void **state)
{
	static const struct {
		const char *name, *input;
		int want;
	} rows[] = {
		{"one", "a", 0},
		{"again", "a", 0},
		{"three", "b/c/d", 0},
		{"doubled and trailing slashes", "e//f///", 0},
		{"through a link to a folder", "link/g", 0},
		{"a file is no folder", "file", -1},
		{"below a file", "file/x", -1},
	};

	(void)state;
	put_file("file", "");
	assert_int_equal(symlinkat("a", dir, "link"), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *path = fs_join(root, rows[i].input);
		struct stat st;

		if (fs_make_dirs(path, 0755, &f) != rows[i].want)
			fail_msg("%s: %s", rows[i].name, f.text);
		if (rows[i].want == 0) {
			assert_int_equal(stat(path, &st), 0);
			assert_true(S_ISDIR(st.st_mode));
		}
		free(path);
	}
	assert_int_equal(fs_make_dirs("", 0755, &f), -1);
	assert_int_equal(fs_make_dirs("/", 0755, &f), 0);
}

static void test_make_dir_at(void **state)
{
	(void)state;
	put_file("file", "");
	assert_int_equal(symlinkat("/tmp", dir, "link"), 0);
	assert_int_equal(fs_make_dir_at(dir, "d", 0755, &f), 0);
	assert_int_equal(fs_make_dir_at(dir, "d", 0755, &f), 0);
	assert_int_equal(fs_make_dir_at(dir, "file", 0755, &f), -1);
	assert_int_equal(fs_make_dir_at(dir, "link", 0755, &f), -1);
	assert_int_equal(fs_make_dir_at(dir, "x/y", 0755, &f), -1);
	assert_int_equal(f.error, ENOENT);
}

/* The hundredth name of a folder whose first hundred were removed is not in the first lines of what the kernel gives. */
static void test_empty_dir(void **state)
{
	char name[16];
	int fd;

	(void)state;
	assert_int_equal(fs_make_dir_at(dir, "e", 0755, &f), 0);
	fd = openat(dir, "e", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fs_is_empty_dir(fd));
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "e/%d", i);
		put_file(name, "");
	}
	assert_false(fs_is_empty_dir(fd));
	for (int i = 0; i < 199; i++) {
		snprintf(name, sizeof(name), "e/%d", i);
		assert_int_equal(unlinkat(dir, name, 0), 0);
	}
	assert_false(fs_is_empty_dir(fd));
	assert_int_equal(unlinkat(dir, "e/199", 0), 0);
	assert_true(fs_is_empty_dir(fd));
	close(fd);
	fd = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_false(fs_is_empty_dir(fd)); /* what cannot be told */
	close(fd);
}

static void test_read_limits(void **state)
{
	static const struct {
		const char *name;
		size_t size, max;
		int want;
	} rows[] = {
		{"empty", 0, 0, 0},	     {"as long as allowed", 100, 100, 0},
		{"a byte over", 101, 100, -1}, {"over by far", 100000, 10, -1},
		{"long", 100000, 1 << 20, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf sb = STRBUF_INIT;
		char *text = xcalloc(1, rows[i].size + 1), *path = fs_join(root, "file");

		memset(text, 'x', rows[i].size);
		put_file("file", text);
		strbuf_adds(&sb, "old");
		if (fs_read_file(path, rows[i].max, &sb, &f) != rows[i].want)
			fail_msg("%s: %s", rows[i].name, f.text);
		assert_memory_equal(sb.p, "old", 3);
		if (rows[i].want == 0) {
			assert_string_equal(sb.p + 3, text);
		} else {
			assert_int_equal(sb.n, 3);
			assert_int_equal(f.kind, FAULT_CONFIG);
			assert_non_null(strstr(f.text, path));
		}
		free(text);
		free(path);
		strbuf_release(&sb);
	}
}

static void test_read_refused(void **state)
{
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	assert_int_equal(fs_read_file("/nonexistent/x", 10, &sb, &f), -1);
	assert_int_equal(f.error, ENOENT);
	assert_int_equal(f.kind, FAULT_CONFIG);
	assert_int_equal(fs_read_file(root, 10, &sb, &f), -1);
	assert_int_equal(f.error, EISDIR);
	assert_int_equal(sb.n, 0);
	assert_int_equal(fs_open_dir("/nonexistent/x", &dir, &f), -1);
	assert_true(dir >= 0); /* an output is written on success only */
	strbuf_release(&sb);
}

static void test_pread_pwrite(void **state)
{
	char out[16] = "";
	size_t got = 99;
	int fd = openat(dir, "f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(fs_pwrite_all(fd, "world", 5, 6, &f), 0);
	assert_int_equal(fs_pwrite_all(fd, "hello ", 6, 0, &f), 0);
	assert_int_equal(fs_pread_full(fd, out, 11, 0, &got, &f), 0);
	assert_int_equal(got, 11);
	assert_string_equal(out, "hello world");
	assert_int_equal(fs_pread_full(fd, out, 11, 6, &got, &f), 0);
	assert_int_equal(got, 5);
	assert_int_equal(fs_pread_full(fd, out, 11, 600, &got, &f), 0);
	assert_int_equal(got, 0);
	got = 99;
	assert_int_equal(fs_pread_full(-1, out, 1, 0, &got, &f), -1);
	assert_int_equal(got, 99);
	assert_int_equal(fs_pwrite_all(fd, NULL, 0, 0, &f), 0);
	close(fd);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A megabyte through a pipe of 64 KiB, with a signal every millisecond. */
static void test_interrupted_write(void **state)
{
	enum { SIZE = 1 << 20 };
	struct itimerval every = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = on_alarm}, old;
	char *text = xcalloc(1, SIZE);
	int ends[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		size_t sum = 0;
		ssize_t n;

		close(ends[1]);
		while ((n = read(ends[0], text, 10000)) > 0) {
			sum += (size_t)n;
			usleep(500);
		}
		_exit(sum == SIZE ? 0 : 1);
	}
	close(ends[0]);
	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &every, NULL);
	assert_int_equal(fs_write_all(ends[1], text, SIZE, &f), 0);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	free(text);
}

static void test_full_disk(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(fs_write_all(fd, "x", 1, &f), -1);
	assert_int_equal(f.error, ENOSPC);
	assert_int_equal(f.kind, FAULT_SYSTEM);
	close(fd);
}

static void test_replace(void **state)
{
	static const char *const leftovers[] = {"nothing", "file", "link", "pipe"};
	struct stat st;

	(void)state;
	put_file("victim", "untouched");
	umask(077);
	for (size_t i = 0; i < ARRAY_LEN(leftovers); i++) {
		if (i == 1)
			put_file(".name.tmp", "half a file from a crash, longer than the new one");
		if (i == 2)
			assert_int_equal(symlinkat("victim", dir, ".name.tmp"), 0);
		if (i == 3)
			assert_int_equal(mkfifoat(dir, ".name.tmp", 0600), 0);
		if (fs_replace_at(dir, "name", span_of(leftovers[i]), 0640, &f) < 0)
			fail_msg("%s: %s", leftovers[i], f.text);
		want_file("name", leftovers[i]);
		assert_int_equal(fstatat(dir, "name", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
		assert_int_equal(faccessat(dir, ".name.tmp", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	}
	umask(022);
	want_file("victim", "untouched");
}

static void test_replace_names(void **state)
{
	char longest[256], other[256], *path = fs_join(root, "by-path");

	(void)state;
	memset(longest, 'n', 255);
	longest[255] = '\0';
	memcpy(other, longest, sizeof(other));
	other[254] = 'm';
	assert_int_equal(fs_replace_at(dir, longest, SPAN_LITERAL("1"), 0600, &f), 0);
	assert_int_equal(fs_replace_at(dir, other, SPAN_LITERAL("2"), 0600, &f), 0);
	want_file(longest, "1");
	want_file(other, "2");
	assert_int_equal(fs_replace_at(dir, "empty", SPAN_NONE, 0600, &f), 0);
	want_file("empty", "");
	assert_int_equal(fs_replace_file(path, SPAN_LITERAL("3"), 0600, &f), 0);
	want_file("by-path", "3");
	free(path);
	/* a folder in the place: refused, nothing stays behind */
	assert_int_equal(mkdirat(dir, "d", 0755), 0);
	assert_int_equal(fs_replace_at(dir, "d", SPAN_LITERAL("4"), 0600, &f), -1);
	assert_int_equal(faccessat(dir, ".d.tmp", F_OK, 0), -1);
	assert_int_equal(fs_replace_at(dir, "../x", SPAN_LITERAL("5"), 0600, &f), -1);
	assert_int_equal(fs_replace_at(dir, "", SPAN_LITERAL("5"), 0600, &f), -1);
	assert_int_equal(fs_replace_file("/tmp/", SPAN_LITERAL("5"), 0600, &f), -1);
	assert_int_equal(fs_replace_file("/nonexistent/x", SPAN_LITERAL("5"), 0600, &f), -1);
}

static void test_bare_names(void **state)
{
	static const struct {
		struct span input;
		bool want;
	} rows[] = {
		{{"a", 1}, true},     {{"...", 3}, true},  {{".hidden", 7}, true}, {{"\xff\n", 2}, true},
		{{"", 0}, false},     {{NULL, 0}, false},  {{".", 1}, false},	   {{"..", 2}, false},
		{{"a/b", 3}, false},  {{"/", 1}, false},   {{"a/", 2}, false},	   {{"a\0b", 3}, false},
		{{"..\0", 3}, false}, {{"a\0", 2}, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (fs_is_bare_name(rows[i].input) != rows[i].want)
			fail_msg("%zu: %.*s", i, SPAN_FMT(rows[i].input));
}

static void test_join(void **state)
{
	static const struct {
		const char *base, *path, *want;
	} rows[] = {
		{"/srv", "a", "/srv/a"},   {"/srv/", "a/b", "/srv/a/b"}, {"/srv", "/etc/x", "/etc/x"},
		{"/", "a", "/a"},	   {"rel", "a", "rel/a"},	 {"/srv", "", "/srv/"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *p = fs_join(rows[i].base, rows[i].path);

		assert_string_equal(p, rows[i].want);
		free(p);
	}
}

static void test_fsync(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(fs_fsync(dir, "folder", &f), 0);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fs_fsync(ends[1], "a pipe", &f), -1);
	assert_int_equal(f.error, EINVAL);
	assert_string_equal(f.text, "fsync a pipe: Invalid argument");
	assert_int_equal(f.scope, SCOPE_DISK); /* the page cache may lie from now on */
	close(ends[0]);
	close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open_beneath),      TEST(test_make_dirs),	TEST(test_make_dir_at),
		TEST(test_empty_dir),	      TEST(test_read_limits),   TEST(test_read_refused),	TEST(test_pread_pwrite),
		TEST(test_interrupted_write), TEST(test_full_disk),	TEST(test_replace),
		TEST(test_replace_names),     TEST(test_bare_names),	TEST(test_join),
		TEST(test_fsync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * crash: the environment is read once, the n-th pass kills, unknown names are refused with the
 * nearest one
 */
#include "watcher/base/base.h"
#include "watcher/base/crash.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs passes of claim.renamed as program; returns how many came back before the kill, -1 = never killed, -2 = refused. */
static int run(const char *at, const char *once, const char *program, int passes)
{
	int pipes[2], status, n = 0;
	pid_t pid;
	char c;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		struct fault f = FAULT_INIT;

		setenv("INGEST_CRASH_AT", at, 1);
		if (once)
			setenv("INGEST_CRASH_ONCE", once, 1);
		if (crash_init(program, &f) < 0)
			_exit(7);
		for (int i = 0; i < passes; i++) {
			crash_point("claim.before-rename");
			crash_point("claim.renamed");
			(void)!write(pipes[1], "x", 1);
		}
		_exit(0);
	}
	close(pipes[1]);
	while (read(pipes[0], &c, 1) == 1)
		n++;
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return n;
	}
	return WEXITSTATUS(status) == 7 ? -2 : -1;
}

static const struct {
	const char *at;
	const char *program;
	int want;
} cases[] = {
	{"", "ingestd", -1},
	{"claim.renamed", "ingestd", 0},
	{"claim.renamed:1", "ingestd", 0},
	{"claim.renamed:3", "ingestd", 2},
	{"claim.renamed:99", "ingestd", -1},
	{"claim.renamed", "ingest-worker", -1},
	{"digest", "ingestd", -1},
	{"claim.undone", "ingestd", -1},
	{"claim.renamd", "ingestd", -2},
	{"claim.renamed:", "ingestd", -2},
	{"claim.renamed:0", "ingestd", -2},
	{"claim.renamed:-1", "ingestd", -2},
	{"claim.renamed:1x", "ingestd", -2},
	{"claim.renamed:99999999999999999999999", "ingestd", -2},
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int got = run(cases[i].at, NULL, cases[i].program, 5);

		if (got != cases[i].want)
			fail_msg("%s in %s: %d, want %d", cases[i].at, cases[i].program, got,
				 cases[i].want);
	}
}

static void test_once(void **state)
{
	char path[] = "/tmp/crash.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	assert_int_equal(run("claim.renamed:2", path, "ingestd", 5), 1);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(run("claim.renamed:2", path, "ingestd", 5), -1);
	unlink(path);
}

static void test_unknown_name(void **state)
{
	struct fault f = FAULT_INIT;

	(void)state;
	setenv("INGEST_CRASH_AT", "claim.renamd", 1);
	assert_int_equal(crash_init("ingestd", &f), -1);
	assert_int_equal(f.kind, FAULT_CONFIG);
	assert_non_null(strstr(f.text, "did you mean claim.renamed?"));
	unsetenv("INGEST_CRASH_AT");
	assert_int_equal(crash_init("ingestd", &f), 0);
	assert_null(crash_armed);
}

/* Each name once, each with a program and a sentence. */
static void test_table(void **state)
{
	size_t n, lines = 0;
	const struct crash_point *p = crash_points(&n);
	FILE *out = tmpfile();
	int c;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_true(strcmp(p[i].program, "ingestd") == 0 ||
			    strcmp(p[i].program, "ingest-worker") == 0 ||
			    strcmp(p[i].program, "ingest-record") == 0);
		assert_true(strlen(p[i].sentence) > 10);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(p[i].name, p[k].name);
	}
	crash_points_print(out, NULL);
	rewind(out);
	while ((c = getc(out)) != EOF)
		lines += c == '\n';
	fclose(out);
	assert_int_equal(lines, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_unknown_name),
		cmocka_unit_test(test_table),
	};

	unsetenv("INGEST_CRASH_AT");
	unsetenv("INGEST_CRASH_ONCE");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

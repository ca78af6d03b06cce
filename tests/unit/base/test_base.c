/* base: the allocators and the assertion; what must die dies in a child */
#include "watcher/base/base.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

/* True when f ends its process without coming back. */
static bool dies(void (*f)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, STDERR_FILENO);
		f();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void broken_promise(void)
{
	CHECK(1 + 1 == 3);
}

static void kept_promise(void)
{
	CHECK(1 + 1 == 2);
}

static volatile size_t too_much = SIZE_MAX / 2;

static void no_memory(void)
{
	free(xmalloc(too_much));
}

static void overflowing_count(void)
{
	free(xcalloc(too_much, 4));
}

static void no_memory_again(void)
{
	free(xrealloc(xmalloc(8), too_much));
}

static void test_deaths(void **state)
{
	static const struct {
		const char *name;
		void (*input)(void);
		bool want;
	} rows[] = {
		{"a broken CHECK", broken_promise, true},
		{"a CHECK that holds", kept_promise, false},
		{"malloc of too much", no_memory, true},
		{"calloc whose product overflows", overflowing_count, true},
		{"realloc to too much", no_memory_again, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (dies(rows[i].input) != rows[i].want)
			fail_msg("%s", rows[i].name);
}

static void test_zero_sizes(void **state)
{
	char *a = xmalloc(0), *b = xcalloc(0, 0), *c = xrealloc(NULL, 0), *d = xrealloc(xmalloc(3), 0);

	(void)state;
	assert_true(a && b && c && d);
	free(a);
	free(b);
	free(c);
	free(d);
}

static void test_calloc_is_zero(void **state)
{
	unsigned char *p = xcalloc(100, 3);

	(void)state;
	for (size_t i = 0; i < 300; i++)
		assert_int_equal(p[i], 0);
	free(p);
}

static void test_strings(void **state)
{
	static const struct {
		const char *name, *input;
		size_t n;
		const char *want;
	} rows[] = {
		{"whole", "abc", 3, "abc"},
		{"front", "abcdef", 2, "ab"},
		{"nothing", "abc", 0, ""},
		{"nothing of NULL", NULL, 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *p = xstrndup(rows[i].input, rows[i].n);

		if (strcmp(p, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, p);
		free(p);
	}
}

static void test_printf(void **state)
{
	char *p = xasprintf("%s-%05d", "id", 42), *q = xstrdup("");

	(void)state;
	assert_string_equal(p, "id-00042");
	assert_string_equal(q, "");
	free(p);
	free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_zero_sizes),
		cmocka_unit_test(test_calloc_is_zero),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_printf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

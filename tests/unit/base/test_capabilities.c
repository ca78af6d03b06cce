/*
 * test_capabilities - what is kept is what was asked and there, and there is no way back
 */
#include "watcher/base/base.h"
#include "watcher/base/capabilities.h"
#include <setjmp.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int in_child(int (*act)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(act());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int keep_one(void)
{
	struct fault f = FAULT_INIT;
	uint64_t want = capabilities_now() & CAP(CAP_CHOWN);

	if (capabilities_keep(CAP(CAP_CHOWN), &f) < 0 || capabilities_now() != want)
		return 1;
	if (want && (!capabilities_have(CAP(CAP_CHOWN)) || prctl(PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0) != 1 ||
		     prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) != 0))
		return 2;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 3;
	return capabilities_keep(CAP(CAP_CHOWN) | CAP(CAP_SETUID), &f) < 0 || capabilities_now() != want ? 4 : 0;
}

static int keep_none(void)
{
	struct fault f = FAULT_INIT;

	return capabilities_keep(0, &f) < 0 || capabilities_now() != 0;
}

static void test_keep(void **state)
{
	(void)state;
	assert_int_equal(in_child(keep_one), 0);
	assert_int_equal(in_child(keep_none), 0);
}

static void test_have(void **state)
{
	(void)state;
	assert_true(capabilities_have(0));
	assert_false(capabilities_have(CAP(63)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_keep), cmocka_unit_test(test_have)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

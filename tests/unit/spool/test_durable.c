/*
 * durable_batch: when one syncfs stands for many fsyncs; that it does is shown by tests/crash/test_power_cut.py
 */
#include "tests/unit/spool/fixture.h"
#include "watcher/spool/durable.h"

static void fsyncs_stay_where_nothing_is_promised(void **state)
{
	struct durable_batch b = durable_batch(1000);
	int fd = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC), none = -1;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(durable_batch_has(&b, fd, &fault), 0); /* tmpfs */
	OK(durable_batch_fsync(&b, fd, "/dev/shm", &fault));
	close(fd);
	assert_int_equal(durable_batch_has(&b, none, &fault), 0);
	assert_int_equal(durable_batch_fsync(&b, none, "nothing", &fault), -1);
	assert_int_equal(fault.error, EBADF);
}

static void few_are_fsynced(void **state)
{
	struct durable_batch few = durable_batch(7);
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(durable_batch_has(&few, fd, &fault), 0);
	assert_int_equal(durable_batch_has(NULL, fd, &fault), 0);
	OK(durable_batch_fsync(NULL, fd, ".", &fault));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_are_fsynced),
		cmocka_unit_test(fsyncs_stay_where_nothing_is_promised), /* last: the daemon would end now */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

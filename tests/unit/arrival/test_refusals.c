/*
 * refusals: a kernel without watches, then without leases too (seccomp lets the calls fail;
 * filters stay for the whole program)
 */
#include "tests/unit/arrival/fixture.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Call nr fails with error, if its second argument is arg (-1: whatever it is). */
static bool let_fail(unsigned nr, int arg, unsigned error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)arg, 0, arg == -1 ? 0 : 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {ARRAY_LEN(code), code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void test_no_watches(void **state)
{
	struct arrival_health h;

	(void)state;
	if (!let_fail(SYS_inotify_add_watch, -1, ENOSPC))
		skip();
	start(0, NULL);
	want_idle();
	assert_true(arrival_health(arrival, "t", &h));
	assert_true(h.polling);
	assert_non_null(strstr(h.reason, "max_user_watches"));
	assert_non_null(strstr(daemon_.health, "max_user_watches"));
	place_file(&place, "a.csv", "1\n");
	want_taken(1);
	place_file(&place, "b.csv", "1\n");
	want_taken(2);
}

static void test_no_leases(void **state)
{
	struct arrival_options options = {.settle_ms = 0, .unproven = true};
	struct fault f = FAULT_INIT;
	struct arrival_health h;
	int fd;

	(void)state;
	fd = openat(place.in_fd, "a.csv", O_RDONLY | O_CREAT, 0644);
	if (!let_fail(SYS_fcntl, F_SETLEASE, EINVAL) || fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
		skip();
	close(fd);
	start(0, NULL);
	want_state("a.csv", ARRIVAL_STATE_REFUSED);
	want_explain("a.csv", "no leases");
	want_rule("a.csv", RULE_NO_LEASES);
	want_idle();
	assert_true(arrival_health(arrival, "t", &h));
	assert_true(h.leases_refused);
	assert_int_equal(daemon_.len, 0);
	assert_true(place_has(&place, "a.csv"));
	/* the profile accepts that */
	assert_int_equal(arrival_change_tenant(arrival, "t", &options, &f), 0);
	want_taken(1);
	/* and health says so as long as it is so */
	assert_true(arrival_health(arrival, "t", &h));
	assert_true(h.unproven && !h.leases_refused);
	assert_non_null(strstr(h.reason, "files are taken unproven"));
	options.other_proof = true;
	assert_int_equal(arrival_change_tenant(arrival, "t", &options, &f), 0);
	assert_true(arrival_health(arrival, "t", &h));
	assert_non_null(strstr(h.reason, "nothing but the arrival level proves"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_no_watches), TEST(test_no_leases)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

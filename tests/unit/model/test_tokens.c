/*
 * test_tokens - the file of tokens: made, found, revoked; every ill-formed line makes it wrong
 */
#include "watcher/base/base.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/tokens.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <unistd.h>

static char folder[64], path[80];
static struct fault fault;

static int set_up(void **state UNUSED)
{
	fault_clear(&fault);
	snprintf(folder, sizeof(folder), "/tmp/test_tokens.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/tokens", folder);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	unlink(path);
	return rmdir(folder);
}

static size_t count_of(void)
{
	struct tokens *t = NULL;
	size_t n;

	assert_int_equal(tokens_load(path, &t, &fault), 0);
	n = t->count;
	tokens_free(&t);
	return n;
}

static void made_found_revoked(void **state UNUSED)
{
	char alice[TOKEN_TEXT], op[TOKEN_TEXT];
	struct token a, o;
	struct tokens *t = NULL;
	size_t count = 9;

	assert_int_equal(count_of(), 0); /* no file: no tokens */
	assert_int_equal(tokens_add(path, "alice", 1764115200000, &a, alice, &fault), 0);
	assert_int_equal(tokens_add(path, "operator", 1764115200000, &o, op, &fault), 0);
	assert_int_equal(strlen(alice), TOKEN_TEXT - 1);
	assert_int_equal(tokens_load(path, &t, &fault), 0);
	assert_string_equal(tokens_find(t, alice)->scope, "alice");
	assert_string_equal(tokens_find(t, op)->scope, "");
	assert_string_equal(tokens_find(t, op)->made, "2025-11-26T00:00:00.000Z");
	assert_null(tokens_find(t, ""));
	assert_null(tokens_find(t, "ingest_"));
	alice[20] = alice[20] == 'A' ? 'B' : 'A';
	assert_null(tokens_find(t, alice));
	assert_false(tokens_changed(t, path));
	assert_int_equal(tokens_revoke(path, "nobody", &count, &fault), 0);
	assert_int_equal(count, 0);
	assert_int_equal(tokens_revoke(path, a.id, &count, &fault), 0);
	assert_int_equal(count, 1);
	assert_true(tokens_changed(t, path));
	tokens_free(&t);
	assert_int_equal(count_of(), 1);
	assert_int_equal(tokens_revoke(path, "operator", &count, &fault), 0);
	assert_int_equal(count_of(), 0);
}

#define HASH "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static void ill_formed_lines(void **state UNUSED)
{
	static const struct {
		const char *text, *said; /* NULL: it is well-formed */
	} cases[] = {
		{"K01234567 operator " HASH " 2026-11-26T00:00:00.000Z\n", NULL},
		{"# x\n\n  K01234567\ttenant:bob   " HASH " x", NULL},
		{"k01234567 operator " HASH " x\n", "line 1: no id"},
		{"K0123456 operator " HASH " x\n", "line 1: no id"},
		{"K0123456g operator " HASH " x\n", "line 1: no id"},
		{"#\nK01234567 bob " HASH " x\n", "line 2: neither"},
		{"K01234567 tenant: " HASH " x\n", "line 1: neither"},
		{"K01234567 tenant:Bob " HASH " x\n", "line 1: neither"},
		{"K01234567 tenant:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa " HASH " x\n", "line 1: neither"},
		{"K01234567 operator sha256:00 x\n", "line 1: no sha256"},
		{"K01234567 operator " HASH "0 x\n", "line 1: no sha256"},
		{"K01234567 operator md5:0 x\n", "line 1: no sha256"},
		{"K01234567 operator " HASH "\n", "line 1: no time"},
		{"K01234567 operator " HASH " x y\n", "line 1: no time"},
		{"K01234567 operator " HASH " 0123456789012345678901234567890123\n", "line 1: no time"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tokens *t = NULL;
		int r;

		fault_clear(&fault);
		assert_int_equal(fs_replace_file(path, span_of(cases[i].text), 0600, &fault), 0);
		r = tokens_load(path, &t, &fault);
		assert_int_equal(r, cases[i].said ? -1 : 0);
		if (cases[i].said && !strstr(fault.text, cases[i].said))
			fail_msg("%s: %s", cases[i].text, fault.text);
		tokens_free(&t);
	}
}

static void others_may_not_read_it(void **state UNUSED)
{
	struct tokens *t = NULL;

	assert_int_equal(fs_replace_file(path, span_of("#\n"), 0640, &fault), 0);
	assert_int_equal(tokens_load(path, &t, &fault), -1);
	assert_non_null(strstr(fault.text, "chmod 600"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(made_found_revoked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ill_formed_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_may_not_read_it, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

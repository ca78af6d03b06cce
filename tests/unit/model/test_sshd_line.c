/*
 * test_sshd_line - lines as sshd and rsyslog write them, and names that try to look like their end
 */
#include "watcher/base/base.h"
#include "watcher/model/sshd_line.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define HEAD "2026-11-26T02:40:00.123456+00:00 host internal-sftp[77]: "

static const struct {
	const char *text; /* behind HEAD */
	int kind;	  /* -1: no evidence */
	const char *name; /* NULL: none */
	const char *other;
} cases[] = {
	{"open \"/in/a.csv\" flags WRITE,CREATE,TRUNCATE mode 0666", SSHD_OPEN, "a.csv", NULL},
	{"open \"/in/a.csv\" flags READ,WRITE,APPEND mode 0644", SSHD_OPEN, "a.csv", NULL},
	{"open \"/in/a.csv\" flags READ mode 0666", -1, NULL, NULL},
	{"open \"/in/a\" flags WRITE mode 0666\" flags READ mode 0666", -1, NULL, NULL},
	{"close \"/in/a.csv\" bytes read 0 written 12", SSHD_CLOSE, "a.csv", NULL},
	{"close \"/in/a b\" bytes read 0 written 9\" bytes read 0 written 12", SSHD_CLOSE, "a b\" bytes read 0 written 9", NULL},
	{"forced close \"/in/a.csv\" bytes read 0 written 12", SSHD_FORCED, "a.csv", NULL},
	{"forced close \"/in/a\" bytes read 0 written 1", SSHD_FORCED, "a", NULL},
	{"close \"/in/a.csv\" bytes read 0 written", -1, NULL, NULL},
	{"close \"/in/a.csv", -1, NULL, NULL},
	{"close \"in/a.csv\" bytes read 0 written 1", SSHD_CLOSE, "a.csv", NULL},
	{"close \"/./in//../in/a.csv\" bytes read 0 written 1", SSHD_CLOSE, "a.csv", NULL},
	{"close \"/../../in/a.csv\" bytes read 0 written 1", SSHD_CLOSE, "a.csv", NULL},
	{"close \"/in/sub/a.csv\" bytes read 0 written 1", SSHD_CLOSE, NULL, NULL},
	{"close \"/try/a.csv\" bytes read 0 written 1", SSHD_CLOSE, NULL, NULL},
	{"close \"/in/\" bytes read 0 written 1", SSHD_CLOSE, NULL, NULL},
	{"close \"/in/b\\303\\244\\\\x\\n.csv\" bytes read 0 written 1", SSHD_CLOSE, "b\303\244\\x\n.csv", NULL},
	{"close \"/in/b\\q\" bytes read 0 written 1", SSHD_CLOSE, NULL, NULL},
	{"close \"/in/b\\000c\" bytes read 0 written 1", SSHD_CLOSE, NULL, NULL},
	{"rename old \"/in/a.part\" new \"/in/a.csv\"", SSHD_RENAME, "a.part", "a.csv"},
	{"posix-rename old \"/in/a.part\" new \"/in/a.csv\"", SSHD_RENAME, "a.part", "a.csv"},
	{"rename old \"/done/a\" new \"/in/a.csv\"", SSHD_RENAME, NULL, "a.csv"},
	{"rename old \"/in/a\" new \"/in/b\" new \"/in/c\"", SSHD_UNCLEAR, "a", NULL},
	{"hardlink old \"/in/a\" new \"/in/b\"", SSHD_LINK, "a", "b"},
	{"remove name \"/in/a.csv\"", SSHD_REMOVE, "a.csv", NULL},
	{"set \"/in/a.csv\" size 3", SSHD_RESIZE, "a.csv", NULL},
	{"set \"/in/a.csv\" mode 0644", SSHD_TOUCH, "a.csv", NULL},
	{"set \"/in/a.csv\" modtime 20261126-02:40:00", SSHD_TOUCH, "a.csv", NULL},
	{"set \"/in/a.csv\" owner 1000 group 1000", SSHD_TOUCH, "a.csv", NULL},
	{"sent status Failure", SSHD_FAILED, NULL, NULL},
	{"sent status No such file", -1, NULL, NULL},
	{"session opened for local user alice from [127.0.0.1]", -1, NULL, NULL},
	{"", -1, NULL, NULL},
};

static void test_messages(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = xasprintf("%s%s\n", HEAD, cases[i].text);
		struct sshd_line l;
		bool taken = sshd_line_parse(span_of(text), &l);

		if (taken != (cases[i].kind >= 0) || (taken && (int)l.kind != cases[i].kind))
			fail_msg("%s: %d, kind %d", cases[i].text, taken, (int)l.kind);
		if (taken) {
			assert_int_equal(l.pid, 77);
			/* date -u -d 2026-11-26T02:40:00 +%s */
			assert_int_equal(l.time_ms, 1795660800123);
			if (l.has_name != (cases[i].name != NULL) || (l.has_name && strcmp(l.name, cases[i].name) != 0))
				fail_msg("%s: name %s", cases[i].text, l.has_name ? l.name : "-");
			if (l.has_other != (cases[i].other != NULL) || (l.has_other && strcmp(l.other, cases[i].other) != 0))
				fail_msg("%s: other %s", cases[i].text, l.has_other ? l.other : "-");
		}
		free(text);
	}
}

static const struct {
	const char *text;
	int64_t ms; /* 0: refused */
} heads[] = {
	{"2026-11-26T02:40:00Z h internal-sftp[1]: sent status Failure", 1795660800000},
	{"2026-11-26T04:40:00.5+02:00 h sftp-server[1]: sent status Failure", 1795660800500},
	{"2026-11-25T21:10:00-05:30 h internal-sftp[1]: sent status Failure", 1795660800000},
	{"Nov 26 02:40:00 h internal-sftp[1]: sent status Failure", 0},
	{"2026-11-26T02:40:00Z h sshd[1]: sent status Failure", 0},
	{"2026-11-26T02:40:00Z h internal-sftp[x]: sent status Failure", 0},
	{"2026-11-26T02:40:00Z h internal-sftp[]: sent status Failure", 0},
	{"2026-11-26T02:40:00Z internal-sftp[1]: sent status Failure", 0},
	{"2026-11-26T02:40:00 h internal-sftp[1]: sent status Failure", 0},
};

static void test_heads(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct sshd_line l;
		bool taken = sshd_line_parse(span_of(heads[i].text), &l);

		if (taken != (heads[i].ms != 0) || (taken && l.time_ms != heads[i].ms))
			fail_msg("%s: %d %lld", heads[i].text, taken, (long long)l.time_ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_messages), cmocka_unit_test(test_heads)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

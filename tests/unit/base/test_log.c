/* log: one event is one line, whatever the values are; rotation, a full disk, a line cut by the disk */
#include "watcher/base/log.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/utf8.h"
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <signal.h>
#include <cmocka.h>
#include <sys/resource.h>
#include <unistd.h>

#define TIME "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"

static char path[64], rotated[80];
static struct log *l;
static struct fault f;
static struct strbuf text;

static int set_up(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/test_log.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	snprintf(rotated, sizeof(rotated), "%s.1", path);
	strbuf_init(&text);
	return log_open(path, LOG_FORMAT_TEXT, &l, &f);
}

static int tear_down(void **state)
{
	(void)state;
	log_free(&l);
	log_free(&l);
	strbuf_release(&text);
	unlink(path);
	unlink(rotated);
	return 0;
}

static const char *read_log(const char *from)
{
	strbuf_reset(&text);
	assert_int_equal(fs_read_file(from, 1 << 20, &text, &f), 0);
	return text.p;
}

static size_t count_lines(void)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static void test_values(void **state)
{
	static const struct {
		const char *name;
		struct span input;
		const char *want;
	} rows[] = {
		{"bare", {"a.csv", 5}, "a.csv"},
		{"umlaut", {"M\xc3\xbcller", 7}, "M\xc3\xbcller"},
		{"empty", {"", 0}, "\"\""},
		{"none", {NULL, 0}, "\"\""},
		{"a blank", {"a b", 3}, "\"a b\""},
		{"forged pair", {"x level=error", 13}, "\"x level=error\""},
		{"an equals sign", {"a=b", 3}, "\"a=b\""},
		{"a quote", {"a\"b", 3}, "\"a\\\"b\""},
		{"a backslash", {"a\\b", 3}, "\"a\\\\b\""},
		{"a newline", {"a\nb", 3}, "\"a\\nb\""},
		{"a NUL", {"a\0b", 3}, "\"a\\u0000b\""},
		{"Latin-1", {"M\xfc", 2}, "\"M\xef\xbf\xbd\""},
	};
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		strbuf_reset(&sb);
		log_add_value(&sb, rows[i].input);
		if (strcmp(sb.p, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, sb.p);
	}
	strbuf_reset(&sb);
	log_add_pair(&sb, "a", SPAN_LITERAL("1"));
	log_add_pair(&sb, "b", SPAN_LITERAL("2 3"));
	assert_string_equal(sb.p, "a=1 b=\"2 3\"");
	strbuf_release(&sb);
}

static void want_line(const char *name, const char *pattern)
{
	regex_t re;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&re, read_log(path), 0, NULL, 0) != 0)
		fail_msg("%s: %s", name, text.p);
	if (count_lines() != 1)
		fail_msg("%s: %zu lines", name, count_lines());
	regfree(&re);
	assert_int_equal(truncate(path, 0), 0);
}

static void test_form(void **state)
{
	(void)state;
	log_event(l, LOG_LEVEL_INFO, "a.b", "k=%d", 1);
	want_line("info", "^" TIME " info  a\\.b k=1\n$");
	log_event(l, LOG_LEVEL_DEBUG, "a.b", "%s", "");
	want_line("debug, no pairs", "^" TIME " debug a\\.b\n$");
	log_set_context(l, "tenant=alice");
	log_event(l, LOG_LEVEL_WARN, "a.b", "k=%d", 1);
	want_line("warn, context", "^" TIME " warn  a\\.b tenant=alice k=1\n$");
	log_set_context(l, "tenant=bob");
	log_event(l, LOG_LEVEL_ERROR, "a.b", "%s", "");
	want_line("error, another context", "^" TIME " error a\\.b tenant=bob\n$");
	log_set_context(l, "tenant=a\nforged");
	log_event(l, LOG_LEVEL_INFO, "a.b", "k=%d", 1);
	want_line("newline in the context", "^" TIME " info  a\\.b tenant=a\\\\u000aforged k=1\n$");
}

/* Bytes that come in by %s unasked. */
static void test_hostile(void **state)
{
	static const struct {
		const char *name, *input, *want;
	} rows[] = {
		{"newline", "a\n2026 error forged", "v=a\\u000a2026 error forged\n"},
		{"carriage return", "a\rb", "v=a\\u000db\n"},
		{"escape sequence", "\x1b[2J", "v=\\u001b[2J\n"},
		{"C1", "a\xc2\x9b" "31m", "v=a\\u009b31m\n"},
		{"next line", "a\xc2\x85" "b", "v=a\\u0085b\n"},
		{"line separator", "a\xe2\x80\xa8" "b", "v=a\\u2028b\n"},
		{"turned text", "\xe2\x80\xae" "vsc", "v=\\u202evsc\n"},
		{"Latin-1", "M\xfcller", "v=M\xef\xbf\xbdller\n"},
		{"cut character", "a\xe2\x82", "v=a\xef\xbf\xbd\xef\xbf\xbd\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *line;

		log_event(l, LOG_LEVEL_INFO, "e", "v=%s", rows[i].input);
		line = read_log(path);
		if (count_lines() != 1 || strcmp(strstr(line, "v="), rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, line);
		assert_int_equal(truncate(path, 0), 0);
	}
	log_event(l, LOG_LEVEL_INFO, "e", "v=%c.", 0);
	want_line("a NUL", "v=\\\\u0000\\.\n$");
}

static void test_bounds(void **state)
{
	static const char *const units[] = {"x", "\n", "\xff", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\"", " k=v"};
	static const enum log_format formats[] = {LOG_FORMAT_TEXT, LOG_FORMAT_ECS};
	struct strbuf value = STRBUF_INIT;

	(void)state;
	for (size_t u = 0; u < ARRAY_LEN(units); u++) {
		for (size_t k = 0; k < 14; k++) {
			log_free(&l);
			assert_int_equal(log_open(path, formats[k % 2], &l, &f), 0);
			strbuf_reset(&value);
			while (value.n < LOG_LINE_MAX - 80 + 40 * k || (k > 11 && value.n < 100000))
				strbuf_adds(&value, units[u]);
			log_event(l, LOG_LEVEL_INFO, "e", "v=%s", value.p);
			read_log(path);
			assert_true(text.n <= LOG_LINE_MAX);
			assert_int_equal(count_lines(), 1);
			assert_int_equal(text.p[text.n - 1], '\n');
			assert_true(utf8_valid(strbuf_span(&text)));
			assert_int_equal(truncate(path, 0), 0);
		}
	}
	strbuf_release(&value);
}

static void test_longest_uncut(void **state)
{
	size_t head;
	char *value;

	(void)state;
	log_event(l, LOG_LEVEL_INFO, "e", "v=%s", "");
	read_log(path);
	head = text.n;
	value = xcalloc(1, LOG_LINE_MAX);
	memset(value, 'x', LOG_LINE_MAX - head);
	assert_int_equal(truncate(path, 0), 0);
	log_event(l, LOG_LEVEL_INFO, "e", "v=%s", value);
	read_log(path);
	assert_int_equal(text.n, LOG_LINE_MAX);
	assert_null(strstr(text.p, "..."));
	value[LOG_LINE_MAX - head] = 'x';
	assert_int_equal(truncate(path, 0), 0);
	log_event(l, LOG_LEVEL_INFO, "e", "v=%s", value);
	read_log(path);
	assert_int_equal(text.n, LOG_LINE_MAX);
	assert_non_null(strstr(text.p, "x...\n"));
	free(value);
}

static void test_ecs(void **state)
{
	(void)state;
	log_free(&l);
	assert_int_equal(log_open(path, LOG_FORMAT_ECS, &l, &f), 0);
	log_set_context(l, "tenant=alice");
	log_event(l, LOG_LEVEL_WARN, "file.held", "file=\"a b.csv\" why=%s", "x\ny");
	want_line("ECS", "^\\{\"@timestamp\":\"" TIME "\",\"log.level\":\"warn\",\"ecs.version\":\"8.11.0\",\"event.action\":\"file.held\","
			 "\"message\":\"file.held file=\\\\\"a b.csv\\\\\" why=x\\\\\\\\u000ay\","
			 "\"labels\":\\{\"tenant\":\"alice\",\"file\":\"a b.csv\",\"why\":\"x\\\\\\\\u000ay\"\\}\\}\n$");
}

static void test_reopen(void **state)
{
	(void)state;
	log_event(l, LOG_LEVEL_INFO, "one", "%s", "");
	assert_int_equal(rename(path, rotated), 0);
	log_event(l, LOG_LEVEL_INFO, "two", "%s", "");
	assert_int_equal(log_reopen(l, &f), 0);
	log_event(l, LOG_LEVEL_INFO, "three", "%s", "");
	assert_non_null(strstr(read_log(rotated), " two\n"));
	assert_int_equal(count_lines(), 2);
	assert_non_null(strstr(read_log(path), " three\n"));
	assert_int_equal(count_lines(), 1);
	/* the new file cannot be opened: the old one goes on */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(unlink(rotated), 0);
	assert_int_equal(log_reopen(l, &f), -1);
	assert_int_equal(f.error, EISDIR);
	log_event(l, LOG_LEVEL_INFO, "four", "%s", "");
	assert_int_equal(log_lost(l), 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(log_reopen(l, &f), 0);
}

static void test_refused_and_lost(void **state)
{
	struct log *other = NULL;

	(void)state;
	assert_int_equal(log_open("/nonexistent/x.log", LOG_FORMAT_TEXT, &other, &f), -1);
	assert_null(other);
	assert_int_equal(f.kind, FAULT_SYSTEM);
	assert_int_equal(log_open("/dev/full", LOG_FORMAT_TEXT, &other, &f), 0);
	log_event(other, LOG_LEVEL_INFO, "e", "%s", "");
	log_event(other, LOG_LEVEL_INFO, "e", "%s", "");
	assert_int_equal(log_lost(other), 2);
	log_free(&other);
	assert_null(other);
	/* standard error is not closed and not reopened */
	assert_int_equal(log_open(NULL, LOG_FORMAT_TEXT, &other, &f), 0);
	assert_int_equal(log_reopen(other, &f), 0);
	log_free(&other);
	assert_true(fcntl(STDERR_FILENO, F_GETFD) >= 0);
}

/* The disk takes half a line: it is counted, and the next line begins on its own. */
static void test_torn(void **state)
{
	struct rlimit old, small;
	const char *second;
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	log_event(l, LOG_LEVEL_INFO, "torn", "%s", "");
	log_event(l, LOG_LEVEL_INFO, "lost", "%s", "");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, before);
	assert_int_equal(log_lost(l), 2);
	log_event(l, LOG_LEVEL_INFO, "whole", "%s", "");
	log_event(l, LOG_LEVEL_INFO, "next", "%s", "");
	read_log(path);
	assert_int_equal(count_lines(), 3);
	second = strchr(text.p, '\n');
	assert_int_equal(second - text.p, 20);
	assert_non_null(strstr(second, "Z info  whole\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Of many logs those written last are open; a line to another opens it again, where its path leads then. */
static void test_kept_in(void **state)
{
	struct log *other = NULL;
	struct lru open;
	char path_of_other[80];

	(void)state;
	lru_init(&open, 1, log_close);
	snprintf(path_of_other, sizeof(path_of_other), "%s.other", path);
	assert_int_equal(log_open(path_of_other, LOG_FORMAT_TEXT, &other, &f), 0);
	log_keep_in(l, &open);
	log_keep_in(other, &open);
	for (size_t i = 0; i < 3; i++) {
		log_event(l, LOG_LEVEL_INFO, "one", "n=%zu", i);
		log_event(other, LOG_LEVEL_INFO, "two", "n=%zu", i);
		assert_int_equal(open.len, 1);
	}
	assert_int_equal(rename(path, rotated), 0);
	log_event(l, LOG_LEVEL_INFO, "one", "n=3");
	assert_non_null(strstr(read_log(path), "n=3"));
	read_log(rotated);
	assert_int_equal(count_lines(), 3);
	read_log(path_of_other);
	assert_int_equal(count_lines(), 3);
	/* closed, and what its path leads to may not be followed: its lines are lost and counted, and who asks before is told */
	log_event(other, LOG_LEVEL_INFO, "two", "n=3");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(rotated, path), 0);
	assert_false(log_ready(l));
	log_event(l, LOG_LEVEL_INFO, "one", "n=4");
	assert_int_equal(log_lost(l), 1);
	assert_int_equal(unlink(path), 0);
	assert_true(log_ready(l));
	log_event(l, LOG_LEVEL_INFO, "one", "n=5");
	assert_non_null(strstr(read_log(path), "n=5"));
	log_free(&other);
	assert_int_equal(open.len, 1);
	log_free(&l);
	assert_int_equal(open.len, 0);
	unlink(path_of_other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_values),	   TEST(test_form),   TEST(test_hostile), TEST(test_bounds),
		TEST(test_longest_uncut),  TEST(test_ecs),    TEST(test_reopen),
		TEST(test_refused_and_lost), TEST(test_torn),
		TEST(test_kept_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_child_lines - lines from a pipe: cut, counted, the last without its end, more than anybody reads
 */
#include "watcher/base/base.h"
#include "watcher/schedule/child_lines.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

struct heard {
	unsigned count;
	size_t longest;
	char last[600];
};

static void on_said(void *ctx, struct span line)
{
	struct heard *h = ctx;

	h->count++;
	h->longest = line.n > h->longest ? line.n : h->longest;
	snprintf(h->last, sizeof(h->last), "%.*s", SPAN_FMT(line));
}

static void start(struct child_lines *l, struct heard *h, int *writer)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	*h = (struct heard){0};
	child_lines_init(l);
	child_lines_start(l, ev_default_loop(EVFLAG_AUTO), ends[0], on_said, h);
	*writer = ends[1];
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void lines_come_as_they_end(void **state UNUSED)
{
	struct child_lines l;
	struct heard h;
	int fd;

	start(&l, &h, &fd);
	say(fd, "one\n\nt");
	ev_run(ev_default_loop(EVFLAG_AUTO), EVRUN_NOWAIT);
	assert_int_equal(h.count, 1);
	assert_string_equal(h.last, "one");
	say(fd, "wo\nthe last");
	close(fd);
	child_lines_end(&l);
	assert_int_equal(h.count, 3);
	assert_string_equal(h.last, "the last");
	child_lines_release(&l);
	child_lines_end(&l); /* of none: nothing */
	assert_int_equal(h.count, 3);
}

static void a_line_has_500_bytes_and_a_child_100_lines(void **state UNUSED)
{
	struct child_lines l;
	struct heard h;
	int fd;

	start(&l, &h, &fd);
	for (int i = 0; i < 3000; i++)
		say(fd, "x");
	say(fd, "\n");
	for (int i = 0; i < 300; i++)
		say(fd, "line\n");
	close(fd);
	child_lines_end(&l);
	assert_int_equal(h.count, 100);
	assert_int_equal(h.longest, 500);
	child_lines_release(&l);
	/* another child has its own hundred */
	start(&l, &h, &fd);
	say(fd, "again\n");
	close(fd);
	child_lines_end(&l);
	assert_string_equal(h.last, "again");
	child_lines_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_as_they_end),
		cmocka_unit_test(a_line_has_500_bytes_and_a_child_100_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

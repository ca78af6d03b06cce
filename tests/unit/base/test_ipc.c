/* ipc: packets and descriptors over a real pair; what is refused leaks no descriptor */
#include "watcher/base/ipc.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

static int pair[2];
static struct fault f;

static int count_open(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int set_up(void **state)
{
	(void)state;
	fault_clear(&f);
	return ipc_pair(pair, &f);
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
	return 0;
}

static void test_sizes(void **state)
{
	static const size_t sizes[] = {1, 2, 1000, IPC_MAX - 1, IPC_MAX};
	struct strbuf got = STRBUF_INIT;
	char *text = xmalloc(IPC_MAX);

	(void)state;
	memset(text, 'j', IPC_MAX);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t nfds = 0;

		assert_int_equal(ipc_send(pair[0], (struct span){text, sizes[i]}, NULL, 0, &f), 0);
		assert_int_equal(ipc_recv(pair[1], &got, NULL, &nfds, &f), 1);
		assert_int_equal(got.n, sizes[i]);
		assert_memory_equal(got.p, text, sizes[i]);
		assert_int_equal(got.p[got.n], 0);
	}
	free(text);
	strbuf_release(&got);
}

/* Packets keep their borders and their order. */
static void test_borders(void **state)
{
	struct strbuf got = STRBUF_INIT;
	size_t nfds = 0;

	(void)state;
	assert_int_equal(ipc_send(pair[0], SPAN_LITERAL("{\"a\":1}"), NULL, 0, &f), 0);
	assert_int_equal(ipc_send(pair[0], SPAN_LITERAL("\0x"), NULL, 0, &f), 0);
	assert_int_equal(ipc_recv(pair[1], &got, NULL, &nfds, &f), 1);
	assert_string_equal(got.p, "{\"a\":1}");
	assert_int_equal(ipc_recv(pair[1], &got, NULL, &nfds, &f), 1);
	assert_int_equal(got.n, 2);
	assert_memory_equal(got.p, "\0x", 2);
	strbuf_release(&got);
}

static void test_descriptors(void **state)
{
	struct strbuf got = STRBUF_INIT;
	int before = count_open();

	(void)state;
	for (size_t sent = 0; sent <= IPC_FDS; sent++) {
		for (size_t room = 0; room <= IPC_FDS; room++) {
			int ends[2], out[IPC_FDS], in[IPC_FDS];
			size_t nfds = room;
			char c;

			assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
			for (size_t i = 0; i < IPC_FDS; i++)
				out[i] = ends[1];
			assert_int_equal(ipc_send(pair[0], SPAN_LITERAL("x"), out, sent, &f), 0);
			assert_int_equal(ipc_recv(pair[1], &got, in, &nfds, &f), 1);
			assert_int_equal(nfds, sent < room ? sent : room);
			close(ends[1]);
			for (size_t i = 0; i < nfds; i++) {
				assert_int_equal(fcntl(in[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
				assert_int_equal(write(in[i], "y", 1), 1);
				close(in[i]);
				assert_int_equal(read(ends[0], &c, 1), 1);
			}
			/* nobody holds the other end any more */
			assert_int_equal(read(ends[0], &c, 1), 0);
			close(ends[0]);
		}
	}
	assert_int_equal(count_open(), before);
	strbuf_release(&got);
}

static void raw_send(size_t n, size_t fds)
{
	char *text = xcalloc(1, n + 1);
	struct iovec iov = {text, n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c = xcalloc(1, CMSG_SPACE(sizeof(int) * 16));

	if (fds) {
		msg.msg_control = c;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fds);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fds);
		for (size_t i = 0; i < fds; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &pair[1], sizeof(int));
	}
	assert_int_equal(sendmsg(pair[0], &msg, 0), n);
	free(c);
	free(text);
}

/* What a broken worker may send. */
static void test_refused(void **state)
{
	static const struct {
		const char *name;
		size_t bytes, fds;
		int want;
	} rows[] = {
		{"a byte too long", IPC_MAX + 1, 0, -1},
		{"too long, with descriptors", IPC_MAX + 1, 4, -1},
		{"too many descriptors", 1, 16, -1},
		{"nothing, with descriptors", 0, 2, 0},
		{"good", 1, 4, 1},
	};
	struct strbuf got = STRBUF_INIT;
	int before = count_open();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int in[IPC_FDS];
		size_t nfds = IPC_FDS;

		raw_send(rows[i].bytes, rows[i].fds);
		if (ipc_recv(pair[1], &got, in, &nfds, &f) != rows[i].want)
			fail_msg("%s: %s", rows[i].name, f.text);
		assert_int_equal(nfds, rows[i].want == 1 ? rows[i].fds : 0);
		for (size_t k = 0; k < nfds; k++)
			close(in[k]);
		if (count_open() != before)
			fail_msg("%s: a descriptor stays open", rows[i].name);
	}
	strbuf_release(&got);
}

static void test_empty_and_closed(void **state)
{
	struct strbuf got = STRBUF_INIT;
	size_t nfds = 0;

	(void)state;
	assert_int_equal(fcntl(pair[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(ipc_recv(pair[1], &got, NULL, &nfds, &f), -1);
	assert_int_equal(f.error, EAGAIN);
	assert_int_equal(ipc_send(pair[0], SPAN_LITERAL("last"), NULL, 0, &f), 0);
	close(pair[0]);
	pair[0] = -1;
	assert_int_equal(ipc_recv(pair[1], &got, NULL, &nfds, &f), 1);
	assert_string_equal(got.p, "last");
	assert_int_equal(ipc_recv(pair[1], &got, NULL, &nfds, &f), 0);
	/* no SIGPIPE */
	assert_int_equal(ipc_send(pair[1], SPAN_LITERAL("x"), NULL, 0, &f), -1);
	assert_int_equal(f.error, EPIPE);
	strbuf_release(&got);
}

/* A full socket: the sender learns it, and nothing is sent by halves. */
static void test_full(void **state)
{
	struct strbuf got = STRBUF_INIT;
	size_t sent = 0, nfds = 0;

	(void)state;
	assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(pair[1], F_SETFL, O_NONBLOCK), 0);
	while (ipc_send(pair[0], SPAN_LITERAL("packet"), NULL, 0, &f) == 0)
		sent++;
	assert_int_equal(f.error, EAGAIN);
	assert_true(sent > 0);
	for (; sent; sent--) {
		assert_int_equal(ipc_recv(pair[1], &got, NULL, &nfds, &f), 1);
		assert_string_equal(got.p, "packet");
	}
	assert_int_equal(ipc_recv(pair[1], &got, NULL, &nfds, &f), -1);
	strbuf_release(&got);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sizes),   TEST(test_borders),		 TEST(test_descriptors),
		TEST(test_refused), TEST(test_empty_and_closed), TEST(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

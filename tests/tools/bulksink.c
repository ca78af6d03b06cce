/*
 * bulksink - a server of the bulk API that reads, counts and answers, and keeps nothing: what a client costs, without a store's work
 *
 *	bulksink [-p PORT] [-r FILE] [-x TEXT] [-b TEXT] [-u TIMES]
 *
 * Prints its port, then serves until SIGTERM.  POST .../_bulk is answered as a server does: each item in its place under the id that
 * was sent, status 201; only what a filter_path of our sink asks for, or the whole (about 190 bytes an item).  PUT /INDEX is remembered
 * and GET /INDEX tells it, GET / names a version.  Bodies may be chunked or gzip.  GET /_totals: what was counted since POST /_reset,
 * and its own CPU.  -r: every document's line goes into FILE, for a pass that is not timed.  A server that is not well: -x: documents
 * with that TEXT are answered by 400; -b: by 429, twice; -u: that many bulks by HTTP 503.
 *
 * One thread, one connection's body in memory at a time; a client that speaks anything else is cut off.
 */
#include "tests/tools/bulkserve.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_LEAST (256u * 1024)
#define HEAD_MAX (64u * 1024)

struct connection {
	int fd;
	char *in;
	size_t n, room;
	size_t head;   /* bytes of the request's head; 0: not whole yet */
	size_t body;   /* bytes of its body that are there, when it is chunked: unchunked */
	size_t length; /* announced */
	size_t used;   /* of the chunks that are read */
	bool chunked;
};

static volatile sig_atomic_t ended;

static void on_end(int number)
{
	(void)number;
	ended = 1;
}

static void close_connection(struct connection *c)
{
	close(c->fd);
	free(c->in);
	free(c);
}

/* The chunks that are there, moved together behind the head; 1: that was the last one. */
static int take_chunks(struct connection *c)
{
	for (;;) {
		char *line = c->in + c->used, *end = memchr(line, '\n', c->n - c->used);
		size_t n, from;

		if (!end)
			return 0;
		n = strtoul(line, NULL, 16);
		from = (size_t)(end + 1 - c->in);
		if (n > c->n || c->n - from < n + 2)
			return 0;
		memmove(c->in + c->head + c->body, c->in + from, n);
		c->body += n;
		c->used = from + n + 2;
		if (n == 0)
			return 1;
	}
}

/* -1: not HTTP. */
static int take_head(struct connection *c)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	char *end = memmem(c->in, c->n, "\r\n\r\n", 4);
	const char *value;

	if (!end)
		return c->n > HEAD_MAX ? -1 : 0;
	c->head = c->used = (size_t)(end + 4 - c->in);
	end[2] = '\0';
	value = request_header(c->in, "content-length");
	c->length = value ? strtoul(value, NULL, 10) : 0;
	value = request_header(c->in, "transfer-encoding");
	c->chunked = value && strncasecmp(value, "chunked", 7) == 0;
	c->body = 0;
	if (request_header(c->in, "expect") && send(c->fd, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL) < 0)
		return -1;
	return 0;
}

/* Every request that is whole; -1: the connection is to be closed. */
static int serve(struct connection *c)
{
	while (c->n) {
		size_t used;

		if (!c->head && take_head(c) < 0)
			return -1;
		if (!c->head)
			return 0;
		if (c->chunked ? !take_chunks(c) : c->n - c->head < c->length)
			return 0;
		used = c->chunked ? c->used : c->head + c->length;
		if (request_serve(c->fd, c->in, c->in + c->head, c->chunked ? c->body : c->length) < 0)
			return -1;
		memmove(c->in, c->in + used, c->n - used);
		c->n -= used;
		c->head = 0;
	}
	return 0;
}

static int read_more(struct connection *c)
{
	for (;;) {
		size_t whole = c->head && !c->chunked ? c->head + c->length : 0;
		ssize_t got;

		if (c->room - c->n < READ_LEAST / 4 || whole > c->room) {
			c->room = whole > c->room * 2 ? whole + READ_LEAST : c->room * 2;
			c->in = realloc(c->in, c->room);
		}
		got = recv(c->fd, c->in + c->n, c->room - c->n, 0);
		if (got < 0)
			return errno == EAGAIN ? 0 : -1;
		if (got == 0)
			return -1;
		c->n += (size_t)got;
		if (serve(c) < 0)
			return -1;
	}
}

static void take_connections(int epoll, int server)
{
	int fd, one = 1;

	while ((fd = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *c = calloc(1, sizeof(*c));
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->fd = fd;
		c->room = READ_LEAST;
		c->in = malloc(c->room);
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
	}
}

static int listen_on(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				.sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) < 0) {
		perror("bulksink: cannot listen");
		exit(1);
	}
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

static void run(int server)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = {.events = EPOLLIN}, seen[64];

	epoll_ctl(epoll, EPOLL_CTL_ADD, server, &ev);
	while (!ended) {
		int n = epoll_wait(epoll, seen, 64, -1);

		for (int i = 0; i < n; i++) {
			struct connection *c = seen[i].data.ptr;

			if (!c)
				take_connections(epoll, server);
			else if (read_more(c) < 0)
				close_connection(c);
		}
	}
}

int main(int argc, char **argv)
{
	struct sigaction end = {.sa_handler = on_end};
	struct bulk_faults faults = {.busy_times = 2};
	const char *record = NULL;
	int o, port = 0;

	while ((o = getopt(argc, argv, "p:r:x:b:u:")) != -1) {
		if (o == 'p')
			port = atoi(optarg);
		else if (o == 'r')
			record = optarg;
		else if (o == 'x')
			faults.refused = optarg;
		else if (o == 'b')
			faults.busy = optarg;
		else if (o == 'u')
			faults.away = (unsigned)atoi(optarg);
	}
	request_faults(&faults);
	if (optind != argc || request_record(record) < 0) {
		fputs("usage: bulksink [-p PORT] [-r FILE] [-x TEXT] [-b TEXT] [-u TIMES]\n", stderr);
		return 2;
	}
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGINT, &end, NULL);
	run(listen_on(port));
	return request_record(NULL);
}

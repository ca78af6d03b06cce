/*
 * fuzz_http - hostile requests to the TCP listener: libmicrohttpd's parser, our head, access, router, body and answers
 *
 * The input is what a client writes; before it stands, or does not, an Authorization with the token's place marked by its first byte.
 * Checked: no crash, no leak, the connection comes to its end; what comes back is HTTP; a view is called with the scope of the token that
 * was given and with no other, and never without one but for what is public.
 */
#include "watcher/base/base.h"
#include "watcher/admin/admin.h"
#include "watcher/base/json_out.h"
#include "watcher/model/config_admin.h"
#include "watcher/model/tokens.h"
#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ev_loop *loop;
static struct admin *server;
static struct sockaddr_storage address;
static socklen_t address_n;
static char token[TOKEN_TEXT];
static char *tokens_file;

static unsigned on_call(void *ctx, enum admin_route route, const struct admin_args *args, struct strbuf *out,
			struct fault *f)
{
	(void)ctx;
	CHECK(route < ROUTE_COUNT);
	CHECK(args->scope && (!*args->scope || strcmp(args->scope, "bob") == 0));
	CHECK(*args->scope || admin_who_of(route) == ADMIN_PUBLIC);
	CHECK(admin_who_of(route) == ADMIN_PUBLIC || admin_who_of(route) == ADMIN_TENANT);
	CHECK(!args->tenant || strcmp(args->tenant, "bob") == 0);
	(void)args->query(args, "tenant");
	if (args->body.n > 100) {
		fault_set(f, FAULT_CONFIG, "%.*s", SPAN_FMT(args->body));
		return 422;
	}
	strbuf_addc(out, '{');
	json_pair_string(out, "id", args->id);
	json_pair_span(out, "body", args->body);
	strbuf_addc(out, '}');
	return 200;
}

static void clean(void)
{
	char *folder = xstrndup(tokens_file, (size_t)(strrchr(tokens_file, '/') - tokens_file));

	admin_free(&server);
	ev_loop_destroy(loop);
	unlink(tokens_file);
	rmdir(folder);
	free(folder);
	free(tokens_file);
}

static void start(void)
{
	struct admin_ops ops = {.call = on_call};
	struct admin_config c = {.requests_per_second = 100000};
	struct fault f = FAULT_INIT;
	char folder[] = "/tmp/fuzz_http.XXXXXX";
	struct token made;

	CHECK(mkdtemp(folder) != NULL);
	c.socket = xasprintf("%s/socket", folder);
	c.tokens_file = xasprintf("%s/tokens", folder);
	CHECK(tokens_add(c.tokens_file, "bob", 1, &made, token, &f) == 0);
	loop = ev_loop_new(EVFLAG_AUTO);
	for (unsigned port = 20000 + (unsigned)getpid() % 20000; !server; port++) {
		char text[32];

		snprintf(text, sizeof(text), "127.0.0.1:%u", port);
		c.http = text;
		CHECK(http_address_parse(text, &address, &address_n, &f) == 0);
		(void)!admin_new(loop, &c, &ops, &server, &f);
	}
	tokens_file = c.tokens_file;
	atexit(clean);
	free(c.socket);
}

/* The first byte odd: a marked place gets a good token. */
static void compose(const uint8_t *data, size_t size, struct strbuf *out)
{
	static const char mark[] = "TOKEN";

	for (size_t i = 1; i < size; i++)
		if ((data[0] & 1) && size - i >= 5 && memcmp(data + i, mark, 5) == 0) {
			strbuf_adds(out, token);
			i += 4;
		} else {
			strbuf_addc(out, (char)data[i]);
		}
}

/* What others of this machine do may leave no port for a moment, and the fuzzer's own clock interrupts. */
static int dial(void)
{
	for (;;) {
		int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		CHECK(fd >= 0);
		if (connect(fd, (struct sockaddr *)&address, address_n) == 0)
			return fd;
		CHECK(errno == EADDRNOTAVAIL || errno == EINTR);
		usleep(errno == EINTR ? 0 : 10000);
		close(fd);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct linger none = {1, 0};
	struct strbuf text = STRBUF_INIT;
	char back[4096];
	ssize_t n = -1;
	int fd;

	if (!size)
		return 0;
	if (!loop)
		start();
	compose(data, size, &text);
	fd = dial();
	/* no TIME_WAIT: there are only so many ports */
	CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)) == 0);
	(void)!send(fd, text.p, text.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_WR);
	for (int i = 0; i < TURNS && n < 0; i++) {
		ev_run(loop, EVRUN_NOWAIT);
		n = recv(fd, back, sizeof(back), MSG_DONTWAIT);
	}
	if (n > 0)
		CHECK(n > 12 && memcmp(back, "HTTP/1.", 7) == 0);
	close(fd);
	ev_run(loop, EVRUN_NOWAIT);
	strbuf_release(&text);
	return 0;
}

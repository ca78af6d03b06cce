/*
 * serve - tell webhooks what ingestd hands over; see the header
 *
 * Called by main.  Blocks on the socket while nothing flies, else in libcurl and looks at the socket in between.
 */
#include "watcher/base/base.h"
#include "watcher/notify/serve.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/http.h"
#include "watcher/base/ipc.h"
#include "watcher/model/notice.h"
#include <poll.h>

#define FLYING_MAX 64
#define TIMEOUT_MS 15000
#define ANSWER_MAX 65536
#define LOOK_MS 50
#define HEADERS 4

struct flight {
	struct http_call call; /* first: http_wait gives its address back */
	struct notice notice;
	struct strbuf content; /* secret, line end, body */
	char *headers[HEADERS + 1];
};

struct service {
	int socket;
	struct http *http;
	struct strbuf packet;
	size_t flying;
};

static void free_flight(struct flight *x)
{
	explicit_bzero(x->content.p, x->content.n);
	strbuf_release(&x->content);
	for (size_t i = 0; x->headers[i]; i++)
		free(x->headers[i]);
	http_call_release(&x->call);
	free(x);
}

/* --- what becomes of it --- */

static const char *word_of(enum http_result r)
{
	switch (r) {
	case HTTP_ANSWERED:
		return "";
	case HTTP_AWAY:
		return "nobody there: ";
	case HTTP_TIMEOUT:
		return "no answer in time: ";
	case HTTP_CUT:
		return "the connection ended, or the answer was too long: ";
	case HTTP_PLAIN:
	case HTTP_UNTRUSTED:
	case HTTP_CREDENTIAL:
		return "TLS: ";
	}
	return "";
}

static int tell(struct service *s, const struct flight *x, struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	struct notice_told told = {.seq = x->notice.seq};
	int r;

	told.ok = x->call.result == HTTP_ANSWERED && x->call.status / 100 == 2;
	if (x->call.result == HTTP_ANSWERED)
		snprintf(told.reason, sizeof(told.reason), "it answers %ld", x->call.status);
	else
		snprintf(told.reason, sizeof(told.reason), "%s%s", word_of(x->call.result), x->call.text);
	notice_told_write(&told, &text);
	r = ipc_send(s->socket, strbuf_span(&text), NULL, 0, f);
	strbuf_release(&text);
	return r;
}

/* --- one more --- */

static void send_it(struct service *s, struct flight *x)
{
	size_t secret = strcspn(x->content.p, "\n");
	struct span body = {x->content.p + secret + 1, x->content.n - secret - 1};
	struct strbuf sign = STRBUF_INIT;
	size_t n = 0;

	x->headers[n++] = xasprintf("X-Ingestd-Event: %s", x->notice.event);
	x->headers[n++] = xasprintf("X-Ingestd-Delivery: %lld", (long long)x->notice.seq);
	x->headers[n++] = xstrdup("User-Agent: ingestd/" INGEST_VERSION);
	if (secret) {
		notice_sign((struct span){x->content.p, secret}, clock_now_ms() / 1000, body, &sign);
		x->headers[n++] = xasprintf("X-Ingestd-Signature: %s", sign.p);
		strbuf_release(&sign);
	}
	x->call.method = "POST";
	x->call.url = x->notice.url;
	x->call.body = body;
	x->call.content_type = "application/json";
	x->call.headers = (const char *const *)x->headers;
	x->call.timeout_ms = TIMEOUT_MS;
	x->call.answer_max = ANSWER_MAX;
	http_send(s->http, &x->call);
	s->flying++;
}

/* 1 one was taken, 0 the daemon has closed, -1. */
static int take(struct service *s, struct fault *f)
{
	struct flight *x = xcalloc(1, sizeof(*x));
	size_t n = 1;
	int fd = -1, r;

	strbuf_init(&x->content);
	r = ipc_recv(s->socket, &s->packet, &fd, &n, f);
	if (r == 1 && n != 1)
		r = fault_set(f, FAULT_SYSTEM, "a notice without its descriptor");
	if (r == 1 && (notice_parse(strbuf_span(&s->packet), &x->notice, f) < 0 ||
		       fs_read_fd(fd, NOTICE_BODY_MAX + 8192, &x->content, f) < 0))
		r = -1;
	if (r == 1 && !memchr(x->content.p, '\n', x->content.n))
		r = fault_set(f, FAULT_SYSTEM, "a notice without a body");
	fs_close(&fd);
	if (r == 1)
		send_it(s, x);
	else
		free_flight(x);
	return r;
}

static bool is_readable(const struct service *s)
{
	struct pollfd p = {.fd = s->socket, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

static int land(struct service *s, struct fault *f)
{
	struct http_call *c = http_wait(s->http, LOOK_MS);
	struct flight *x = (struct flight *)(void *)c;
	int r;

	if (!c)
		return 1;
	r = tell(s, x, f) < 0 ? -1 : 1;
	free_flight(x);
	s->flying--;
	return r;
}

int serve(int socket, struct fault *f)
{
	const struct http_options none = {0};
	struct service s = {.socket = socket, .http = http_new(&none)};
	int r = 1;

	strbuf_init(&s.packet);
	while (r > 0) {
		if (!s.flying || (s.flying < FLYING_MAX && is_readable(&s)))
			r = take(&s, f);
		else
			r = land(&s, f);
	}
	/* whatever flies is the daemon's to send again; this process ends */
	strbuf_release(&s.packet);
	return r;
}

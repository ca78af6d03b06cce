/*
 * http - requests to servers, several at the same time: the door of libcurl
 *
 *	h = http_new(&options)                     credentials and certificates of one sink; copied
 *	struct http_call c = {.method = "POST", .url = url, .body = span, ...};
 *	http_send(h, &c)                           begins it; c and what it borrows stay until it is over
 *	while (http_flying(h))
 *		done = http_wait(h, ms)            NULL: nothing was over within ms (0: a look)
 *	if (http_wait_for(h, &c, ms))              this one alone: what else is over meanwhile is http_wait's later
 *	... c.result, c.status, c.answer ...
 *	http_answer_read(h, &c)                    its memory is the next one's; may be left out
 *	http_call_release(&c)
 *	http_cancel(h, &c)                         as if it had never been sent
 *	http_free(&h)                              cancels what flies
 *
 * HTTP/1.1 over kept connections, no proxy, no redirect, no Expect unless asked for.  A call that moves no byte for
 * HTTP_IDLE_SECONDS, or is not over after timeout_ms, is HTTP_TIMEOUT.  Straight-line code: nothing is called back.
 *
 * Secrets: they are given to libcurl and nowhere else; no text made here holds one.
 * Source: libcurl's manual (multi interface), RFC 9110.
 */
#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include "watcher/base/strbuf.h"

#define HTTP_IDLE_SECONDS 10
#define HTTP_CONNECT_MS 3000

enum http_result {
	HTTP_ANSWERED,   /* status and answer are whole */
	HTTP_AWAY,       /* nobody there: name, route, connection refused or not answered */
	HTTP_TIMEOUT,    /* no byte for HTTP_IDLE_SECONDS, or not over in time */
	HTTP_CUT,        /* the connection ended in the middle; the server may have done it or not */
	HTTP_PLAIN,      /* TLS: none is spoken there */
	HTTP_UNTRUSTED,  /* TLS: their certificate (authority, name, date), or no common protocol */
	HTTP_CREDENTIAL, /* TLS: our certificate or key */
};

struct http_call {
	const char *method;
	const char *url;
	struct span body; /* p NULL: none */
	const char *content_type;
	const char *const *headers; /* more of them, "Name: value", NULL at the end; NULL: none */
	size_t answer_max; /* a longer answer is HTTP_CUT; 0: 256 MiB */
	long timeout_ms;  /* 0: only HTTP_IDLE_SECONDS */
	bool expect;      /* ask before the body is sent (Expect: 100-continue) */
	bool old_tls;     /* at most TLS 1.2: there our certificate is judged within the handshake, and the reason comes through */
	/* when it is over */
	enum http_result result;
	long status;
	struct strbuf answer;
	int64_t retry_after_ms; /* Retry-After, 0: none */
	bool elastic;           /* the server said that it is Elasticsearch */
	char text[256];         /* result is not HTTP_ANSWERED: what happened */
	struct http_line *line; /* http's own while it flies */
	struct http_call *next; /* and when it is over, until it is given back */
};

struct http_options {
	struct span ca;   /* PEM; p NULL: the system's authorities */
	struct span cert; /* PEM; p NULL: none */
	struct span key;
	const char *username; /* NULL: none */
	const char *password;
	const char *api_key;
};

struct http;

struct http *http_new(const struct http_options *o);
void http_free(struct http **h);
void http_send(struct http *h, struct http_call *c);
struct http_call *http_wait(struct http *h, int ms);
bool http_wait_for(struct http *h, const struct http_call *c, int ms);
void http_cancel(struct http *h, struct http_call *c);
size_t http_flying(const struct http *h);
void http_answer_read(struct http *h, struct http_call *c);
void http_call_release(struct http_call *c);

#endif

/*
 * http - requests to servers, several at the same time; see the header
 *
 * Owned by a sink's connection, one a worker.  A line is one easy handle, kept and used again; TLS sessions are shared by all of them,
 * connections too, so that as many stay open as there were requests at the same time, at the nodes there are.
 */
#include "watcher/base/base.h"
#include "watcher/base/http.h"
#include <curl/curl.h>

#define ANSWER_MAX (256u * 1024 * 1024)
#define UPLOAD_BUFFER (128L * 1024)
#define CONNECTIONS_KEPT 32L /* libcurl's own measure, four times what flies just now, is four at a file's last request */

struct http_line {
	struct http *h;
	CURL *easy;
	struct http_call *call; /* NULL: free */
	struct curl_slist *headers;
	size_t sent; /* of the body */
	char error[CURL_ERROR_SIZE];
	struct http_line *next;
};

struct http {
	CURLM *multi;
	CURLSH *sessions;
	struct http_options o; /* own copies */
	struct http_line *lines;
	struct http_call *over; /* and not given back yet, first come first */
	size_t flying;          /* these included */
	struct strbuf spare;    /* for the next answer: they are read one by one, and a call that waits for its own needs no memory */
};

static void set_up(void)
{
	static bool done;

	if (!done)
		CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	done = true;
}

static struct span copy(struct span s)
{
	return s.p ? (struct span){xstrndup(s.p, s.n), s.n} : SPAN_NONE;
}

static char *authorization(const char *api_key)
{
	return xasprintf("Authorization: ApiKey %s", api_key);
}

struct http *http_new(const struct http_options *o)
{
	struct http *h = xcalloc(1, sizeof(*h));

	set_up();
	strbuf_init(&h->spare);
	h->multi = curl_multi_init();
	h->sessions = curl_share_init();
	CHECK(h->multi && h->sessions);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
	CHECK(curl_share_setopt(h->sessions, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK);
	h->o.ca = copy(o->ca);
	h->o.cert = copy(o->cert);
	h->o.key = copy(o->key);
	h->o.username = o->username ? xstrdup(o->username) : NULL;
	h->o.password = o->password ? xstrdup(o->password) : NULL;
	h->o.api_key = o->api_key ? authorization(o->api_key) : NULL;
	return h;
}

static void wipe(const void *p, size_t n)
{
	if (p)
		explicit_bzero((void *)(uintptr_t)p, n);
	free((void *)(uintptr_t)p);
}

void http_free(struct http **hp)
{
	struct http *h = *hp;

	if (!h)
		return;
	while (h->lines) {
		struct http_line *l = h->lines;

		h->lines = l->next;
		if (l->call)
			curl_multi_remove_handle(h->multi, l->easy);
		curl_slist_free_all(l->headers);
		curl_easy_cleanup(l->easy);
		free(l);
	}
	strbuf_release(&h->spare);
	curl_multi_cleanup(h->multi);
	curl_share_cleanup(h->sessions);
	wipe(h->o.ca.p, h->o.ca.n);
	wipe(h->o.cert.p, h->o.cert.n);
	wipe(h->o.key.p, h->o.key.n);
	wipe(h->o.username, span_of(h->o.username).n);
	wipe(h->o.password, span_of(h->o.password).n);
	wipe(h->o.api_key, span_of(h->o.api_key).n);
	free(h);
	*hp = NULL;
}

void http_call_release(struct http_call *c)
{
	CHECK(!c->line);
	strbuf_release(&c->answer);
}

void http_answer_read(struct http *h, struct http_call *c)
{
	CHECK(!c->line);
	if (h->spare.cap) {
		strbuf_release(&c->answer);
		return;
	}
	strbuf_reset(&c->answer);
	h->spare = c->answer;
	strbuf_init(&c->answer);
}

/* --- one call --- */

/*
 * The body goes out by a callback that cannot rewind, on purpose: libcurl sends a request again by itself when a kept connection dies,
 * and a request that was perhaps carried out must not be repeated without us knowing.
 */
static size_t give_body(char *to, size_t size, size_t n, void *context)
{
	struct http_line *l = context;
	size_t left = l->call->body.n - l->sent, some = size * n < left ? size * n : left;

	memcpy(to, l->call->body.p + l->sent, some);
	l->sent += some;
	return some;
}

static size_t take_answer(char *p, size_t size, size_t n, void *context)
{
	struct http_line *l = context;

	if (l->call->answer.n + size * n > (l->call->answer_max ? l->call->answer_max : ANSWER_MAX))
		return 0;
	if (!l->call->answer.cap) {
		l->call->answer = l->h->spare;
		strbuf_init(&l->h->spare);
	}
	strbuf_add(&l->call->answer, p, size * n);
	return size * n;
}

static size_t take_header(char *p, size_t size, size_t n, void *context)
{
	static const char product[] = "x-elastic-product:";
	struct http_line *l = context;

	if (size * n > sizeof(product) && strncasecmp(p, product, sizeof(product) - 1) == 0)
		l->call->elastic = memmem(p, size * n, "lasticsearch", 12) != NULL;
	return size * n;
}

static void set_blob(CURL *e, CURLoption option, struct span s)
{
	struct curl_blob blob = {(void *)(uintptr_t)s.p, s.n, CURL_BLOB_NOCOPY};

	if (s.p)
		CHECK(curl_easy_setopt(e, option, &blob) == CURLE_OK);
}

/* What every call of this line has. */
static void set_line(const struct http *h, struct http_line *l)
{
	CURL *e = l->easy;

	curl_easy_setopt(e, CURLOPT_SHARE, h->sessions);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_MS);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)HTTP_IDLE_SECONDS);
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, give_body);
	curl_easy_setopt(e, CURLOPT_READDATA, l);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, l);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, l);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, l->error);
	curl_easy_setopt(e, CURLOPT_PRIVATE, l);
	set_blob(e, CURLOPT_CAINFO_BLOB, h->o.ca);
	set_blob(e, CURLOPT_SSLCERT_BLOB, h->o.cert);
	set_blob(e, CURLOPT_SSLKEY_BLOB, h->o.key);
	if (h->o.username) {
		curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(e, CURLOPT_USERNAME, h->o.username);
		curl_easy_setopt(e, CURLOPT_PASSWORD, h->o.password);
	}
}

static struct http_line *free_line(struct http *h)
{
	struct http_line *l = h->lines;

	while (l && l->call)
		l = l->next;
	if (l)
		return l;
	l = xcalloc(1, sizeof(*l));
	l->easy = curl_easy_init();
	CHECK(l->easy);
	l->h = h;
	set_line(h, l);
	l->next = h->lines;
	h->lines = l;
	return l;
}

static void add_header(struct http_line *l, const char *text)
{
	struct curl_slist *longer = curl_slist_append(l->headers, text);

	CHECK(longer);
	l->headers = longer;
}

static void set_headers(const struct http *h, struct http_line *l, const struct http_call *c)
{
	curl_slist_free_all(l->headers);
	l->headers = NULL;
	add_header(l, c->expect ? "Expect: 100-continue" : "Expect:");
	if (c->content_type) {
		char *type = xasprintf("Content-Type: %s", c->content_type);

		add_header(l, type);
		free(type);
	}
	for (const char *const *more = c->headers; more && *more; more++)
		add_header(l, *more);
	if (h->o.api_key)
		add_header(l, h->o.api_key);
	curl_easy_setopt(l->easy, CURLOPT_HTTPHEADER, l->headers);
}

void http_send(struct http *h, struct http_call *c)
{
	struct http_line *l = free_line(h);
	CURL *e = l->easy;

	CHECK(!c->line);
	l->call = c;
	c->line = l;
	l->error[0] = '\0';
	l->sent = 0;
	if (!c->answer.p)
		strbuf_init(&c->answer);
	strbuf_reset(&c->answer);
	c->elastic = false;
	c->retry_after_ms = 0;
	c->status = 0;
	c->next = NULL;
	curl_easy_setopt(e, CURLOPT_URL, c->url);
	if (c->body.p) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.n);
	} else {
		curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, c->method);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, c->timeout_ms);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2 |
							(c->old_tls ? (long)CURL_SSLVERSION_MAX_TLSv1_2 : 0L));
	set_headers(h, l, c);
	CHECK(curl_multi_add_handle(h->multi, e) == CURLM_OK);
	h->flying++;
}

static enum http_result result_of(CURLcode code, const char *error, bool old_tls)
{
	switch ((int)code) {
	case CURLE_OK:
		return HTTP_ANSWERED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		return HTTP_AWAY;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_CACERT_BADFILE:
		return HTTP_UNTRUSTED;
	case CURLE_SSL_CERTPROBLEM:
		return HTTP_CREDENTIAL;
	}
	/* the server turned our certificate down, or wants one: an alert, at once or with the first answer (TLS 1.3) */
	if (strstr(error, "alert") && (strstr(error, "certificate") || strstr(error, "unknown ca")))
		return HTTP_CREDENTIAL;
	if (old_tls && strstr(error, "alert handshake failure"))
		return HTTP_CREDENTIAL;
	/* the record layer met bytes that are no TLS: a plain server's "HTTP/1.1 400" */
	if (code == CURLE_SSL_CONNECT_ERROR &&
	    (strstr(error, "wrong version number") || strstr(error, "packet length too long")))
		return HTTP_PLAIN;
	if (code == CURLE_SSL_CONNECT_ERROR && !strstr(error, "SYSCALL") && !strstr(error, "reset") &&
	    !strstr(error, "eof"))
		return HTTP_UNTRUSTED;
	return HTTP_CUT;
}

/* Of a port that speaks TLS a plain request hears nothing, or an alert, which libcurl takes for HTTP/0.9. */
static bool may_want_tls(const char *url, CURLcode code, const char *error)
{
	return strncmp(url, "http:", 5) == 0 &&
	       (code == CURLE_GOT_NOTHING || (code == CURLE_UNSUPPORTED_PROTOCOL && strstr(error, "HTTP/0.9")));
}

static void tell(struct http_call *c, CURLcode code, const char *error)
{
	const char *what = code == CURLE_SEND_FAIL_REWIND ? "the connection was closed before the answer" :
			   /* libcurl says no more than that of a blob */
			   strstr(error, "unable to set private key") ?
							    "the key is not the certificate's, is encrypted, or is no PEM" :
			   strstr(error, "importing CA certificate") ? "ca_file holds no certificate as PEM" :
			   error[0]				     ? error :
							    curl_easy_strerror(code);

	snprintf(c->text, sizeof(c->text), "%.200s%s", what,
		 may_want_tls(c->url, code, error) ? "; if the port speaks TLS, urls must say https://" : "");
}

/* The line is free again. */
static void land(struct http *h, struct http_line *l)
{
	curl_multi_remove_handle(h->multi, l->easy);
	l->call->line = NULL;
	l->call = NULL;
}

static void finish(struct http *h, CURL *easy, CURLcode code)
{
	struct http_call **end = &h->over, *c;
	struct http_line *l = NULL;
	curl_off_t after = 0;
	long sent = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &l);
	c = l->call;
	c->result = result_of(code, l->error, c->old_tls);
	tell(c, code, l->error);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &c->status);
	if (curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0)
		c->retry_after_ms = after < 86400 ? (int64_t)after * 1000 : 86400000;
	/* an answer that came while the body was still on its way is one, whatever became of the rest */
	if (c->result == HTTP_CUT && c->status == 413)
		c->result = HTTP_ANSWERED;
	/* a host that answers no SYN: the time-out is the connection's, no byte of the request went out */
	if (c->result == HTTP_TIMEOUT && curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK && sent == 0)
		c->result = HTTP_AWAY;
	land(h, l);
	while (*end)
		end = &(*end)->next;
	*end = c;
}

static void look(struct http *h)
{
	int running, left;
	CURLMsg *m;

	CHECK(curl_multi_perform(h->multi, &running) == CURLM_OK);
	while ((m = curl_multi_info_read(h->multi, &left)) != NULL)
		if (m->msg == CURLMSG_DONE)
			finish(h, m->easy_handle, m->data.result);
}

/* Out of those that are over: this one, or the first; NULL: it is not among them. */
static struct http_call *take(struct http *h, const struct http_call *wanted)
{
	struct http_call **at = &h->over, *c;

	while (*at && wanted && *at != wanted)
		at = &(*at)->next;
	c = *at;
	if (!c)
		return NULL;
	*at = c->next;
	c->next = NULL;
	h->flying--;
	return c;
}

static struct http_call *wait_for(struct http *h, const struct http_call *wanted, int ms)
{
	struct http_call *c;

	look(h);
	c = take(h, wanted);
	if (c || ms <= 0)
		return c;
	(void)curl_multi_poll(h->multi, NULL, 0, ms, NULL);
	look(h);
	return take(h, wanted);
}

struct http_call *http_wait(struct http *h, int ms)
{
	return wait_for(h, NULL, ms);
}

bool http_wait_for(struct http *h, const struct http_call *c, int ms)
{
	return wait_for(h, c, ms) != NULL;
}

void http_cancel(struct http *h, struct http_call *c)
{
	if (!c->line) {
		(void)take(h, c);
		return;
	}
	land(h, c->line);
	h->flying--;
}

size_t http_flying(const struct http *h)
{
	return h->flying;
}

/*
 * api - one request to the daemon over its Unix socket; see the header
 */
#include "watcher/base/base.h"
#include "watcher/ctl/api.h"
#include <curl/curl.h>

#define REPLY_MAX (256u * 1024 * 1024)

static size_t take(char *p, size_t size, size_t n, void *ctx)
{
	struct strbuf *sb = ctx;

	if (sb->n + size * n > REPLY_MAX)
		return 0;
	strbuf_add(sb, p, size * n);
	return size * n;
}

void api_add_escaped(struct strbuf *sb, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || strchr("-._~", c);

		if (plain)
			strbuf_addc(sb, (char)c);
		else
			strbuf_addf(sb, "%%%02X", c);
	}
}

static int perform(CURL *c, const char *socket, const char *method, const char *path,
		   struct span send, struct strbuf *body, struct fault *f)
{
	char error[CURL_ERROR_SIZE] = "";
	char *url = xasprintf("http://ingestd%s", path);
	CURLcode rc;

	curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
	if (send.p || strcmp(method, "POST") == 0) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)send.n);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, send.p ? send.p : "");
	}
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 60000L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	rc = curl_easy_perform(c);
	free(url);
	if (rc != CURLE_OK)
		return fault_set(f, FAULT_TEMPORARY,
				 "ingestd does not answer at %s (%s); is it running?", socket,
				 error[0] ? error : curl_easy_strerror(rc));
	return 0;
}

int api_call(const char *socket, const char *method, const char *path, struct span send, struct api_reply *out,
	     struct fault *f)
{
	struct strbuf body = STRBUF_INIT;
	json_error_t e;
	CURL *c = curl_easy_init();
	int r;

	CHECK(c != NULL);
	r = perform(c, socket, method, path, send, &body, f);
	if (r == 0) {
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &out->status);
		out->json = json_loadb(body.p, body.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
		if (!out->json)
			r = fault_set(f, FAULT_SYSTEM, "ingestd answered %ld with no JSON: %s",
				      out->status, e.text);
	}
	curl_easy_cleanup(c);
	strbuf_release(&body);
	return r;
}

void api_reply_release(struct api_reply *r)
{
	json_decref(r->json);
	r->json = NULL;
}

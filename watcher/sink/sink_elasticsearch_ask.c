/*
 * sink_elasticsearch_ask - one request and its answer, and what a failure means
 *
 * Called by the index's set-up.  Tried again on the next node, with pauses when all have failed, until the patience is over; then the
 * last failure is the fault.  Texts name the sink, the url and the server's reason; no secret is in any of them.
 */
#include "watcher/base/base.h"
#include "watcher/base/clock.h"
#include "watcher/base/json_in.h"
#include "watcher/sink/sink_elasticsearch_own.h"
#include <poll.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MOST_MS 5000
#define REASON_MAX 700
#define LOOK_MS 250
#define BLOCKED "cluster_block_exception"
#define PAUSE_MOST_MS 60000 /* that a server may ask for: to knock once a minute costs it nothing, and a proxy may ask for a day */

static int64_t asked_pause(int64_t retry_after_ms)
{
	return retry_after_ms < PAUSE_MOST_MS ? retry_after_ms : PAUSE_MOST_MS;
}

int64_t es_backoff(unsigned tries, int64_t retry_after_ms)
{
	int64_t ms = BACKOFF_FIRST_MS;

	while (tries-- && ms < BACKOFF_MOST_MS)
		ms *= 2;
	if (ms > BACKOFF_MOST_MS)
		ms = BACKOFF_MOST_MS;
	ms = ms / 2 + random() % (ms / 2 + 1);
	return ms > asked_pause(retry_after_ms) ? ms : asked_pause(retry_after_ms);
}

void es_waits(const struct es *es, int64_t since)
{
	if (es->waits)
		es->waits(es->context, since ? clock_mono_ms() - since : 0);
}

bool es_is_busy(long status)
{
	return status == 429 || status >= 500;
}

void es_add_segment(struct strbuf *path, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || (c && strchr("-._~", c));

		if (plain)
			strbuf_addc(path, (char)c);
		else
			strbuf_addf(path, "%%%02X", c);
	}
}

/* --- reasons --- */

static void add_text(struct strbuf *sb, struct span value)
{
	struct json_in in;
	struct span raw;

	json_in_init(&in, value);
	if (!value.p || !json_in_string(&in, &raw) || !raw.n)
		return;
	if (sb->n)
		strbuf_adds(sb, ": ");
	json_in_unescape(sb, raw);
}

void es_add_reason(struct strbuf *sb, struct span error)
{
	struct span cause = json_in_member(error, "caused_by");
	struct json_in in;
	struct span raw;

	json_in_init(&in, error);
	/* some say only a text */
	if (json_in_string(&in, &raw)) {
		json_in_unescape(sb, raw);
		return;
	}
	add_text(sb, json_in_member(error, "type"));
	add_text(sb, json_in_member(error, "reason"));
	for (int i = 0; cause.p && i < 3 && sb->n < REASON_MAX; i++) {
		add_text(sb, json_in_member(cause, "reason"));
		cause = json_in_member(cause, "caused_by");
	}
	if (sb->n > REASON_MAX)
		strbuf_cut(sb, REASON_MAX);
}

static void reason_of(const struct http_call *c, struct strbuf *sb)
{
	struct span error = json_in_member(strbuf_span(&c->answer), "error");

	if (error.p)
		es_add_reason(sb, error);
	else if (c->answer.n)
		strbuf_add(sb, c->answer.p, c->answer.n < 120 ? c->answer.n : 120);
}

int es_fault_call(struct es *es, const struct http_call *c, struct fault *f)
{
	int host = (int)strcspn(c->url, "?");

	f->pause_ms = 0;
	switch (c->result) {
	case HTTP_ANSWERED:
		break;
	case HTTP_AWAY:
	case HTTP_TIMEOUT:
	case HTTP_CUT:
		f->scope = c->result == HTTP_AWAY ? SCOPE_SINK : SCOPE_INDEX;
		return fault_set(f, FAULT_TEMPORARY, "sink %s: %.*s: %s", es->name, host, c->url, c->text);
	case HTTP_PLAIN:
		f->scope = SCOPE_SINK;
		return fault_set(f, FAULT_CONFIG,
				 "sink %s: %.*s: no TLS is spoken there; urls must name the port that speaks it, or say "
				 "http:// (%s)",
				 es->name, host, c->url, c->text);
	case HTTP_UNTRUSTED:
		f->scope = SCOPE_SINK;
		return fault_set(f, FAULT_CONFIG, "sink %s: %.*s: the server is not trusted: %s", es->name,
				 host, c->url, c->text);
	case HTTP_CREDENTIAL:
		f->scope = SCOPE_CREDENTIAL;
		return fault_set(f, FAULT_KEY,
				 "sink %s: %.*s: client_cert_file and client_key_file are missing or not accepted: %s",
				 es->name, host, c->url, c->text);
	}
	CHECK(!"a call that was not answered");
	return -1;
}

static const char *remedy(const struct es *es, long status)
{
	if (status == 403)
		return "; a privilege is missing (docs/cluster.md lists them)";
	switch (es->vendor) {
	case ES_UNKNOWN:
		return "; look at username and password_file, or api_key_file (Elasticsearch only)";
	case ES_ELASTICSEARCH:
		return "; look at username and password_file, or api_key_file";
	case ES_OPENSEARCH:
		break;
	}
	return "; look at username and password_file, or the client certificate (OpenSearch has no API keys)";
}

int es_fault_status(struct es *es, const struct http_call *c, enum fault_scope scope, struct fault *f)
{
	struct strbuf reason = STRBUF_INIT;
	bool key, blocked;

	reason_of(c, &reason);
	/* of an index, by 403 or 429; 503 is the whole cluster's */
	blocked = c->status < 500 && strncmp(reason.n ? reason.p : "", BLOCKED, strlen(BLOCKED)) == 0;
	key = c->status == 401 || (c->status == 403 && !blocked);
	/* 401: nobody with this credential; 403: it may not do this, to this index: others of it go on */
	f->scope = c->status == 401 ? SCOPE_CREDENTIAL : c->status == 403 || blocked ? SCOPE_INDEX : scope;
	f->pause_ms = asked_pause(c->retry_after_ms);
	fault_set(f, key ? FAULT_KEY : FAULT_TEMPORARY, "sink %s: %.*s: HTTP %ld%s%s%s", es->name,
		  (int)strcspn(c->url, "?"), c->url, c->status, reason.n ? ": " : "", reason.p,
		  key ? remedy(es, c->status) : "");
	strbuf_release(&reason);
	return -1;
}

int es_fault_stranger(struct es *es, const struct http_call *c, struct fault *f)
{
	bool moved = c->status >= 300 && c->status < 400;
	struct strbuf reason = STRBUF_INIT;

	reason_of(c, &reason);
	f->scope = SCOPE_SINK;
	f->pause_ms = 0;
	fault_set(f, FAULT_TEMPORARY, "sink %s: %.*s: HTTP %ld is not the answer of Elasticsearch or OpenSearch%s%s; %s",
		  es->name, (int)strcspn(c->url, "?"), c->url, c->status, reason.n ? ": " : "", reason.p,
		  moved ? "redirects are not followed: urls must name the servers themselves" :
			  "look at urls, their paths too, and at what stands between");
	strbuf_release(&reason);
	return -1;
}

/* --- a request --- */

static void ask_once(struct es *es, size_t node, const char *path, int64_t since, struct http_call *c)
{
	free(es->asked);
	es->asked = xasprintf("%s%s", es->nodes.list[node].url, path);
	c->url = es->asked;
	http_send(es->http, c);
	/* bulks may be under way: theirs are left to the flight */
	while (!http_wait_for(es->http, c, LOOK_MS))
		es_waits(es, since);
	if (c->result == HTTP_ANSWERED && c->elastic)
		es->vendor = ES_ELASTICSEARCH;
	else if (c->result == HTTP_ANSWERED && c->status == 200)
		es->vendor = ES_OPENSEARCH;
}

/*
 * A server that does not like our certificate says so after a handshake of TLS 1.3, when it may cut us off before we read it: the next
 * try finds out.  What that try alone dislikes is no news.
 */
static void look_closer(struct http_call *c)
{
	if (c->old_tls && c->result == HTTP_UNTRUSTED)
		c->result = HTTP_CUT;
	c->old_tls = c->result == HTTP_CUT && !c->old_tls && strncmp(c->url, "https:", 6) == 0;
}

static bool settled(struct es *es, size_t node, struct http_call *c, struct fault *f)
{
	look_closer(c);
	if (c->result != HTTP_ANSWERED) {
		es_nodes_failed(&es->nodes, node);
		es_fault_call(es, c, f);
		f->scope = f->scope == SCOPE_INDEX ? SCOPE_SINK : f->scope;
		return false;
	}
	if (es_is_busy(c->status)) {
		if (c->status != 429)
			es_nodes_failed(&es->nodes, node);
		es_fault_status(es, c, SCOPE_SINK, f);
		return false;
	}
	es_nodes_worked(&es->nodes, node);
	return true;
}

int es_ask(struct es *es, const char *method, const char *path, struct span body, int64_t patience_ms,
	   struct http_call *c, struct fault *f)
{
	int64_t since = clock_mono_ms(), until = since + patience_ms;
	unsigned tries = 0;
	int r = -1;

	*c = (struct http_call){
		.method = method, .body = body, .timeout_ms = ES_ASK_MS, .answer = STRBUF_INIT,
		.content_type = body.p ? "application/json" : NULL,
	};
	for (;;) {
		size_t node = es_nodes_pick(&es->nodes, ES_ASKED);
		int64_t pause;

		ask_once(es, node, path, since, c);
		if (settled(es, node, c, f)) {
			r = 0;
			es_waits(es, 0);
			break;
		}
		es_waits(es, since);
		/* time does not mend these */
		if (c->result == HTTP_CREDENTIAL ||
		    ((c->result == HTTP_UNTRUSTED || c->result == HTTP_PLAIN) && tries + 1 >= es->nodes.count))
			break;
		/* every node has its turn before the first pause */
		pause = ++tries % es->nodes.count ? 0 : es_backoff(tries, c->retry_after_ms);
		if (clock_mono_ms() + pause >= until)
			break;
		if (pause)
			(void)poll(NULL, 0, (int)pause);
	}
	if (r == 0 && (c->status == 401 || c->status == 403))
		r = es_fault_status(es, c, SCOPE_CREDENTIAL, f);
	if (r == 0)
		fault_clear(f);
	return r;
}

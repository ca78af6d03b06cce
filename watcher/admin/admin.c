/*
 * admin - requests of the HTTP API and their answers; see the header
 *
 * libmicrohttpd calls admin_on_request: once for the head (judged here, before any of the body), for each piece of the body, for its end,
 * and, when the answer was put off, once more.  A request lives until admin_on_done.
 */
#include "watcher/base/base.h"
#include "watcher/admin/own.h"
#include "watcher/base/json_out.h"
#include <unistd.h>

#define BODY_MAX (1024 * 1024)
#define URL_MAX 4096
#define HEADERS_MAX 64
#define PROMETHEUS "text/plain; version=0.0.4; charset=utf-8"

/* A request, and what it is answered. */
struct admin_reply {
	struct listener *listener;
	struct MHD_Connection *connection;
	struct admin_reply *next, **at; /* while it sleeps */
	struct strbuf body, more;
	bool too_large, deferred, asleep, answered;
	bool nobody; /* public, and over TCP */
	char scope[TOKEN_SCOPE];
	enum admin_route route;
	unsigned status;
	struct strbuf out;
	char *detail;
};

static const char *query_value(const struct admin_args *args, const char *name)
{
	return MHD_lookup_connection_value(args->connection, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result respond(struct MHD_Connection *c, unsigned status, const char *type, struct strbuf *body,
			    const char *header, const char *value)
{
	size_t n = body->n;
	struct MHD_Response *r =
		MHD_create_response_from_buffer(n, strbuf_detach(body), MHD_RESPMEM_MUST_FREE);
	enum MHD_Result ok;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	if (header)
		MHD_add_response_header(r, header, value);
	ok = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	peer_allow(c, ANSWER_MS, false);
	return ok;
}

static const char *title_of(unsigned status)
{
	static const struct {
		unsigned status;
		const char *title;
	} titles[] = {{400, "Bad request"},	   {401, "Not authorized"},
		      {403, "Forbidden"},	   {404, "Not found"},
		      {405, "Method not allowed"}, {409, "Refused"},
		      {410, "Gone"},		   {413, "Body too large"},
		      {414, "URL too long"},	   {422, "Not valid"},
		      {429, "Too many requests"},  {431, "Too many headers"},
		      {501, "Not in this version"}, {503, "Not ready"}};

	for (size_t i = 0; i < ARRAY_LEN(titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Error";
}

static enum MHD_Result problem(struct admin_reply *rq, unsigned status, const char *detail, const char *allow)
{
	struct strbuf sb = STRBUF_INIT;
	const char *header = NULL, *value = NULL;

	if (status == 401)
		header = "WWW-Authenticate", value = "Bearer realm=\"ingestd\"";
	else if (status == 429)
		header = "Retry-After", value = "1";
	else if (status == 405)
		header = "Allow", value = allow;
	strbuf_addc(&sb, '{');
	json_pair_string(&sb, "type", "about:blank");
	json_pair_string(&sb, "title", title_of(status));
	json_pair_u64(&sb, "status", status);
	json_pair_string(&sb, "detail", detail);
	if (rq->more.n) {
		strbuf_addc(&sb, ',');
		strbuf_addspan(&sb, strbuf_span(&rq->more));
	}
	strbuf_adds(&sb, "}\n");
	return respond(rq->connection, status, "application/problem+json", &sb, header, value);
}

/* --- put off --- */

struct admin_reply *admin_defer(const struct admin_args *args)
{
	args->reply->deferred = true;
	return args->reply;
}

static enum MHD_Result send_answer(struct admin_reply *rq)
{
	if (rq->status >= 400)
		return problem(rq, rq->status, rq->detail, NULL);
	if (rq->route == ROUTE_METRICS)
		return respond(rq->connection, rq->status, PROMETHEUS, &rq->out, NULL, NULL);
	strbuf_addc(&rq->out, '\n');
	return respond(rq->connection, rq->status, "application/json", &rq->out, NULL, NULL);
}

static enum MHD_Result fall_asleep(struct admin_reply *rq)
{
	struct admin *a = rq->listener->admin;

	rq->asleep = true;
	rq->next = a->asleep;
	rq->at = &a->asleep;
	if (rq->next)
		rq->next->at = &rq->next;
	a->asleep = rq;
	peer_allow(rq->connection, 0, true);
	MHD_suspend_connection(rq->connection);
	return MHD_YES;
}

void admin_answer(struct admin_reply *rq, unsigned status, struct strbuf *out, const struct fault *f)
{
	CHECK(rq->deferred && !rq->answered);
	rq->answered = true;
	rq->status = status;
	if (out) {
		rq->out = *out;
		strbuf_init(out);
	}
	if (f)
		rq->detail = xstrdup(f->text);
	if (!rq->asleep)
		return;
	rq->asleep = false;
	*rq->at = rq->next;
	if (rq->next)
		rq->next->at = rq->at;
	peer_allow(rq->connection, ANSWER_MS, false);
	MHD_resume_connection(rq->connection);
	listener_nudge(rq->listener);
}

/* --- a request --- */

static void say(struct admin_reply *rq, const char *source, const char *why)
{
	const struct admin_ops *ops = &rq->listener->admin->ops;

	if (ops->said)
		ops->said(ops->ctx, source, why);
}

/* 0: it may be read on; else the status it is refused with. */
static unsigned judge(struct admin_reply *rq, enum admin_who who, struct fault *f)
{
	const char *authorization =
		MHD_lookup_connection_value(rq->connection, MHD_HEADER_KIND, "Authorization");
	char source[64];
	enum access_verdict v;

	rq->nobody = who == ADMIN_PUBLIC;
	peer_name(rq->connection, source);
	v = access_judge(rq->listener->access, source, authorization, who, rq->scope, f);
	if (v != ACCESS_YES && (authorization || v == ACCESS_BROKEN))
		say(rq, source, f->text);
	switch (v) {
	case ACCESS_YES:
		return 0;
	case ACCESS_BROKEN:
		/* what is wrong with the file is the operator's to know */
		fault_set(f, FAULT_KEY, "no token can be taken now");
		return 401;
	case ACCESS_NO_TOKEN:
		return 401;
	case ACCESS_NOT_YOURS:
	case ACCESS_CLOSED:
		return 403;
	case ACCESS_TOO_MANY:
		return 429;
	}
	return 403;
}

static const char *plain_method(const char *method)
{
	return strcmp(method, "HEAD") == 0 ? "GET" : method;
}

/* The head is there: what is refused is refused before the body. */
static enum MHD_Result take_head(struct admin_reply *rq, const char *url, const char *method)
{
	struct admin_args args = {0};
	struct fault f = FAULT_INIT;
	enum admin_route route = ROUTE_COUNT;
	unsigned status = 0;
	char *path;

	if (strlen(url) > URL_MAX)
		return problem(rq, 414, "the URL is longer than 4 KiB", NULL);
	if (MHD_get_connection_values(rq->connection, MHD_HEADER_KIND, NULL, NULL) > HEADERS_MAX)
		return problem(rq, 431, "more than 64 header lines", NULL);
	path = xstrdup(url);
	if (admin_route_of(plain_method(method), path, &route, &args) != ADMIN_FOUND)
		route = ROUTE_COUNT;
	/* what is no route is answered to whoever has a token */
	if (rq->listener->access)
		status = judge(rq,
			       admin_public_path(url)	? ADMIN_PUBLIC :
			       route == ROUTE_COUNT ? ADMIN_TENANT :
							admin_who_of(route),
			       &f);
	if (!status && args.tenant && rq->scope[0] && strcmp(args.tenant, rq->scope) != 0) {
		/* as if it were not there */
		fault_set(&f, FAULT_CONFIG, "no tenant %s", args.tenant);
		status = 404;
	}
	free(path);
	return status ? problem(rq, status, f.text, NULL) : MHD_YES;
}

static enum MHD_Result call(struct admin_reply *rq, enum admin_route route, struct admin_args *args)
{
	const struct admin_ops *ops = &rq->listener->admin->ops;
	struct strbuf out = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	enum MHD_Result ok;

	rq->route = route;
	rq->status = ops->call(ops->ctx, route, args, &out, &f);
	if (rq->status == ADMIN_DEFERRED && !rq->answered) {
		CHECK(rq->deferred);
		ok = fall_asleep(rq);
	} else if (rq->answered) {
		ok = send_answer(rq);
	} else {
		rq->out = out;
		strbuf_init(&out);
		rq->detail = xstrdup(f.text);
		ok = send_answer(rq);
	}
	strbuf_release(&out);
	return ok;
}

static enum MHD_Result serve(struct admin_reply *rq, const char *url, const char *method)
{
	struct admin_args args = {.query = query_value, .connection = rq->connection, .more = &rq->more, .reply = rq};
	struct strbuf allow = STRBUF_INIT;
	char *path = xstrdup(url);
	enum MHD_Result ok = MHD_NO;
	enum admin_route route = ROUTE_COUNT;

	args.body = strbuf_span(&rq->body);
	args.scope = rq->nobody ? "" : rq->scope[0] ? rq->scope : NULL;
	switch (admin_route_of(plain_method(method), path, &route, &args)) {
	case ADMIN_NO_PATH:
		ok = problem(rq, 404, "no such path", NULL);
		break;
	case ADMIN_NO_METHOD:
		admin_allowed(url, &allow);
		ok = problem(rq, 405, "this path does not take that method", allow.p);
		break;
	case ADMIN_LATER:
		admin_allowed(url, &allow);
		ok = problem(rq, allow.n ? 405 : 501, "not in this version", allow.p);
		break;
	case ADMIN_FOUND:
		ok = call(rq, route, &args);
		break;
	}
	strbuf_release(&allow);
	free(path);
	return ok;
}

static struct admin_reply *new_request(struct listener *l, struct MHD_Connection *c)
{
	struct admin_reply *rq = xcalloc(1, sizeof(*rq));

	rq->listener = l;
	rq->connection = c;
	strbuf_init(&rq->body);
	strbuf_init(&rq->more);
	strbuf_init(&rq->out);
	return rq;
}

enum MHD_Result admin_on_request(void *listener, struct MHD_Connection *c, const char *url, const char *method,
				 const char *version, const char *data, size_t *size, void **state)
{
	struct admin_reply *rq = *state;

	(void)version;
	if (!rq) {
		*state = rq = new_request(listener, c);
		return take_head(rq, url, method);
	}
	if (*size) {
		if (rq->body.n + *size > BODY_MAX)
			rq->too_large = true;
		else
			strbuf_add(&rq->body, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (rq->answered)
		return send_answer(rq);
	if (rq->too_large)
		return problem(rq, 413, "the body is larger than 1 MiB", NULL);
	return serve(rq, url, method);
}

void admin_on_done(void *listener, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why)
{
	struct admin_reply *rq = *state;

	(void)listener;
	(void)why;
	peer_allow(c, REQUEST_MS, false);
	if (!rq)
		return;
	strbuf_release(&rq->body);
	strbuf_release(&rq->more);
	strbuf_release(&rq->out);
	free(rq->detail);
	free(rq);
	*state = NULL;
}

/* --- begin and end --- */

int admin_new(struct ev_loop *loop, const struct admin_config *config, const struct admin_ops *ops,
	      struct admin **out, struct fault *f)
{
	struct admin *a = xcalloc(1, sizeof(*a));
	int r;

	a->loop = loop;
	a->ops = *ops;
	a->path = xstrdup(config->socket);
	r = listener_local(&a->local, a, config->socket, f);
	if (r == 0 && config->http)
		r = listener_tcp(&a->tcp, a, config, f);
	if (r < 0) {
		admin_free(&a);
		return -1;
	}
	*out = a;
	return 0;
}

void admin_free(struct admin **ap)
{
	struct admin *a = *ap;
	struct fault f = FAULT_INIT;

	if (!a)
		return;
	fault_set(&f, FAULT_TEMPORARY, "ingestd is stopping");
	while (a->asleep)
		admin_answer(a->asleep, 503, NULL, &f);
	listener_stop(&a->local);
	listener_stop(&a->tcp);
	(void)unlink(a->path);
	free(a->path);
	free(a);
	*ap = NULL;
}

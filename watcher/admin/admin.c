/*
 * admin - the HTTP API on the Unix socket; see the header
 *
 * libmicrohttpd runs without a thread: its epoll descriptor is watched by the daemon's loop, and a timer serves its time-outs.
 * A request's body is collected up to its bound, then ops.call answers at once.
 */
#include "watcher/base/base.h"
#include "watcher/admin/admin.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/json_out.h"
#include <errno.h>
#include <ev.h>
#include <microhttpd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BODY_MAX (1024 * 1024)
#define CONNECTIONS_MAX 64
#define IDLE_SECONDS 30

struct admin {
	struct ev_loop *loop;
	struct admin_ops ops;
	char *path;
	int listener;
	struct MHD_Daemon *http;
	ev_io io;
	ev_timer timer;
};

struct request {
	struct strbuf body;
	bool too_large;
};

static const char *query_value(const struct admin_args *args, const char *name)
{
	return MHD_lookup_connection_value(args->connection, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *type,
			      struct strbuf *body)
{
	size_t n = body->n;
	struct MHD_Response *r =
		MHD_create_response_from_buffer(n, strbuf_detach(body), MHD_RESPMEM_MUST_FREE);
	enum MHD_Result ok;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", type);
	ok = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return ok;
}

static const char *title_of(unsigned status)
{
	switch (status) {
	case 400:
		return "Bad request";
	case 404:
		return "Not found";
	case 405:
		return "Method not allowed";
	case 409:
		return "Refused";
	case 410:
		return "Gone";
	case 413:
		return "Body too large";
	case 501:
		return "Not in this version";
	case 503:
		return "Not ready";
	default: /* whatever else a caller chose */
		return "Error";
	}
}

static enum MHD_Result problem(struct MHD_Connection *c, unsigned status, const char *detail)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_addc(&sb, '{');
	json_pair_string(&sb, "type", "about:blank");
	json_pair_string(&sb, "title", title_of(status));
	json_pair_u64(&sb, "status", status);
	json_pair_string(&sb, "detail", detail);
	strbuf_adds(&sb, "}\n");
	return answer(c, status, "application/problem+json", &sb);
}

static enum MHD_Result serve(struct admin *a, struct MHD_Connection *c, const char *url,
			     const char *method, struct request *rq)
{
	struct admin_args args = {.query = query_value, .connection = c};
	struct fault f = FAULT_INIT;
	struct strbuf out = STRBUF_INIT;
	char *path = xstrdup(url);
	enum admin_route route = ROUTE_COUNT;
	enum MHD_Result ok = MHD_NO;
	unsigned status;

	args.body = strbuf_span(&rq->body);
	switch (admin_route_of(method, path, &route, &args)) {
	case ADMIN_NO_PATH:
		ok = problem(c, 404, "no such path");
		break;
	case ADMIN_NO_METHOD:
		ok = problem(c, 405, "this path does not take that method");
		break;
	case ADMIN_LATER:
		ok = problem(c, 501, "not in this version");
		break;
	case ADMIN_FOUND:
		status = a->ops.call(a->ops.ctx, route, &args, &out, &f);
		if (status < 400) {
			strbuf_addc(&out, '\n');
			ok = answer(c, status, "application/json", &out);
		} else {
			ok = problem(c, status, f.text);
		}
		break;
	}
	strbuf_release(&out);
	free(path);
	return ok;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **state)
{
	struct request *rq = *state;

	(void)version;
	if (!rq) {
		rq = xcalloc(1, sizeof(*rq));
		strbuf_init(&rq->body);
		*state = rq;
		return MHD_YES;
	}
	if (*size) {
		if (rq->body.n + *size > BODY_MAX)
			rq->too_large = true;
		else
			strbuf_add(&rq->body, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (rq->too_large)
		return problem(c, 413, "the body is larger than 1 MiB");
	return serve(ctx, c, url, method, rq);
}

static void on_done(void *ctx, struct MHD_Connection *c, void **state,
		    enum MHD_RequestTerminationCode why)
{
	struct request *rq = *state;

	(void)ctx;
	(void)c;
	(void)why;
	if (!rq)
		return;
	strbuf_release(&rq->body);
	free(rq);
	*state = NULL;
}

static void run_http(struct admin *a)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(a->http);
	ev_timer_stop(a->loop, &a->timer);
	if (MHD_get_timeout(a->http, &wait_ms) == MHD_YES) {
		ev_timer_set(&a->timer, (double)wait_ms / 1000.0, 0.);
		ev_timer_start(a->loop, &a->timer);
	}
}

static void on_io(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop;
	(void)events;
	run_http(w->data);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	run_http(w->data);
}

/* The mode is set before anybody can connect: the socket is made under a closed umask. */
static int listen_at(const char *path, int *out, struct fault *f)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	mode_t mask;
	int fd, r;

	if (strlen(path) >= sizeof(sa.sun_path))
		return fault_set(f, FAULT_CONFIG, "admin.socket: %s is longer than %zu bytes", path,
				 sizeof(sa.sun_path) - 1);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "socket");
	/* the state folder's lock is held: an old socket has no owner */
	(void)unlink(path);
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	umask(mask);
	if (r < 0 || listen(fd, 16) < 0) {
		fault_errno(f, FAULT_SYSTEM, "cannot listen at %s", path);
		close(fd);
		return -1;
	}
	*out = fd;
	return 0;
}

int admin_new(struct ev_loop *loop, const char *socket_path, const struct admin_ops *ops,
	      struct admin **out, struct fault *f)
{
	struct admin *a;
	const union MHD_DaemonInfo *info;
	int fd = -1;

	if (listen_at(socket_path, &fd, f) < 0)
		return -1;
	a = xcalloc(1, sizeof(*a));
	a->loop = loop;
	a->ops = *ops;
	a->path = xstrdup(socket_path);
	a->listener = fd;
	a->http = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, a,
				   MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
				   on_done, a, MHD_OPTION_CONNECTION_LIMIT,
				   (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
				   (unsigned)IDLE_SECONDS, MHD_OPTION_END);
	info = a->http ? MHD_get_daemon_info(a->http, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	ev_timer_init(&a->timer, on_timer, 0., 0.);
	a->timer.data = a;
	ev_io_init(&a->io, on_io, info ? info->epoll_fd : -1, EV_READ);
	a->io.data = a;
	if (!info) {
		admin_free(&a);
		return fault_set(f, FAULT_SYSTEM, "cannot start the HTTP server at %s", socket_path);
	}
	ev_io_start(loop, &a->io);
	*out = a;
	return 0;
}

void admin_free(struct admin **ap)
{
	struct admin *a = *ap;

	if (!a)
		return;
	ev_io_stop(a->loop, &a->io);
	ev_timer_stop(a->loop, &a->timer);
	if (a->http)
		MHD_stop_daemon(a->http); /* closes the listener */
	else
		close(a->listener);
	(void)unlink(a->path);
	free(a->path);
	free(a);
	*ap = NULL;
}

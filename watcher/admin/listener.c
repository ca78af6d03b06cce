/*
 * listener - the sockets of the HTTP API, and libmicrohttpd on them
 *
 * libmicrohttpd runs without a thread: its epoll descriptor is watched by the daemon's loop, and a timer serves its time-outs.  Those
 * are of silence alone: a peer that sends a byte now and then would stay for ever.  So each peer has a deadline too, and one that is
 * over it has its socket shut down, which ends the connection in the next turn.
 */
#include "watcher/base/base.h"
#include "watcher/admin/own.h"
#include "watcher/base/clock.h"
#include "watcher/model/config_admin.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define HEAD_MAX (32 * 1024)
#define IDLE_SECONDS 30
#define LOOK_SECONDS 1.0

/* --- peers --- */

static struct peer *peer_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

void peer_allow(struct MHD_Connection *c, int64_t ms, bool asleep)
{
	struct peer *p = peer_of(c);

	if (!p)
		return;
	p->until_ms = clock_mono_ms() + ms;
	p->asleep = asleep;
}

void peer_name(struct MHD_Connection *c, char out[64])
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info ? info->client_addr : NULL;
	const void *bytes = NULL;

	out[0] = '\0';
	if (a && a->sa_family == AF_INET)
		bytes = &((const struct sockaddr_in *)(const void *)a)->sin_addr;
	else if (a && a->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
	if (bytes && !inet_ntop(a->sa_family, bytes, out, 64))
		out[0] = '\0';
}

static void peer_comes(struct listener *l, struct MHD_Connection *c, void **context)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct peer *p = xcalloc(1, sizeof(*p));

	p->fd = info ? info->connect_fd : -1;
	p->until_ms = clock_mono_ms() + REQUEST_MS;
	p->next = l->peers;
	p->at = &l->peers;
	if (p->next)
		p->next->at = &p->next;
	l->peers = p;
	*context = p;
}

static void on_connection(void *ctx, struct MHD_Connection *c, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct peer *p = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		peer_comes(ctx, c, context);
		return;
	}
	*p->at = p->next;
	if (p->next)
		p->next->at = p->at;
	free(p);
	*context = NULL;
}

static void on_look(struct ev_loop *loop, ev_timer *t, int events)
{
	struct listener *l = t->data;
	int64_t now = clock_mono_ms();

	(void)loop;
	(void)events;
	for (struct peer *p = l->peers; p; p = p->next)
		if (!p->asleep && p->until_ms <= now && p->fd >= 0)
			(void)shutdown(p->fd, SHUT_RDWR);
}

/* --- libmicrohttpd in the loop --- */

static void run_http(struct listener *l)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(l->http);
	ev_timer_stop(l->loop, &l->timer);
	if (MHD_get_timeout(l->http, &wait_ms) == MHD_YES) {
		ev_timer_set(&l->timer, (double)wait_ms / 1000.0, 0.);
		ev_timer_start(l->loop, &l->timer);
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

void listener_nudge(struct listener *l)
{
	ev_feed_event(l->loop, &l->io, EV_READ);
}

/* A NUL would end the path before its end; names have no control characters. */
static size_t unescape(void *ctx, struct MHD_Connection *c, char *text)
{
	(void)ctx;
	(void)c;
	for (char *p = text; (p = strstr(p, "%00")) != NULL; p += 3)
		p[2] = '1';
	return MHD_http_unescape(text);
}

static int start(struct listener *l, struct admin *a, int fd, const char *where, struct fault *f)
{
	const union MHD_DaemonInfo *info;

	l->admin = a;
	l->loop = a->loop;
	l->fd = fd;
	ev_timer_init(&l->timer, on_timer, 0., 0.);
	ev_timer_init(&l->look, on_look, LOOK_SECONDS, LOOK_SECONDS);
	ev_init(&l->io, on_io);
	l->http = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, admin_on_request, l,
				   MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, admin_on_done, l,
				   MHD_OPTION_NOTIFY_CONNECTION, on_connection, l, MHD_OPTION_CONNECTION_LIMIT,
				   (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
				   MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MAX,
				   MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, unescape,
				   NULL, MHD_OPTION_END);
	info = l->http ? MHD_get_daemon_info(l->http, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info)
		return fault_set(f, FAULT_SYSTEM, "cannot start the HTTP server at %s", where);
	ev_io_set(&l->io, info->epoll_fd, EV_READ);
	l->io.data = l->timer.data = l->look.data = l;
	ev_io_start(l->loop, &l->io);
	ev_timer_start(l->loop, &l->look);
	return 0;
}

void listener_stop(struct listener *l)
{
	if (!l->loop)
		return;
	ev_io_stop(l->loop, &l->io);
	ev_timer_stop(l->loop, &l->timer);
	ev_timer_stop(l->loop, &l->look);
	if (l->http) {
		MHD_run(l->http);
		MHD_stop_daemon(l->http); /* closes the socket */
	} else {
		close(l->fd);
	}
	access_free(&l->access);
	memset(l, 0, sizeof(*l));
}

/* --- sockets --- */

/* The mode is set before anybody can connect: the socket is made under a closed umask. */
static int bind_local(const char *path, int *out, struct fault *f)
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

static int bind_tcp(const char *text, int *out, struct fault *f)
{
	struct sockaddr_storage sa;
	socklen_t n;
	int fd, on = 1;

	if (http_address_parse(text, &sa, &n, f) < 0)
		return fault_prefix(f, "admin.http");
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "admin.http: socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&sa, n) < 0 || listen(fd, 64) < 0) {
		fault_errno(f, FAULT_SYSTEM, "admin.http: cannot listen at %s", text);
		close(fd);
		return -1;
	}
	*out = fd;
	return 0;
}

int listener_local(struct listener *l, struct admin *a, const char *path, struct fault *f)
{
	int fd = -1;

	return bind_local(path, &fd, f) < 0 ? -1 : start(l, a, fd, path, f);
}

int listener_tcp(struct listener *l, struct admin *a, const struct admin_config *c, struct fault *f)
{
	int fd = -1;

	if (bind_tcp(c->http, &fd, f) < 0)
		return -1;
	l->access = access_new(c->tokens_file, c->requests_per_second);
	return start(l, a, fd, c->http, f);
}

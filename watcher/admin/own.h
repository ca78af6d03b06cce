/*
 * own - what the files of admin share: a listener, its connections, a request
 *
 * listener.c makes sockets and runs libmicrohttpd; admin.c is called for each request and answers.
 */
#ifndef ADMIN_OWN_H
#define ADMIN_OWN_H

#include "watcher/admin/access.h"
#include "watcher/admin/admin.h"
#include <ev.h>
#include <microhttpd.h>

/* One peer; the deadline is of the whole request, then of the whole answer. */
struct peer {
	struct peer *next, **at;
	int fd;
	bool asleep;	  /* put off: no deadline */
	int64_t until_ms; /* mono */
};

struct listener {
	struct admin *admin;
	struct ev_loop *loop;
	struct access *access; /* NULL: the Unix socket */
	int fd;
	struct MHD_Daemon *http;
	struct peer *peers;
	ev_io io;
	ev_timer timer; /* libmicrohttpd's time-outs */
	ev_timer look;	/* the peers' deadlines */
};

struct admin {
	struct admin_ops ops;
	struct ev_loop *loop;
	char *path;
	struct listener local, tcp;
	struct admin_reply *asleep; /* those put off */
};

#define REQUEST_MS 20000
#define ANSWER_MS 60000

int listener_local(struct listener *l, struct admin *a, const char *path, struct fault *f) MUST_CHECK;
int listener_tcp(struct listener *l, struct admin *a, const struct admin_config *c, struct fault *f) MUST_CHECK;
void listener_stop(struct listener *l);
/* Something was resumed: libmicrohttpd looks at it in the next turn. */
void listener_nudge(struct listener *l);
void peer_allow(struct MHD_Connection *c, int64_t ms, bool asleep);
/* "127.0.0.1"; of the Unix socket "". */
void peer_name(struct MHD_Connection *c, char out[64]);

/* admin.c */
enum MHD_Result admin_on_request(void *listener, struct MHD_Connection *c, const char *url, const char *method,
				 const char *version, const char *data, size_t *size, void **state);
void admin_on_done(void *listener, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why);

#endif

/*
 * admin - the HTTP API on the Unix socket
 *
 *	struct admin_ops ops = { .call = my_call, .ctx = me };
 *	admin_new(loop, "/…/var/ingestd.sock", &ops, &a, &f);      socket made 0600, an old one replaced
 *	... requests are answered inside the loop by ops.call ...
 *	admin_free(&a);                                            socket removed
 *
 * A route is a row of routes.def; ops.call gets the route and the pieces of the path and answers with JSON text in `out` and
 * returns the HTTP status (200, 202), or fills the fault and returns 4xx/5xx, which goes out as application/problem+json with the
 * fault's sentence.  An answer must be made from memory or the journal at once: the loop does not wait.
 * Known paths of interface.md that this version does not build answer 501 `not in this version`.
 *
 * Bounds: request body 1 MiB, 64 connections, 30 s idle.  Ownership: args and body are borrowed for the call.
 * Source: libmicrohttpd's manual (external epoll), RFC 9457.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"

enum admin_route {
#define ROUTE(id, who, method, path, sentence) ROUTE_##id,
#define ROUTE_LATER(method, path)
#include "watcher/admin/routes.def"
#undef ROUTE
#undef ROUTE_LATER
	ROUTE_COUNT
};

/* Who may ask (routes.def). */
enum admin_who { ADMIN_PUBLIC, ADMIN_TENANT, ADMIN_OPERATOR };

struct admin_args {
	const char *tenant; /* {T} of the path, or NULL */
	const char *job;    /* {J} */
	const char *id;     /* {ID} */
	/* a query parameter, or NULL */
	const char *(*query)(const struct admin_args *args, const char *name);
	void *connection; /* query's own */
	const char *scope; /* the tenant whose token asks; NULL: the operator */
	struct span body;
};

struct admin_ops {
	/* Returns the HTTP status. */
	unsigned (*call)(void *ctx, enum admin_route route, const struct admin_args *args,
			 struct strbuf *out, struct fault *f);
	void *ctx;
};

struct ev_loop;
struct admin;

int admin_new(struct ev_loop *loop, const char *socket_path, const struct admin_ops *ops,
	      struct admin **out, struct fault *f) MUST_CHECK;
void admin_free(struct admin **a);

/* May whoever asks know of this tenant (NULL: of nobody's)? */
bool admin_sees(const struct admin_args *args, const char *tenant);

enum admin_who admin_who_of(enum admin_route route);
/* For the router and its test: finds the route; pieces are cut from path (modified). */
enum admin_match { ADMIN_FOUND, ADMIN_NO_PATH, ADMIN_NO_METHOD, ADMIN_LATER };
enum admin_match admin_route_of(const char *method, char *path, enum admin_route *route,
				struct admin_args *args);

#endif

/*
 * admin - the HTTP API on the Unix socket and, if asked for, on loopback TCP
 *
 *	struct admin_ops ops = { .call = my_call, .said = my_said, .ctx = me };
 *	admin_new(loop, &config->admin, &ops, &a, &f);             socket made 0600, an old one replaced
 *	... requests are answered inside the loop by ops.call ...
 *	admin_free(&a);                                            socket removed
 *
 * A route is a row of routes.def; ops.call gets the route and the pieces of the path and answers with JSON text in `out` and
 * returns the HTTP status (200, 202), or fills the fault and returns 4xx/5xx, which goes out as application/problem+json with the
 * fault's sentence.  An answer is made from memory or the journal at once: the loop does not wait.  One that needs a child's or a run's
 * answer is put off:
 *	reply = admin_defer(args); ... return ADMIN_DEFERRED       the connection sleeps
 *	admin_answer(reply, 200, &out, NULL)                       once, before admin_free or never; out is taken
 * Known paths of interface.md that this version does not build answer 501 `not in this version`, known methods of others 405 with these
 * words.
 *
 * The Unix socket is the operator's.  Over TCP access.h judges before the body is read; a view sees whose token it was in args.scope.
 *
 * Bounds: request body 1 MiB, head 32 KiB, 64 header lines, URL 4 KiB; 64 connections each; 20 s for a whole request, 60 s for its answer,
 * 30 s of silence.  The parser is libmicrohttpd's; what it refuses itself (no HTTP, a head over its memory) it answers in its own words.
 * Ownership: args and body are borrowed for the call.
 * Source: libmicrohttpd's manual (external epoll), RFC 9457, RFC 9110.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"
#include "watcher/model/config.h"

enum admin_route {
#define ROUTE(id, who, method, path, sentence) ROUTE_##id,
#define ROUTE_LATER(method, path)
#include "watcher/admin/routes.def"
#undef ROUTE
#undef ROUTE_LATER
	ROUTE_COUNT
};

/* Who may ask (routes.def). */
enum admin_who { ADMIN_PUBLIC, ADMIN_OPEN, ADMIN_TENANT, ADMIN_OPERATOR };

#define ADMIN_DEFERRED 0
struct admin_reply;

struct admin_args {
	const char *tenant; /* {T} of the path, or NULL */
	const char *job;    /* {J} */
	const char *id;     /* {ID} */
	/* a query parameter, or NULL */
	const char *(*query)(const struct admin_args *args, const char *name);
	void *connection; /* query's own */
	const char *scope; /* the tenant whose token asks, "": nobody's; NULL: the operator */
	struct span body;
	struct strbuf *more; /* further members of a problem, `"errors":[...]` */
	struct admin_reply *reply;
};

struct admin_ops {
	/* Returns the HTTP status. */
	unsigned (*call)(void *ctx, enum admin_route route, const struct admin_args *args,
			 struct strbuf *out, struct fault *f);
	/* Over TCP somebody was refused: for the log. */
	void (*said)(void *ctx, const char *source, const char *why);
	void *ctx;
};

struct ev_loop;
struct admin;

int admin_new(struct ev_loop *loop, const struct admin_config *config, const struct admin_ops *ops,
	      struct admin **out, struct fault *f) MUST_CHECK;
void admin_free(struct admin **a);

struct admin_reply *admin_defer(const struct admin_args *args);
void admin_answer(struct admin_reply *r, unsigned status, struct strbuf *out, const struct fault *f);

/* May whoever asks know of this tenant (NULL: of nobody's)? */
bool admin_sees(const struct admin_args *args, const char *tenant);

enum admin_who admin_who_of(enum admin_route route);
/* For the router and its test: finds the route; pieces are cut from path (modified). */
enum admin_match { ADMIN_FOUND, ADMIN_NO_PATH, ADMIN_NO_METHOD, ADMIN_LATER };
enum admin_match admin_route_of(const char *method, char *path, enum admin_route *route,
				struct admin_args *args);
/* Something of it is answered to everybody: so is what it does not take. */
bool admin_public_path(const char *path);
/* The methods of a path that are built, "GET, PUT"; nothing: there are none. */
void admin_allowed(const char *path, struct strbuf *out);

#endif

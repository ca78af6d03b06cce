/*
 * views - what the admin API answers: the daemon's state as JSON, made from memory and the journal at once
 */
#ifndef DAEMON_VIEWS_H
#define DAEMON_VIEWS_H

#include "watcher/admin/admin.h"
#include "watcher/daemon/wish.h"

struct ingestd;

/* ctx: struct ingestd.  Returns the HTTP status. */
unsigned views_call(void *ctx, enum admin_route route, const struct admin_args *args, struct strbuf *out,
		    struct fault *f);

void views_said(void *ctx, const char *source, const char *why);

/* views_files.c */
unsigned views_files(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_wish(struct ingestd *d, enum wish w, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_file(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_explain(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_runs(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned views_run(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);

#endif

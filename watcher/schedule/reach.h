/*
 * reach - what a worker may reach beside its descriptors: folders and TCP ports, and what it may use; fixed at its start
 *
 *	struct reach r; reach_init(&r, "alice");
 *	reach_folder(&r, "/var/lib/ingestd/data/alice", &f)   must be there
 *	reach_port(&r, 9200)
 *	reach_argv(&r, program)                               the worker's command line; malloc'ed array of r's texts
 *	reach_equal(&a, &b)                                   does a worker that was started with one serve for the other?
 *	reach_release(&r)
 *
 * A folder is the one that was there when it was added: one that was made anew is another.  None of it is a secret: it stands in the
 * process list.
 */
#ifndef SCHEDULE_REACH_H
#define SCHEDULE_REACH_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"
#include "watcher/model/resources.h"

struct reach {
	struct strbuf words; /* of the command line, each with its NUL */
	struct strbuf inodes; /* of the folders */
	enum resources resources; /* what it may use: as fixed as the rest */
};

void reach_init(struct reach *r, const char *tenant);
void reach_release(struct reach *r);
int reach_folder(struct reach *r, const char *path, struct fault *f) MUST_CHECK;
void reach_port(struct reach *r, unsigned port);
bool reach_equal(const struct reach *a, const struct reach *b);
char **reach_argv(const struct reach *r, const char *program);

#endif

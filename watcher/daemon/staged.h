/*
 * staged - max_staged_bytes: a tenant whose staging folders hold more has nothing more taken
 *
 *	staged_start(d)  staged_stop(d)
 *	staged_tenant(d, t)          a profile came into force: count at once
 *	staged_why(t, st)            what keeps this file in in/, NULL: nothing; st NULL: any file.  The text is the tenant's
 *	staged_claimed(t, bytes, complete_ms)        the file was taken
 *	staged_pending(d)            some tenant was not counted yet
 *
 * Bytes allocated below staging/TENANT: what is arriving, was taken, is done, failed, held.  A child walks the folders of the tenants that
 * have the limit, every 10 s, and every 2 s while one is over it; what came since is added.  A tenant is under again when retention,
 * the operator or the tenant itself removed enough: its files then go on by themselves.
 * Failure: a child that cannot be made or dies leaves the last count, and the next one tries again.
 */
#ifndef DAEMON_STAGED_H
#define DAEMON_STAGED_H

#include "watcher/base/base.h"
#include <ev.h>
#include <sys/stat.h>

struct ingestd;
struct tenant;

/* Of one tenant. */
struct staged_count {
	bool known;
	bool over;	    /* told in the log */
	bool waits;	    /* something in in/ waits for it */
	uint64_t bytes;	    /* at the last count, and taken since */
	uint64_t taken;	    /* of that: since the last count began */
	int64_t began_ms;   /* wall: of the last count */
	char why[200];
};

struct staged {
	ev_timer timer;
	ev_child child;
	uint64_t *counts; /* shared with the child, by place in the table of tenants; NULL: none is under way */
	char **names;
	size_t len;
	bool again; /* asked for while one was under way */
};

void staged_start(struct ingestd *d);
void staged_stop(struct ingestd *d);
void staged_tenant(struct ingestd *d, struct tenant *t);
const char *staged_why(struct tenant *t, const struct stat *st);
void staged_claimed(struct tenant *t, uint64_t bytes, int64_t complete_ms);
bool staged_pending(const struct ingestd *d);

#endif

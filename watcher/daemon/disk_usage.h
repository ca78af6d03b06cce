/*
 * disk_usage - which tenant fills the disk most
 *
 *	disk_usage_init(&u, loop, done, ctx)
 *	disk_usage_ask(&u, config, tenants, n)      done is called when u.tenant and u.bytes are new
 *	disk_usage_stop(&u)
 *
 * Bytes allocated in the tenant's staging folders and its embedded stores.  Counting them is a walk over every file, so a child does it:
 * a fork that reads folders, writes one line and ends; the loop never waits for it.
 *
 * Failure: a child that cannot be made or dies leaves the last answer; the next asking tries again.
 */
#ifndef DAEMON_DISK_USAGE_H
#define DAEMON_DISK_USAGE_H

#include "watcher/base/base.h"
#include "watcher/base/map.h"
#include <ev.h>

struct config;

struct disk_usage {
	struct ev_loop *loop;
	void (*done)(void *ctx);
	void *ctx;
	ev_io io;
	ev_child child;
	int pipe; /* -1: none is under way */
	char tenant[64]; /* "": not known */
	uint64_t bytes;
};

void disk_usage_init(struct disk_usage *u, struct ev_loop *loop, void (*done)(void *ctx), void *ctx);
/* tenants: name -> anything.  While one is under way: nothing. */
void disk_usage_ask(struct disk_usage *u, const struct config *c, const struct map *tenants);
void disk_usage_stop(struct disk_usage *u);

/* For other children that count: bytes allocated below folder/tenant; what a fork of the daemon does first. */
uint64_t disk_usage_below(const char *folder, const char *tenant);
void disk_usage_become_child(void);

#endif

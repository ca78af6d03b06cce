/*
 * watches - are there enough inotify watches for the tenants that there are?
 *
 *	watches_check(d)               after each look at the profiles: said in ingestd.log when they are too few, once for each number
 *
 * A tenant takes TENANT_WATCHES_MAX: its folder and in/, its profile and jobs/.  What has no watch is looked at from time to time: in/
 * each second and told by name in status, a profile each rescan_seconds.  Source: inotify(7), user_namespaces(7).
 */
#ifndef DAEMON_WATCHES_H
#define DAEMON_WATCHES_H

struct ingestd;

#define TENANT_WATCHES_MAX 4

void watches_check(struct ingestd *d);

#endif

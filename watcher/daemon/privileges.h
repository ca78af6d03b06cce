/*
 * privileges - who the daemon and its workers are, and what they may
 *
 *	privileges_enter(d, &f)        before anything is opened: starter, user, capabilities
 *	privileges_add_json(d, out)    for status
 *
 * Started by root, or by the systemd unit with CAP_SETUID and CAP_SETGID, it makes the starter, who is `worker_user` from then on;
 * becomes `user` if it is root and one is named; and keeps CAP_LEASE, CAP_DAC_READ_SEARCH and CAP_CHOWN of the capabilities it has.
 * Started by anybody else, workers are the same user and are held by what a process may do to itself (base/confine.h).
 * Failure: FAULT_CONFIG, a user that is not there or cannot be become.
 */
#ifndef DAEMON_PRIVILEGES_H
#define DAEMON_PRIVILEGES_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"

struct ingestd;

int privileges_enter(struct ingestd *d, struct fault *f) MUST_CHECK;
void privileges_add_json(const struct ingestd *d, struct strbuf *out);

#endif

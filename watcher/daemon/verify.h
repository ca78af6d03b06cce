/*
 * verify - `ingestd -t`: configuration, profiles, jobs, filters; every error, not only the first
 *
 * Errors and warnings go to standard error, one a line; exit code 0 or 78.  Changes nothing, needs no lock.
 */
#ifndef DAEMON_VERIFY_H
#define DAEMON_VERIFY_H

#include "watcher/model/config.h"

int verify(const struct config *c);

#endif

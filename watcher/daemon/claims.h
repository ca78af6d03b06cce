/*
 * claims - what arrival asks and tells: the callbacks of arrival.h
 *
 * decide: a manual job's file waits in in/ for its start, everything else is taken (a file of no job or of several is failed or held after
 * the claim).  claimed: the row CLAIMED.  commit: the journal's commit, then each file goes on at step_route.
 */
#ifndef DAEMON_CLAIMS_H
#define DAEMON_CLAIMS_H

#include "watcher/arrival/arrival.h"

struct ingestd;

void claims_ops(struct arrival_ops *ops);

#endif

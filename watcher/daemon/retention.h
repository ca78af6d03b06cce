/*
 * retention - old files leave done/ and failed/, and their rows the journal
 *
 *	retention_start(d)      the profiles have been looked at: the first look is made at once
 *	retention_look(d)       now, since the disk is short
 *
 * A file goes done_days or failed_days of its tenant's profile after it was placed, with receipt and rejects; its row stays, so that
 * show, explain and why can say so, for another journal_days of ingestd.json.  The table of deliveries is never pruned.  What a tenant
 * without a profile in force has stays as it is.
 *
 * Looks are ten minutes apart; a look takes BATCH files an iteration of the loop.
 * Failure: a file that cannot be removed is told in the log and tried at the next look.
 */
#ifndef DAEMON_RETENTION_H
#define DAEMON_RETENTION_H

#include "watcher/base/base.h"
#include <ev.h>

struct ingestd;

struct retention {
	ev_timer timer;
	bool looked; /* everything that was due at the start is gone */
};

void retention_start(struct ingestd *d);
void retention_look(struct ingestd *d);
void retention_stop(struct ingestd *d);

#endif

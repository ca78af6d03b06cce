/*
 * expiry - when a record may go from MongoDB: when retention and the journal would have let go of it too
 *
 *	ms = expiry_of(d, "file", body)     wall; 0: never
 *
 * A file that came to done/ or failed/: done_days or failed_days of its tenant's profile after it was placed, and
 * journal_days of ingestd.json; a run: the longer of the two.  As profile and configuration are when the record is handed
 * over: what is written stays.  Never: held files, whatever has no retention, jobs, usage.
 */
#ifndef DAEMON_EXPIRY_H
#define DAEMON_EXPIRY_H

#include "watcher/base/span.h"

struct ingestd;

int64_t expiry_of(const struct ingestd *d, const char *kind, struct span body);

#endif

/*
 * audit - does the journal agree with the folders and the sinks?  (ingestd --journal-check, for ingestctl journal check)
 *
 *	code = audit_run(config, &options)      the exit status: 0 it does, 3 it does not, 1 it could not be read
 *
 * Reads only, beside a running daemon or without one.  Looked at: the database itself; each row's file where the row says, its size and
 * SHA-256, its receipt (id and digest), its rejects; how many documents of each delivery are in its sink, by their recomputed ids; what
 * lies in work/, done/, failed/ and held/ and has no row.  What a running daemon may just be changing is looked at again before it is
 * called a finding.
 *
 * Output: a line each finding, or with json one object {ok, files, deliveries, findings: [{kind, tenant, id, path, text}]}.
 */
#ifndef DAEMON_AUDIT_H
#define DAEMON_AUDIT_H

#include "watcher/model/config.h"

struct audit_options {
	bool json;
	bool quick; /* neither digests nor sinks */
};

int audit_run(const struct config *c, const struct audit_options *o);

#endif

/*
 * schema - the tables of the journal and their version
 *
 *	schema_open(db, path, schema_steps, SCHEMA_VERSION, &f)
 *
 * A new file gets every step; one of version n gets the steps after n, in one transaction, after a
 * copy of it was made durable as PATH.vN.bak; one that is newer than this program is refused
 * (FAULT_CONFIG, exit 78). Tables: arrivals, legs, deliveries, runs, outbox, outbox_refused, jobs, sessions, session_logs,
 * notices, usage, pauses, schema; view files (one row a file, as its record).
 */
#ifndef SPOOL_SCHEMA_H
#define SPOOL_SCHEMA_H

#include "watcher/spool/db.h"

#define SCHEMA_VERSION 11

extern const char *const schema_steps[SCHEMA_VERSION]; /* step i leads from version i to i + 1 */

/* Neither older nor newer: CONFIG. */
int schema_expect(struct db *db, const char *path, int64_t version, struct fault *f) MUST_CHECK;
/* VACUUM INTO a path where nothing is, 0600 and durable. */
int schema_copy_to(struct db *db, const char *copy, struct fault *f) MUST_CHECK;
int schema_open(struct db *db, const char *path, const char *const *steps, size_t count,
		struct fault *f) MUST_CHECK;

#endif

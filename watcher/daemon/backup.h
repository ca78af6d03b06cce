/*
 * backup - a copy of what ingestd knows, made beside a running daemon  (ingestd --backup DIR, for ingestctl backup DIR)
 *
 *	code = backup_run(config, "DIR")      the exit status: 0 or 1
 *
 * DIR, new or empty, gets ingestd.json, profiles/ (keys included: it is made 0700), var/jobs/ (the job versions kept) and var/journal.db, a
 * consistent snapshot; backup.json is written last and says that the rest is whole and durable.  Not in it: the tenants' files (staging/),
 * the embedded store (var/data), logs, and the files with secrets that ingestd.json names.
 *
 * Restored: the folders are put in their places while no ingestd runs, then it is started.  What was delivered after the backup and comes
 * again is loaded under the same ids; a file that was on its way then and was placed since is known by its receipt (spool/recover.h).
 */
#ifndef DAEMON_BACKUP_H
#define DAEMON_BACKUP_H

#include "watcher/model/config.h"

int backup_run(const struct config *c, const char *dir, bool json);

#endif

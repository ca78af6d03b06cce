/*
 * sessions - level session: sshd's own log says whether the session that wrote a file ended well (delivery.md, Arrival 3)
 *
 * A syslog daemon writes LOGS/sshd/TENANT.log from the socket in that tenant's chroot (watcher/install/): whose line it is
 * is told by the file, not by the line.  It is read five times a second, its place and what it said are in the journal.
 *
 *	sessions_start(d)                          the timer, once
 *	sessions_tenant(d, t, &f)                  t's profile has come into force: what is known of it, or nothing any more
 *	sessions_decide(t, name, &st, &answer)     may this file be taken?
 *	sessions_taken(t, name, &row)              it is claimed: a broken session is the row's arrival_fault
 *	sessions_release(d, t, name, &f)           a person says that it is whole
 *
 * A file is proven when the last word on its name is a clean close, or a rename of such a one, and it was not changed behind that
 * (SLACK_MS for clocks).  `forced close`: it is taken and fails as a partial upload.  Ten minutes without a word after its last
 * change: told once as unproven.
 */
#ifndef DAEMON_SESSIONS_H
#define DAEMON_SESSIONS_H

#include "watcher/arrival/arrival.h"
#include "watcher/spool/file_row.h"

struct ingestd;
struct tenant;
struct sessions;

void sessions_start(struct ingestd *d);
int sessions_tenant(struct ingestd *d, struct tenant *t, struct fault *f) MUST_CHECK;
void sessions_free(struct sessions **s);
enum sessions_verdict {
	SESSIONS_PROVEN,
	SESSIONS_BROKEN, /* it is taken, to fail */
	SESSIONS_WAIT,	 /* answer says for what */
};

enum sessions_verdict sessions_decide(struct tenant *t, const char *name, const struct stat *st, struct arrival_answer *answer);
void sessions_taken(struct tenant *t, const char *name, struct file_row *row);
int sessions_release(struct ingestd *d, struct tenant *t, const char *name, struct fault *f) MUST_CHECK;
/* Files told as unproven that are still in in/. */
size_t sessions_unproven(const struct tenant *t);

#endif

/*
 * quota - max_bytes_per_day and max_files_per_day: what is over them is held, and let go by itself
 *
 *	quota_admit(d, x, &f)       before a file is read: 0 it counts for today; -1 CONFIG: it is to be held, the row says until when
 *	quota_let_through(d, r)     a person releases a held one: it counts for today, whatever room there is
 *	quota_give_back(x)          it came to nothing (failed, held, duplicate): its room is free again
 *	quota_left(t)               a file leaves held/
 *	quota_soon(d, t)            a profile came into force
 *	quota_start(d)  quota_stop(d)  quota_pending(d)
 *
 * A day is the UTC day of the wall clock.  A file counts once, with the bytes that arrived, on the day on which it is let through to be
 * read, whatever day it ends on: retries, restarts, undo, rerun and replace count nothing again.  One that ends failed, held or as a
 * duplicate gives its room back; one that is undone does not, if rows of it were stored.  A person's release lets it through a full quota,
 * and it counts.  What a file counts for stands in its row of the journal; the sums kept here are made from those.
 *
 * A held file is promised the first day that has room behind those held before it.  When a day begins, room is given back, or a profile
 * changes, the held ones are looked at from the first promised on: each that has room today is taken out of held/ (it counts from then
 * on), and one whose time has come without room is judged, and promised, anew.  A file of more bytes than a day's is promised nothing.
 *
 * Looked for each second, against the wall clock: neither a restart nor a clock that is set can lose one.
 */
#ifndef DAEMON_QUOTA_H
#define DAEMON_QUOTA_H

#include "watcher/base/clock.h"
#include "watcher/base/fault.h"
#include "watcher/spool/quotas.h"
#include <ev.h>

#define QUOTA_FILES "Daily number of files exceeds limit"
#define QUOTA_BYTES "Daily file size exceeds limit"

struct ingestd;
struct tenant;
struct file;

/* Of one tenant. */
struct quota {
	char day[CLOCK_DAY]; /* of used; "": not asked yet */
	struct quota_sum used;
	bool planned; /* the two below are known */
	int64_t plan_ms;
	struct quota_sum plan; /* let go at plan_ms, the last time that was promised */
	bool look;	       /* held ones may have room */
	struct quota_place at; /* of the look under way: the last one that was looked at */
};

struct quota_timer {
	ev_timer timer;
	char day[CLOCK_DAY]; /* today, when it was last looked */
};

int quota_admit(struct ingestd *d, struct file *x, struct fault *f) MUST_CHECK;
void quota_let_through(struct ingestd *d, struct file_row *r);
void quota_give_back(struct file *x);
void quota_left(struct tenant *t);
void quota_soon(struct ingestd *d, struct tenant *t);
void quota_start(struct ingestd *d);
void quota_stop(struct ingestd *d);
bool quota_pending(const struct ingestd *d);
/* {"day": ..., "files": ..., "bytes": ...}: what counts for today; for status. */
void quota_add_json(struct ingestd *d, struct tenant *t, struct strbuf *out);

#endif

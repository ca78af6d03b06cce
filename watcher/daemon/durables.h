/*
 * durables - what the steps of one turn wrote, made durable together and before the journal's next commit
 *
 *	durables_receipt(d, x, &receipt)      takes it; PLACING may be set at once: it is committed behind this
 *	durables_moved(d, x, &moved)          takes its descriptors; the step that is next finds x->unsynced false
 *	durables_run(d)                       at the end of a turn's steps, or when there are DURABLES_MOST
 *
 * The disk is asked to write all of them before one is waited for, so that dozens of files cost little more than one; what is the same
 * for all, the folder they were moved into, is fsynced once.  The order of each file's own calls is that of one alone.
 * Failure: a broken disk is ingestd_fatal.  For want of room a receipt is written again when its file is moved (place.h), and a file that
 * was moved has x->unsynced.
 */
#ifndef DAEMON_DURABLES_H
#define DAEMON_DURABLES_H

#include "watcher/spool/place.h"

#define DURABLES_MOST 64 /* at once: two descriptors each, as for as many claims (arrival.h) */

struct ingestd;
struct file;
struct durable;

struct durables {
	struct durable *list;
	size_t len, cap;
};

void durables_receipt(struct ingestd *d, const struct file *x, const struct place_receipt *receipt);
void durables_moved(struct ingestd *d, const struct file *x, const struct place_moved *moved);
void durables_run(struct ingestd *d);
void durables_release(struct ingestd *d);

#endif

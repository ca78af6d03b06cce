/*
 * replace - "same_name": "replace": the new delivery is stored, then the one before it is taken back
 *
 *	at the gate: an older arrival of the name that is not stored yet goes first, so that the newest stays in the end
 *	             row.replaces = the arrival whose place it takes (pinned with LOADING)
 *	INDEXED -> step_replace: REPLACING and the other's RETAKING in one commit
 *	        -> waits until the other is undone (it goes to failed/, replaced_by the new one) -> step_receipt
 *
 * Killed at any point either both are stored and the new one's row knows what is to go, or the old one is gone: never none of them.
 * Every delivery of the name goes, should there be several; `replaces` names the newest.
 */
#ifndef DAEMON_REPLACE_H
#define DAEMON_REPLACE_H

#include "watcher/daemon/turn.h"
#include "watcher/spool/deliveries.h"

/* Can `newest` and every older one of r's name be taken back when the time comes?  0; -1 with a CONFIG fault: hold the new one. */
int replace_possible(struct ingestd *d, const struct file_row *r, const struct delivery *newest, struct fault *f) MUST_CHECK;

/* The arrival that x has to wait for, NULL: it may be loaded. */
const struct file *replace_older(const struct ingestd *d, const struct file *x);
file_step step_replace;

#endif

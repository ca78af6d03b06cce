/*
 * proof - what a file's sender states of it is compared before a row is read (delivery.md, Arrival 3)
 *
 * A file that came with NAME.sha256 or NAME.manifest.json goes to a worker twice: first for its digest alone, then to be read.  One that
 * the manifest of its run lists the same; with both it goes three times.
 *
 *	proof_look(x)                 at its routing: is there anything to compare?
 *	proof_is_due(x)               the next pass is the proof
 *	proof_open(d, x, &m, fds, &f)    what that pass needs, or that over a manifest
 *	proof_ended(d, x, m)          its result: on to the gate, or failed/
 */
#ifndef DAEMON_PROOF_H
#define DAEMON_PROOF_H

#include "watcher/daemon/file.h"

void proof_look(struct file *x);
bool proof_is_due(const struct file *x);
int proof_open(struct ingestd *d, const struct file *x, struct message *m, int fds[MESSAGE_FD_COUNT], struct fault *f) MUST_CHECK;
/* Has the gate read as many rows as the sender states?  -1: DATA. */
int proof_rows(struct ingestd *d, const struct file *x, struct fault *f) MUST_CHECK;
void proof_ended(struct ingestd *d, struct file *x, const struct message *m);

#endif

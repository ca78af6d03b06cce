/*
 * proof - what a file's sender states of it is compared before a row is read (delivery.md, Arrival 3)
 *
 * A file that came with NAME.sha256 goes to a worker twice: first for its digest alone, then to be read.
 *
 *	proof_look(x)                 at its routing: is there anything to compare?
 *	proof_is_due(x)               the next pass is the proof
 *	proof_open(x, fds, &f)        what that pass needs
 *	proof_ended(d, x, m)          its result: on to the gate, or failed/
 */
#ifndef DAEMON_PROOF_H
#define DAEMON_PROOF_H

#include "watcher/daemon/file.h"

void proof_look(struct file *x);
bool proof_is_due(const struct file *x);
int proof_open(const struct file *x, int fds[MESSAGE_FD_COUNT], struct fault *f) MUST_CHECK;
void proof_ended(struct ingestd *d, struct file *x, const struct message *m);

#endif

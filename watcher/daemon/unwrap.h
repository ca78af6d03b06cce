/*
 * unwrap - a worker has met an encrypted file: is one of its stanzas for a key of the tenant?
 *
 *	unwrap_answer(d, x, &message)      answers with the file key, with none, or with the fault that keeps it from being found
 *
 * Only the file key leaves the daemon, to the one worker that has the file.  The key that opened it goes into the record.
 * A worker cannot ask for another tenant: the keyring is that of the file it was given.
 */
#ifndef DAEMON_UNWRAP_H
#define DAEMON_UNWRAP_H

#include "watcher/model/message.h"

struct ingestd;
struct file;

void unwrap_answer(struct ingestd *d, struct file *x, const struct message *m);

#endif

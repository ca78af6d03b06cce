/*
 * unwrap - the key of an encrypted file
 *
 *	options.keys = unwrap_asking(task)            the daemon is asked, once a task; the tenant's keys never come here
 *	options.keys = unwrap_local(&local)           --convert and --why: the tenant's own keyring, with the caller's rights
 *
 * Errors: FAULT_KEY when no key opens the file (it is held, not failed), FAULT_DATA for a header that no sender makes.
 */
#ifndef WORKER_UNWRAP_H
#define WORKER_UNWRAP_H

#include "watcher/worker/input.h"

struct task;

struct local_keys {
	const char *config; /* ingestd.json, or NULL: the usual one; read only for an encrypted file */
	const char *tenant;
	bool taken; /* the file was loaded before: a retired key will do */
};

struct layers_keys unwrap_asking(struct task *t);
struct layers_keys unwrap_local(struct local_keys *local);

#endif

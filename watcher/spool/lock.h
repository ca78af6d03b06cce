/*
 * lock - one daemon a state folder
 *
 *	lock_take("var", wait_ms, &fd, &f)     makes the folder if it is missing; holds
 *	                                      var/ingestd.lock (flock) until fd is closed
 *
 * wait_ms: how long another holder is waited for (ingestd 0, `ingestd --once` 2000); it sleeps, so
 * call it before the loop runs.
 * Failure: another daemon has it: FAULT_SYSTEM, f->error == EWOULDBLOCK, with its process id in the
 * text (exit 1); else SYSTEM.
 */
#ifndef SPOOL_LOCK_H
#define SPOOL_LOCK_H

#include "watcher/base/fault.h"

int lock_take(const char *state_dir, int64_t wait_ms, int *fd, struct fault *f) MUST_CHECK;

#endif

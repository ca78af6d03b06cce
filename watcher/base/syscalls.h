/*
 * syscalls - this process may call what syscalls.def allows, and dies by SIGSYS of anything else
 *
 *	syscalls_available()           does this kernel filter calls?
 *	syscalls_enforce(&f)           no way back; needs no_new_privs; for all threads that are made later
 *
 * Errors: FAULT_SYSTEM.  Source: seccomp(2), seccomp_rule_add(3).
 */
#ifndef BASE_SYSCALLS_H
#define BASE_SYSCALLS_H

#include "watcher/base/fault.h"

bool syscalls_available(void);
int syscalls_enforce(struct fault *f) MUST_CHECK;

#endif

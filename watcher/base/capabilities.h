/*
 * capabilities - those of this process, by number (linux/capability.h)
 *
 *	capabilities_have(CAP(CAP_SETUID) | CAP(CAP_SETGID))     all of them, in force now
 *	capabilities_keep(CAP(CAP_CHOWN), &f)                    these at most, of those there are; nothing inherited, nothing ambient
 *
 * What a program that we start could ever get goes too (the bounding set), as far as CAP_SETPCAP lets us, and no_new_privs is set:
 * there is no way back.
 * Failure: FAULT_SYSTEM.  Source: capabilities(7), capset(2).
 */
#ifndef BASE_CAPABILITIES_H
#define BASE_CAPABILITIES_H

#include "watcher/base/fault.h"
#include <linux/capability.h>

#define CAP(number) (1ull << (number))

bool capabilities_have(uint64_t set);
uint64_t capabilities_now(void); /* effective */
int capabilities_keep(uint64_t set, struct fault *f) MUST_CHECK;

#endif

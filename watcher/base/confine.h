/*
 * confine - from here on this process has its descriptors, the named folders and ports, and nothing else
 *
 *	confine(&(struct confinement){.folders = ..., .ports = ...}, &f)     once, before the first byte of a tenant
 *	confine_lacks(&sb)                                                   what this kernel cannot keep from it, for status
 *
 * In this order: capabilities go, no_new_privs, rlimits, landlock (files, ports, signals), syscalls.  The children of such a process, if
 * it could have any, are held the same.  Always readable are the system's libraries, time zones, authorities and, with a network, how
 * names are looked up.
 * Failure: a kernel without landlock or seccomp is no fault, and told by confine_lacks; FAULT_SYSTEM otherwise, and then the
 * process must end.  A sanitizer's build is held by everything but the list of calls.
 */
#ifndef BASE_CONFINE_H
#define BASE_CONFINE_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"

#define CONFINE_PORTS 64
#define CONFINE_FOLDERS 16

struct confinement {
	const char *folders[CONFINE_FOLDERS]; /* files are made, written and removed in them; each must be there */
	size_t folder_count;
	const char *reads[CONFINE_FOLDERS]; /* files, read only; one that is not there is left out */
	size_t read_count;
	unsigned ports[CONFINE_PORTS]; /* TCP, to connect to */
	size_t port_count;
	bool any_port;	/* which ports cannot be known beforehand */
	bool network;	/* names are looked up */
};

int confine(const struct confinement *c, struct fault *f) MUST_CHECK;
void confine_lacks(struct strbuf *out);

#endif

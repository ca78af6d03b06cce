/*
 * spawn - start an ingest-worker, and hold it to its limits
 *
 *	spawn_beside("ingest-worker", &path, &f)             the program beside our own
 *	spawn_start(path, argv, socket, errors, nice, &pid, &f)
 *	spawn_limit(pid, &limits)                            before each job
 *
 * The child has /dev/null as 0 and 1, `errors` as 2, `socket` as 3 and nothing else open; signals as at a program's start; a process
 * group of its own, so that a terminal's ^C reaches the daemon alone; everything else (PDEATHSIG) it does itself.
 * Ownership: the descriptors stay the caller's.
 * Failure: FAULT_SYSTEM.  Sources: posix_spawn(3), prlimit(2), clock_getcpuclockid(3).
 */
#ifndef SCHEDULE_SPAWN_H
#define SCHEDULE_SPAWN_H

#include "watcher/base/fault.h"
#include <sys/types.h>

struct spawn_limits {
	uint64_t memory_bytes; /* address space; 0 = none */
	uint64_t cpu_seconds;  /* for this job, from now; 0 = none */
};

int spawn_beside(const char *name, char **path, struct fault *f) MUST_CHECK;
/* input: becomes 0, -1 = /dev/null; socket: becomes 3, -1 = nothing. */
int spawn_start(const char *path, char *const argv[], int input, int socket, int errors, int nice,
		pid_t *pid, struct fault *f) MUST_CHECK;
/* Of every child: names of a list, from ours. */
char **spawn_environment(void);
/* What the kernel refuses is left as it is: the limits are a second wall. */
void spawn_limit(pid_t pid, const struct spawn_limits *limits);

#endif

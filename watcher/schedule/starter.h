/*
 * starter - the process that starts workers under a user of their own
 *
 *	starter_new(uid, gid, program, &st, &f)       at the daemon's start, while it may still change users: forks
 *	starter_start(st, path, argv, input, socket, errors, nice, &pid, &f)   as spawn_start; a child of the daemon all the same
 *	starter_kill(st, pid)  starter_limit(st, pid, &limits)                 what it started
 *	starter_free(&st)
 *
 * It is that user from its first moment and has no capability: it can start workers since they are what it is, and end them, which the
 * daemon, another user without CAP_KILL, cannot.  It starts one program, fixed at the fork, and touches no process that it did not
 * start.  NULL in its place: the daemon does all three itself, as the user that it is.
 * The daemon's death is the end of its socket: it kills what it started and ends.
 * Calls wait for its answer, as posix_spawn(3) would.  Failure: FAULT_SYSTEM, its error in f->error.
 * Ownership: descriptors stay the caller's.  Source: clone(2) for CLONE_PARENT, pidfd_send_signal(2), execveat(2).
 */
#ifndef SCHEDULE_STARTER_H
#define SCHEDULE_STARTER_H

#include "watcher/schedule/spawn.h"

struct starter;

int starter_new(uid_t uid, gid_t gid, const char *program, struct starter **out, struct fault *f) MUST_CHECK;
void starter_free(struct starter **st);
uid_t starter_uid(const struct starter *st);
gid_t starter_gid(const struct starter *st);

int starter_start(struct starter *st, const char *path, char *const argv[], int input, int socket, int errors, int nice,
		  pid_t *pid, struct fault *f) MUST_CHECK;
void starter_kill(struct starter *st, pid_t pid);
void starter_limit(struct starter *st, pid_t pid, const struct spawn_limits *limits);

#endif

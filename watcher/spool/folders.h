/*
 * folders - the state folders of one tenant: staging/<tenant>/{in,try,work,done,failed,held}
 *
 *	folders_open("staging", "alice", &t, &f)      makes what is missing, opens all, checks that
 *	                                              renames between them can work
 *	folders_use(t, &f)                            they are open: first of every piece of work on them
 *	folders_fd(t, FOLDER_WORK) ...
 *	folders_sync_claim(t, A, &f)                  work/A, work, in: the claim is durable
 *	folders_free(&t)
 *
 * Owner and modes (delivery.md, Arrival 4).  The tenant's group is the group of an in/ that is
 * there and not root's, else the system group named as the tenant if its number is 1000 or higher.
 * As root with such a group: in, try 0770; done, failed, held 0750; work 0700; owner the daemon,
 * group the tenant's, and folders that are there are set so.  Otherwise folders are made 0755 (work
 * 0700) and those that are there keep what they have, but for work, which is always made 0700.
 *
 * Descriptors.  The FOLDERS_KEPT_OPEN tenants used last have their folders open, the others none; what is opened again is checked
 * as the first time, and a folder that was replaced meanwhile is the one that is there (folders_replaced says so until the next
 * refresh).  A descriptor is good until as many other tenants were used: take it anew for each piece of work.
 *
 * Ownership: the struct owns its descriptors and strings.
 * Failure:   FAULT_CONFIG: a state folder is a link, no directory, or on another filesystem than
 * the rest; FAULT_SYSTEM.
 */
#ifndef SPOOL_FOLDERS_H
#define SPOOL_FOLDERS_H

#include "watcher/base/fault.h"
#include "watcher/model/outcome.h"
#include <sys/types.h>

enum folder { FOLDER_IN, FOLDER_TRY, FOLDER_WORK, FOLDER_DONE, FOLDER_FAILED, FOLDER_HELD };
#define FOLDER_COUNT 6

#define FOLDERS_KEPT_OPEN 256

struct folders_open;
struct durable_batch;
struct folders {
	char *tenant;
	char *path;           /* staging/<tenant>, as given */
	struct folders_open *open;
	bool has_group;
	gid_t group; /* who reads done/, failed/, held/ */
};

int folders_open(const char *staging, const char *tenant, struct folders **out,
		 struct fault *f) MUST_CHECK;
/* Of all tenants together; a tenant has 1 + FOLDER_COUNT. */
void folders_keep_open(size_t tenants);
int folders_use(const struct folders *t, struct fault *f) MUST_CHECK;
/* -1: they cannot be opened, as folders_use before it has said. */
int folders_fd(const struct folders *t, enum folder d);
/*
 * What sshd wants of a chroot: the tenant's folder is root's, 0755, and has dev/ for the log's socket.  Without the right to give
 * it away it stays as it is (the demo).
 */
int folders_make_chroot(const struct folders *t, struct fault *f) MUST_CHECK;
void folders_free(struct folders **t);
/* Some folder is not the one that its path leads to: removed, replaced, moved, mounted over. */
bool folders_replaced(const struct folders *t);
/* A folder that was removed or replaced under us is made and opened again. */
int folders_refresh(struct folders *t, struct fault *f) MUST_CHECK;
/* Between the two, many files' steps in one go: refresh looks once at each tenant's. */
void folders_turn_begins(void);
void folders_turn_ends(void);
/*
 * Delivery.md, Order 2: fsync work/A, work, in.  Several claims of one tenant: _arrival for each,
 * then _parents once, and one batch for all (NULL: each by itself).
 */
int folders_sync_claim(const struct folders *t, const char *arrival, struct fault *f) MUST_CHECK;
int folders_sync_arrival(const struct folders *t, const char *arrival, struct durable_batch *b, struct fault *f) MUST_CHECK;
int folders_sync_parents(const struct folders *t, struct durable_batch *b, struct fault *f) MUST_CHECK;

const char *folder_name(enum folder d); /* "in", "try", ... */
bool folder_parse(const char *name, enum folder *out);
/* done and duplicate: done/; failed and undone: failed/; held: held/.  OUTCOME_WAITING is a CHECK. */
enum folder folder_of(enum outcome o);

#endif

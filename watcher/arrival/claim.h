/*
 * claim - take one file out of in/ into work/A so that nobody else can change it
 *
 *	struct claim c;
 *	result = claim_take(&place, name, &seen, &c, &f);        CLAIM_TAKEN: the lease is held
 *	... journal ...
 *	claim_end(&c);                                           lease given up, closed
 * or step by step (the tests do): claim_begin, claim_move, claim_prove; claim_undo after any of
 * them, claim_end after all.
 *
 * Steps: openat2 beneath in/ -> regular -> unchanged since it was looked at -> read lease -> work/A
 * 0700, made or a spare one -> renameat2 NOREPLACE -> owner and mode -> same inode, one link -> flock -> nobody
 * waits in open for writing (F_GETLEASE) -> taken.  NAME.sha256 goes the same way beside it.
 * A claim that proves wrong is put back under its name, or under NAME.A if that has been taken
 * again: no file is lost.
 *
 * Ownership: a claim owns fd and its copies of names; place's descriptors are the caller's.
 * Results other than CLAIM_TAKEN come with a fault: kind DATA (the tenant's doing) or SYSTEM;
 * nothing is left open then.
 * SIGIO must not kill the process (arrival_new ignores it).  Sources: fcntl(2), openat2(2),
 * rename(2).
 */
#ifndef ARRIVAL_CLAIM_H
#define ARRIVAL_CLAIM_H

#include "watcher/base/fault.h"
#include "watcher/base/ulid.h"
#include <sys/stat.h>

enum claim_result {
	CLAIM_TAKEN,
	CLAIM_GONE,        /* the name is no more */
	CLAIM_WRITER,      /* open for writing or mapped writable, or a foreign lease or lock */
	CLAIM_CHANGED,     /* not the file that was looked at, or swapped under us: settle again */
	CLAIM_NOT_REGULAR,
	CLAIM_LINKED,      /* a second name exists */
	CLAIM_NO_LEASES,   /* the filesystem has none */
	CLAIM_NOT_OURS,    /* owner, capability or mode forbid it */
	CLAIM_OTHER_DISK,  /* in/ and work/ are on different filesystems */
	CLAIM_BLOCKED,     /* the system: disk full, ... */
};

struct spares;

struct claim_place {
	int in_fd;
	int work_fd;
	bool unproven; /* no lease where the filesystem has none */
	bool needs_side; /* not without what its sender states of it */
	bool sum_only;   /* that is NAME.sha256 alone */
	struct spares *spares; /* for work/A; NULL: it is made */
};

/* NAME.sha256 or NAME.manifest.json, when one is there (claim_side.h). */
struct claim_side {
	int fd; /* -1: there is none */
	char name[256];
	bool moved;
	bool owned;
	bool leased;
	struct stat before;
};

struct claim {
	struct claim_place place;
	char id[ULID_TEXT];
	int fd;
	int dir_fd; /* work/A, -1 before it is made */
	bool moved; /* after claim_take failed: it could not be put back; call claim_undo again, then claim_end */
	bool owned;
	bool leased;
	char original[256];
	char stored[256]; /* in work/A */
	bool encoded;
	const char *name_rule; /* why it is encoded, static */
	struct stat st;     /* of fd, after the last step */
	struct stat before; /* owner and mode to give back */
	struct claim_side side;
};

/* seen: the stat it was judged by, NULL: whatever is there. */
enum claim_result claim_take(const struct claim_place *place, const char *name,
			     const struct stat *seen, struct claim *out, struct fault *f);
/* Would it be granted?  Open and lease, both given up at once. */
enum claim_result claim_probe(const struct claim_place *place, const char *name,
			      const struct stat *seen, struct fault *f);

enum claim_result claim_begin(struct claim *c, const struct claim_place *place, const char *name,
			      const struct stat *seen, struct fault *f);
enum claim_result claim_move(struct claim *c, struct fault *f);
enum claim_result claim_prove(struct claim *c, struct fault *f);
/* Back into in/ with its owner and mode, work/A removed.  -1: it had to stay in work/A (fault says where); recovery claims it again. */
int claim_undo(struct claim *c, struct fault *f) MUST_CHECK;
void claim_give_up_lease(struct claim *c);
void claim_end(struct claim *c);

#endif

/*
 * tail - a log that another program writes, line by line, over its rotations
 *
 *	struct tail t;
 *	tail_init(&t, "logs/sshd/alice.log")
 *	t.at = what was kept of it               (nothing: from the file's begin)
 *	n = tail_read(&t, fn, ctx, &f)           whole lines that are new, at most TAIL_STEP bytes of them; keep t.at with what they said
 *	tail_release(&t)
 *
 * Where it stands is told by offset and by the last bytes before it: a file that is cut (copytruncate), written
 * anew or has another inode's number is not mistaken for the same.  A file renamed away is read to its end first,
 * as long as the new one is not there, and for one more look then; after a restart it is looked for as PATH.1.
 *
 * Errors: a log that cannot be opened or read (SYSTEM); one that is not there is ENOENT in f->error.
 */
#ifndef ARRIVAL_TAIL_H
#define ARRIVAL_TAIL_H

#include "watcher/base/fault.h"
#include "watcher/base/span.h"
#include "watcher/base/strbuf.h"

#define TAIL_MARK 64
#define TAIL_STEP (256 * 1024)
#define TAIL_LINE 8192 /* a longer one is passed over */

struct tail_at {
	uint64_t ino;
	uint64_t offset;
	size_t mark_n;
	char mark[TAIL_MARK]; /* the bytes before offset */
};

struct tail {
	char *path;
	int fd; /* -1: not open */
	struct tail_at at;
	struct strbuf line; /* begun, its end is not there yet */
	bool skipping;	    /* of one that is too long */
	bool last_look;	    /* the new file is there: one more read of the old one */
};

void tail_init(struct tail *t, const char *path);
void tail_release(struct tail *t);
/* Lines given to fn; 0: nothing new. */
int tail_read(struct tail *t, void (*fn)(void *ctx, struct span line), void *ctx, struct fault *f) MUST_CHECK;

#endif
